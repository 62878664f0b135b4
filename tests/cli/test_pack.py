"""``forecast pack``: a folder of files becomes data for every other command."""

import json
from pathlib import Path

import pandas as pd
import pytest

ROWS = 60


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FORECAST_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "files"
    folder.mkdir()
    days = pd.date_range("2024-01-01", periods=ROWS)
    for shop in ("north", "south"):
        frame = pd.DataFrame({"shop": shop, "day": days, "sales": [float(n % 7) for n in range(ROWS)], "rain": 1.0})
        frame.to_csv(folder / f"{shop}.csv", index=False)
    return folder


ROLES = ("--target", "sales", "--id", "shop")


def test_a_packed_folder_serves_the_other_commands(call, files, tmp_path):
    told = json.loads(call("pack", files, "-o", tmp_path / "panel", *ROLES, "--json").stdout)
    assert told["series"] == 2 and told["rows"] == 2 * ROWS and told["frequency"] == "D"
    fitted = call(
        "fit",
        tmp_path / "panel",
        "--model",
        "lstm",
        "--horizon",
        "3",
        "--set",
        "max_steps=5",
        "-o",
        tmp_path / "model",
        *ROLES,
    )
    assert fitted.exit_code == 0, fitted.stderr
    predicted = call("predict", tmp_path / "model", tmp_path / "panel", "-o", tmp_path / "out.csv")
    assert predicted.exit_code == 0, predicted.stderr
    assert len(pd.read_csv(tmp_path / "out.csv")) == 6


def test_a_folder_of_files_is_packed_into_the_cache_and_found_again(call, files):
    notes = [json.loads(call("inspect", files, *ROLES, "--json").stdout)["notes"] for _ in range(2)]
    assert [note[-1]["message"].rsplit(", ", 1)[1] for note in notes] == ["made", "reused"]


def test_covariates_in_a_second_file_are_refused(call, files, tmp_path):
    result = call("pack", files, "-o", tmp_path / "panel", "--future-data", files / "north.csv", *ROLES)
    assert result.exit_code == 2 and "no second file" in result.stderr
    assert not (tmp_path / "panel").exists()


def test_a_folder_that_holds_something_else_is_not_overwritten(call, files, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    result = call("pack", files, "-o", tmp_path / "notes", "--force", *ROLES)
    assert result.exit_code == 2 and "not empty" in result.stderr


@pytest.mark.parametrize("command", ["pack", "fit", "run", "inspect"])
def test_the_help_says_that_data_may_be_a_folder(call, command):
    assert "folder" in call(command, "--help").stdout.split("DATA", 2)[2].split("Options")[0]
