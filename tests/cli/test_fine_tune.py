"""``forecast fine-tune``: a saved model goes on with newer data, and lands in a folder of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast import load
from forecast.folders import claimed

Call = Callable[..., Any]


@pytest.fixture
def model(call: Call, sales: Path, tmp_path: Path) -> Path:
    """Fitted on the first 90 of 120 days; ``sales`` then holds all of them."""
    frame = pd.read_csv(sales)
    frame[:90].to_csv(tmp_path / "past.csv", index=False)
    words = ["--model", "lstm", "--horizon", 4, "--set", "hidden_size=8", "--set", "max_steps=40", "-o", "model", "-q"]
    done = call("fit", "past.csv", *words)
    assert done.exit_code == 0, done.stderr
    return tmp_path / "model"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_that_grew_moves_the_model_on(call: Call, model: Path, sales: Path, tmp_path: Path) -> None:
    done = call("fine-tune", "model", sales, "-o", "newer", "--max-steps", 6, "--learning-rate", 1e-3)
    assert done.exit_code == 0, done.stderr
    for line in ("new_steps          30", "steps              6", "learning_rate      0.001", "saved to newer"):
        assert line in done.stdout, line
    assert files(tmp_path / "newer") == ["model.json", "weights.safetensors"]
    for name, first in (("newer", "2024-04-30"), ("model", "2024-03-31")):  # the old one stays as it was
        assert call("predict", name).stdout.splitlines()[1].startswith(f"sales,{first},")
    told = load(tmp_path / "newer").report_["fine_tuned"]
    assert [entry["steps"] for entry in told] == [6]


def test_it_may_replace_the_model_itself_where_asked(call: Call, model: Path, sales: Path) -> None:
    refused = call("fine-tune", "model", sales, "-o", "model")
    assert refused.exit_code == 2 and "not empty" in refused.stderr
    done = call("fine-tune", "model", sales, "-o", "model", "--force", "--max-steps", 2, "--json", "--validation", 0)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["folder"], found["steps"], found["improved"]) == ("model", 2, True)
    again = call("fine-tune", "model", sales, "-o", "other")
    assert again.exit_code == 3 and "no row is newer" in again.stderr


def test_weights_that_did_not_improve_are_told(call: Call, model: Path, sales: Path) -> None:
    words = ("fine-tune", "model", sales, "--max-steps", 2, "--learning-rate", 9, "-o")
    assert "the weights are those of before" in call(*words, "a").stderr
    assert call(*words, "b", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("model", "sales.csv", "--max-steps", 0), 2, "max_steps=0"),
        (("model", "sales.csv", "--max-time", -1), 2, "max_time=-1.0"),
        (("model", "sales.csv", "--validation", 30), 2, "at most 30 new ones"),
        (("model", "none.csv"), 3, "none.csv"),
        (("model", "past.csv"), 3, "no row is newer"),
        (("nowhere", "sales.csv"), 4, "nowhere does not exist"),
        (("naive", "sales.csv"), 2, "no weights to go on training"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(
    call: Call, model: Path, tmp_path: Path, words: tuple[Any, ...], code: int, told: str
) -> None:
    assert call("fit", "past.csv", "--model", "naive", "--horizon", 4, "-o", "naive").exit_code == 0
    done = call("fine-tune", *words, "-o", "out")
    assert done.exit_code == code, done.stderr
    assert told in done.stderr and done.stderr.count("\n") == 2
    assert not (tmp_path / "out").exists()
    assert files(model) == ["model.json", "weights.safetensors"]


def test_a_folder_that_someone_else_is_writing_to_is_refused(
    call: Call, model: Path, sales: Path, tmp_path: Path
) -> None:
    pytest.importorskip("fcntl")
    from concurrent.futures import ThreadPoolExecutor

    (tmp_path / "out").mkdir()
    with ThreadPoolExecutor(1) as other, claimed(tmp_path / "out"):
        done = other.submit(call, "fine-tune", "model", sales, "-o", "out").result()
    assert done.exit_code == 2 and "another process is at work" in done.stderr
