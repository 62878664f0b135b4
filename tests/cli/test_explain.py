"""``forecast explain`` says what a saved model looks at."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forecast import create

from .conftest import weekly

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small hybrid fitted on the ``sales`` series."""
    folder = tmp_path_factory.mktemp("explained") / "model"
    settings = {"horizon": 7, "lookback": 14, "patch": 7, "hidden_size": 8, "max_steps": 2, "threads": 1}
    create("hybrid", **settings).fit(weekly().rename(columns={"sales": "y"})).save(folder)
    return folder


def test_it_tells_in_a_few_lines(call: Call, model: Path) -> None:
    result = call("explain", model)
    assert result.exit_code == 0, result.output
    assert "attention: 1 layer of 4 heads" in result.stdout and "trunk.gate: 0." in result.stdout
    assert len(result.stdout.splitlines()) < 8


def test_it_writes_a_picture_and_plain_values(call: Call, model: Path, tmp_path: Path) -> None:
    data = tmp_path / "y.csv"
    weekly().rename(columns={"sales": "y"}).to_csv(data, index=False)
    result = call("explain", model, data, "-o", "explanation.png", "--repeats", "2", "--json")
    assert result.exit_code == 0, result.output
    assert Path("explanation.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads(result.stdout)
    assert [row["variable"] for row in told["importance"]] == ["calendar"]
    assert {row["step"] for row in told["gates"]} == {-7, 0}
    assert "explanation.png" in result.stderr


def test_what_it_cannot_do_it_says(call: Call, model: Path, trained: Path) -> None:
    result = call("explain", trained)
    assert result.exit_code == 2 and "no network to explain" in result.stderr
    result = call("explain", model, "--series", "nobody")
    assert result.exit_code == 2 and "unknown series 'nobody'" in result.stderr
    result = call("explain", model, "-o", "missing/explanation.png")
    assert result.exit_code == 2 and "missing" in result.stderr
