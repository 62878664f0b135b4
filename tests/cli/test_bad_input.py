"""Wrong use and bad data: one line of cause, one of remedy, the right exit code, and nothing written."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

GOOD = "".join(f"2024-01-{day:02d},{day % 7}\n" for day in range(1, 31))
LONG = "".join(f"2024-01-{day:02d},{name},{day % 7}\n" for name in "ab" for day in range(1, 31))
PAIR = "".join(f"2024-01-{day:02d},{name},{day % 7},{day}\n" for name in "ab" for day in range(1, 31))

# what is in the file, what the message must hold
BAD_DATA = {
    "empty file": ("", ["empty"]),
    "header only": ("day,sales\n", ["row"]),
    "ragged rows": ("day,sales\n" + GOOD + "2024-01-31,3,4,5\n", ["32"]),
    "no datetime column": ("a,b\n" + "".join(f"{i * 0.37},{i % 5 + 0.5}\n" for i in range(30)), ["time"]),
    "two candidates for the time": (
        "day,other,sales\n" + "".join(f"2024-01-{d:02d},2023-01-{d:02d},{d % 7}\n" for d in range(1, 31)),
        ["day", "other"],
    ),
    "two candidates for the target": ("day,shop,in,out\n" + PAIR, ["in", "out"]),
    "text in the target": ("day,sales\n" + GOOD.replace("2024-01-20,6", "2024-01-20,many"), ["many"]),
    "value whose square is infinite": ("day,sales\n" + GOOD.replace("2024-01-20,6", "2024-01-20,-1e200"), ["-1e+200"]),
    "infinite value": ("day,sales\n" + GOOD.replace("2024-01-20,6", "2024-01-20,inf"), ["inf"]),
    "conflicting duplicates": ("day,shop,y\n" + LONG + "2024-01-20,a,99\n", ["2024-01-20", "a"]),
    "mixed frequencies": (
        "day,shop,y\n" + LONG + "".join(f"2024-01-01 {h:02d}:00,c,{h}\n" for h in range(24)),
        ["frequenc"],
    ),
    "nothing but missing targets": ("day,y\n" + "".join(f"2024-01-{d:02d},\n" for d in range(1, 31)), ["y"]),
    "too short": ("day,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-04,4\n", ["at most 1"]),
}


def assert_refused(result: Any, code: int, words: list[str], folder: Path, before: set[Path]) -> None:
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == code, result.stderr
    assert lines[0].startswith("error: ") and len(lines) in (1, 2), result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word.lower() in result.stderr.lower(), (word, result.stderr)
    assert result.stdout == ""
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data_are_refused_in_a_line_of_cause_and_one_of_remedy(name: str, call: Call, tmp_path: Path) -> None:
    content, words = BAD_DATA[name]
    (tmp_path / "bad.csv").write_text(content)
    before = set(tmp_path.rglob("*"))
    result = call("run", "bad.csv", "--horizon", 3, "-o", "out")
    assert_refused(result, 3, words, tmp_path, before)
    assert len(result.stderr.strip().splitlines()) == 2


def test_a_binary_file_is_refused(call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(bytes(range(256)) * 20)
    before = set(tmp_path.rglob("*"))
    assert_refused(call("inspect", "bad.csv"), 3, ["bad.csv"], tmp_path, before)


@pytest.mark.parametrize("command", ["run", "inspect", "fit", "backtest"])
def test_a_missing_file_is_named(command: str, call: Call, tmp_path: Path) -> None:
    extra = {
        "run": ["--horizon", 3],
        "inspect": [],
        "fit": ["--model", "naive", "--horizon", 3, "-o", "out"],
        "backtest": ["--model", "naive", "--horizon", 3],
    }[command]
    assert_refused(call(command, "nowhere.csv", *extra), 3, ["nowhere.csv"], tmp_path, set())


def test_a_mistyped_data_set_is_corrected(call: Call, tmp_path: Path) -> None:
    assert_refused(call("inspect", "sunspts"), 3, ["'sunspots'"], tmp_path, set())


@pytest.mark.parametrize("horizon", ["0", "-3", "two", "1.5"])
def test_a_horizon_that_is_no_count_is_wrong_usage(horizon: str, call: Call, sales: Path, tmp_path: Path) -> None:
    assert_refused(call("run", sales, "--horizon", horizon), 2, ["horizon"], tmp_path, {sales})


def test_a_horizon_beyond_the_data_names_the_largest_that_fits(call: Call, sales: Path, tmp_path: Path) -> None:
    result = call("run", sales, "--horizon", 100)
    assert_refused(result, 3, ["at most 59"], tmp_path, {sales})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "lsmt"], "'lstm'"),
        (["--model", "lstm", "--set", "hidden_sise=8"], "'hidden_size'"),
        (["--model", "lstm", "--set", "hidden_size=big"], "whole number"),
        (["--model", "lstm", "--set", "hidden_size"], "no value"),
        (["--model", "lstm", "--set", "hidden_size=-1"], "at least 1"),
        (["--model", "lstm", "--set", "cell=gruu"], "'gru'"),
        (["--model", "lstm", "--device", "gpu9"], "gpu9"),
        (["--model", "lstm", "--device", "meta"], "meta"),
        (["--model", "lstm", "--seed", -1], "at least 0"),
        (["--model", "lstm", "--seed", 2**70], "at most"),
        (["--model", "lstm", "--set", "threads=10000000"], "at most"),
        (["--model", "lstm", "--set", "lookback=1e9"], "lookback"),
        (["--model", "lstm", "--set", "batch_size=1e12"], "batch_size"),
        (["--model", "lstm", "--set", "learning_rate=inf"], "finite"),
        (["--model", "naive", "--set", "lower=nan"], "finite"),
        ([], "--model"),
        (["--model", "lstm", "--config", "nowhere.toml"], "nowhere.toml"),
        (["--modle", "lstm"], "--model"),
    ],
)
def test_wrong_settings_are_named_with_the_nearest_match(
    words: list[str], told: str, call: Call, sales: Path, tmp_path: Path
) -> None:
    result = call("fit", sales, "--horizon", 3, "-o", "out", *words)
    assert_refused(result, 2, [told], tmp_path, {sales})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[forecastr]\nname = 'naive'\n", "'forecaster'"),
        ("[data]\ntarge = 'sales'\n", "'target'"),
        ("[training]\nmax_step = 3\n", "'max_steps'"),
        ("[forecaster]\nname = 'lstm'\nhidden = 3\n", "'hidden_size'"),
        ("[forecaster\n", "TOML"),
        ("x = " + "[" * 5000 + "]" * 5000, "TOML"),
        ("[forecaster]\nname = ['lstm']\n", "name"),
        ("[data]\npast = 'price'\n", "list of texts"),
        ("[data]\ntarget = 3\n", "target"),
        ("[data]\nfuture_data = [1]\n", "future_data"),
        ("[training]\nvalidation = true\n", "validation"),
    ],
)
def test_unknown_keys_of_a_config_file_are_refused(
    content: str, told: str, call: Call, sales: Path, tmp_path: Path
) -> None:
    (tmp_path / "run.toml").write_text(content)
    result = call("fit", sales, "--horizon", 3, "-o", "out", "--config", "run.toml", "--model", "lstm")
    assert_refused(result, 2, [told], tmp_path, {sales, tmp_path / "run.toml"})


@pytest.mark.parametrize(("words", "told"), [(["--season", 0], "season=0"), (["--seed", -1], "seed=-1")])
def test_settings_of_a_run_are_checked_before_any_work(
    words: list[Any], told: str, call: Call, sales: Path, tmp_path: Path
) -> None:
    assert_refused(call("run", sales, "--horizon", 3, *words), 2, [told], tmp_path, {sales})


def test_more_folds_than_any_data_hold_are_refused_at_once(call: Call, sales: Path, tmp_path: Path) -> None:
    result = call("backtest", sales, "--model", "naive", "--horizon", 3, "--folds", 10**30)
    assert_refused(result, 3, ["at most 37 folds"], tmp_path, {sales})


@pytest.mark.parametrize("content", ["[" * 100_000, '{"day": "2024-01-01", "y": ' + "9" * 5000 + "}", '{"y": 1}\n{y'])
def test_json_that_cannot_be_read_is_refused(content: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text(content)
    before = set(tmp_path.rglob("*"))
    assert_refused(call("inspect", "bad.jsonl"), 3, ["not JSON"], tmp_path, before)


def test_a_name_that_the_system_does_not_take_is_refused(call: Call, tmp_path: Path) -> None:
    assert_refused(call("inspect", "x" * 5000), 3, ["xxx"], tmp_path, set())


def test_an_unknown_command_is_corrected(call: Call, tmp_path: Path) -> None:
    assert_refused(call("forcast"), 2, ["forcast"], tmp_path, set())
    assert_refused(call("inspct"), 2, ["inspect"], tmp_path, set())


@pytest.mark.parametrize("command", ["run", "fit"])
def test_a_folder_that_is_not_empty_is_refused_before_any_work(
    command: str, call: Call, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    monkeypatch.setattr("forecast.sources.load_panel", _never)
    extra = ["--model", "naive"] if command == "fit" else []
    result = call(command, sales, "--horizon", 3, "-o", "out", *extra)
    assert_refused(result, 2, ["not empty", "--force"], tmp_path, {sales, tmp_path / "out", tmp_path / "out/notes.txt"})


@pytest.mark.parametrize("command", ["run", "fit"])
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    command: str, call: Call, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecast.estimators.base.Forecaster.fit", _never)
    extra = ["--model", "naive"] if command == "fit" else []
    for place in (sales, sales / "out"):
        assert_refused(call(command, sales, "--horizon", 3, "-o", place, *extra), 2, [], tmp_path, {sales})


def _never(*_: Any, **__: Any) -> None:
    raise AssertionError("work was done")


# ---------------------------------------------------------------------- model folders


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "model"))


def _newer(folder: Path) -> None:
    document = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**document, "format": 999}))


def _edited(folder: Path) -> None:
    text = (folder / "model.json").read_text()
    (folder / "model.json").write_text(text.replace('"horizon": 7', '"horizon": 8'))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": shutil.rmtree,
    "no description": lambda folder: (folder / "model.json").unlink(),
    "no weights": lambda folder: (folder / "weights.safetensors").unlink(),
    "truncated": lambda folder: (folder / "model.json").write_text((folder / "model.json").read_text()[:100]),
    "edited": _edited,
    "newer": _newer,
    "pickle": lambda folder: (folder / "extra.pkl").write_bytes(b"\x80\x04."),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_model_folder_ends_with_exit_code_4(name: str, call: Call, model: Path, tmp_path: Path) -> None:
    DAMAGE[name](model)
    before = set(tmp_path.rglob("*"))
    assert_refused(call("predict", model, "-o", "forecast.csv"), 4, [], tmp_path, before)


def test_levels_that_are_none_are_wrong_usage(call: Call, model: Path, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    for levels in ("0.1,high", "1.5"):
        assert_refused(call("predict", model, "--levels", levels), 2, [levels.split(",")[-1]], tmp_path, before)


# ---------------------------------------------------------------------- faults of ours


def test_an_unexpected_failure_asks_to_be_run_again_with_debug(
    call: Call, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("something\nbroke")

    monkeypatch.setattr("forecast.sources.load_panel", fail)
    result = call("inspect", sales)
    assert_refused(result, 1, ["RuntimeError: something", "--debug"], tmp_path, {sales})
    assert "Traceback" in call("inspect", sales, "--debug").stderr


def test_an_interrupt_ends_with_exit_code_130_and_leaves_nothing(
    call: Call, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("forecast.run.select", interrupt)
    assert_refused(call("run", sales, "--horizon", 3, "-o", "a/b/out"), 130, ["interrupted"], tmp_path, {sales})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_results_that_find_no_room_are_told(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "forecast.cli", "models", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert "cannot be written" in done.stderr and "fault of the program" not in done.stderr


def test_streams_that_are_closed_are_no_fault() -> None:
    command = f"{shlex.quote(sys.executable)} -P -m forecast.cli models >&- 2>&-"
    assert subprocess.run(command, shell=True, timeout=60).returncode == 0


def test_names_beyond_ascii_are_told_whatever_the_locale(sales: Path, tmp_path: Path) -> None:
    sales.write_text(sales.read_text().replace("sales", "größe"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "forecast.cli", "inspect", str(sales)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "größe" in done.stdout.decode()
