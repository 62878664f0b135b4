"""The commands on good data."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from forecast.cli.main import app
from forecast.evaluation import evaluate

Call = Callable[..., Any]


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", *words], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("command", ["--help", "models"])
def test_help_and_the_table_load_no_heavy_library(command: str) -> None:
    heavy = "{'torch', 'pandas', 'numpy', 'statsmodels', 'sklearn', 'matplotlib', 'plotly', 'optuna'}"
    code = (
        "import sys; from forecast.cli.main import app\n"
        f"try: app([{command!r}])\n"
        f"except SystemExit as end: print(end.code, sorted({heavy} & set(sys.modules)))"
    )
    done = python("-c", code)
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr


def test_help_names_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    commands = ("run", "fit", "predict", "explain", "fine-tune", "backtest", "inspect", "pack", "models", "datasets")
    for command in commands:
        assert command in shown


def test_shared_options_are_the_same_everywhere() -> None:
    shared = ("--time", "--target", "--id", "--past", "--future", "--static", "--future-data", "--freq", "--season")
    job = ("--timezone", "--holidays", "--seed", "--device", "--max-time")
    told = ("--force", "--quiet", "--json", "--debug")
    for command in ("run", "fit", "backtest"):
        text = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, [command, "--help"]).stdout
        for option in (*shared, *job, *told):
            assert option in text, (command, option)


def test_no_command_shows_the_help_and_is_wrong_usage(call: Call) -> None:
    result = call()
    assert result.exit_code == 2
    assert "backtest" in result.output


def test_models_are_listed_by_name_and_family(call: Call) -> None:
    rows = json.loads(call("models", "--json").stdout)
    names = {row["name"]: row["family"] for row in rows}
    assert {"lstm", "transformer", "hybrid", "naive", "seasonal-naive", "theta", "ets", "arima", "linear"} <= set(names)
    assert names["naive"] == "baseline" != names["lstm"]
    assert "seasonal-naive" in call("models").stdout


def test_the_settings_of_a_model_can_be_seen(call: Call) -> None:
    shown = json.loads(call("models", "gru", "--json").stdout)
    settings = {row["setting"]: row["default"] for row in shown["settings"]}
    assert settings["cell"] == "gru"
    assert settings["horizon"] == "required"
    assert call("models", "gur").exit_code == 2


def test_data_sets_are_listed(call: Call) -> None:
    rows = json.loads(call("datasets", "--json").stdout)
    assert next(row for row in rows if row["name"] == "co2")["available"] is True
    assert "co2" in call("datasets").stdout


def test_inspect_tells_roles_frequency_season_and_horizon(call: Call, shops: Path) -> None:
    seen = json.loads(call("inspect", shops, "--target", "sales", "--json").stdout)
    assert seen["roles"] == {"time": "day", "id": "shop", "target": ["sales"]}
    assert (seen["series"], seen["frequency"], seen["season"]) == (3, "D", 7)
    assert seen["steps"] == [120, 120, 120]
    assert (seen["suggested_horizon"], seen["largest_horizon"]) == (7, 59)
    text = call("inspect", shops, "--target", "sales").stdout
    assert "7 steps" in text and "2024-01-01" in text


def test_an_existing_file_wins_over_a_data_set_of_that_name(call: Call, sales: Path, tmp_path: Path) -> None:
    assert json.loads(call("inspect", "co2", "--json").stdout)["frequency"] == "W-SAT"
    sales.rename(tmp_path / "co2")
    assert json.loads(call("inspect", "co2", "--json").stdout)["frequency"] == "D"


def test_data_may_come_from_standard_input(sales: Path) -> None:
    text = sales.read_text()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "forecast.cli", "inspect", "-", "--json"],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == [120, 120, 120]


def test_fit_then_predict_gives_the_rows_after_the_data(call: Call, sales: Path, tmp_path: Path) -> None:
    fitted = call(
        "fit", sales, "--model", "lstm", "--horizon", 7, "-o", "model", "--set", "max_steps=2", "--set", "hidden_size=8"
    )
    assert fitted.exit_code == 0, fitted.stderr
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.json", "weights.safetensors"]
    frame = pd.read_csv(io.StringIO(call("predict", "model").stdout))
    assert list(frame.columns)[:4] == ["series", "day", "forecast", "q0.05"]
    assert list(frame["day"]) == ["2024-04-30", *(f"2024-05-0{day}" for day in range(1, 7))]
    assert call("fit", sales, "--model", "lstm", "--horizon", 7, "-o", "model").exit_code == 2


def test_predict_writes_a_file_and_takes_levels_horizon_and_newer_data(
    call: Call, trained: Path, tmp_path: Path
) -> None:
    newer = pd.DataFrame({"day": pd.date_range("2024-06-01", periods=20), "y": range(20)})
    newer.to_csv(tmp_path / "newer.csv", index=False)
    done = call("predict", trained, "newer.csv", "--levels", "0.1,0.9", "--horizon", 3, "-o", "forecast.csv")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    frame = pd.read_csv(tmp_path / "forecast.csv")
    assert list(frame.columns) == ["series", "day", "forecast", "q0.1", "q0.9"]
    assert list(frame["day"]) == ["2024-06-21", "2024-06-22", "2024-06-23"]
    assert list(frame["forecast"]) == [13, 14, 15]
    rows = json.loads(call("predict", trained, "newer.csv", "--horizon", 2, "--json").stdout)
    assert [row["forecast"] for row in rows] == [13, 14]


def test_backtest_ranks_the_models_named_in_either_way(call: Call, sales: Path) -> None:
    words = ["--model", "naive,mean", "--model", "seasonal-naive", "--horizon", 7, "--folds", 3]
    found = json.loads(call("backtest", sales, *words, "--json").stdout)
    assert found["models"][0]["name"] == "seasonal-naive"
    assert len(found["models"]) == 3
    assert all(len(row["mase_by_fold"]) == 3 for row in found["models"])
    assert "seasonal-naive" in call("backtest", sales, *words).stdout


def test_backtest_says_which_differences_are_shown(call: Call, sales: Path) -> None:
    words = ["--model", "naive,mean,seasonal-naive", "--horizon", 7]
    told = call("backtest", sales, *words, "--folds", 8).stdout
    assert "mean against seasonal-naive: worse: p " in told and "against_reference" in told
    words += ["--folds", 3, "--reference", "mean", "--json"]
    found = {row["first"]: row for row in json.loads(call("backtest", sales, *words).stdout)["comparisons"]}
    assert found["naive"]["second"] == "mean" and found["naive"]["word"] == "cannot tell"
    assert (found["naive"]["pairs"], found["naive"]["needed"], found["naive"]["p"]) == (3, 5, None)
    refused = call("backtest", sales, "--model", "mean", "--horizon", 7, "--reference", "men")
    assert refused.exit_code == 2 and "Did you mean 'mean'" in refused.stderr


def test_backtest_writes_its_forecasts_and_knows_gaps_windows_and_warm_refits(
    call: Call, sales: Path, tmp_path: Path
) -> None:
    small = ["--set", "hidden_size=8", "--set", "max_steps=2", "--set", "lookback=14"]
    words = ["--model", "mean", "--model", "gru", *small, "--horizon", 3, "--folds", 4, "--gap", 2, "--window", 30]
    words += ["--refit", 2, "--warm", "-o", "folds.csv", "--json"]
    result = call("backtest", sales, *words)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)["models"]
    assert {(row["name"], row["gap"], row["fits"]) for row in found} == {("mean", 2, 2), ("gru", 2, 2)}
    assert "48 rows in folds.csv" not in result.stdout  # that is a remark
    frame = pd.read_csv(tmp_path / "folds.csv", parse_dates=["origin", "day"])
    assert list(frame.columns[:7]) == ["model", "fold", "origin", "series", "day", "actual", "forecast"]
    assert len(frame) == 2 * 4 * 3
    assert ((frame.day - frame.origin).dt.days.to_numpy() == [3, 4, 5] * 8).all()
    data = pd.read_csv(sales, parse_dates=["day"]).set_index("day")["sales"]
    mean = frame[frame.model == "mean"].iloc[0]
    assert mean.forecast == pytest.approx(data[: mean.origin].iloc[-30:].mean(), rel=1e-6)
    evaluated = evaluate(frame[frame.model == "mean"].drop(columns="model"), sales)
    assert evaluated["mae"] == pytest.approx(next(row for row in found if row["name"] == "mean")["metrics"]["mae"])
    refused = call("backtest", sales, "--model", "mean", "--horizon", 3, "-o", "nowhere/folds.csv")
    assert refused.exit_code == 2 and "does not exist" in refused.stderr
    refused = call("backtest", sales, "--model", "mean", "--horizon", 3, "--warm")
    assert refused.exit_code == 2 and "--refit" in refused.stderr


def test_set_beats_options_and_options_beat_the_config_file(call: Call, sales: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(
        "[data]\nseason = 3\ntarget = 'sales'\n[forecaster]\nname = 'gru'\nhidden_size = 8\nlevels = [0.1, 0.9]\n"
        "[training]\nmax_steps = 2\nseed = 5\n"
    )
    words = ["--config", "run.toml", "--horizon", 4, "-o", "model", "--season", 7, "--set", "max_steps=1", "--json"]
    done = call("fit", sales, *words)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["season"], found["max_steps"], found["seed"], found["cell"]) == (7, 1, 5, "gru")
    assert found["levels"] == [0.1, 0.9]


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("3", "lookback", 3),
        ("1e3", "max_steps", 1000),
        ("none", "lookback", None),
        ("off", "calendar", False),
        ("0.1, 0.9", "levels", (0.1, 0.9)),
        ("[0.1, 0.9]", "levels", (0.1, 0.9)),
        ("None", "levels", None),
        ("log1p", "transform", "log1p"),
        ("-2.5", "lower", -2.5),
        ('["a,b", "c"]', "past", ("a,b", "c")),
        ("a,b", "past", ("a", "b")),
    ],
)
def test_values_of_set_have_the_type_of_the_field(text: str, name: str, value: object) -> None:
    from typing import get_type_hints

    from forecast.cli.settings import parse
    from forecast.estimators import LSTMForecaster

    assert parse(text, get_type_hints(LSTMForecaster)[name], name) == value


def test_columns_may_be_repeated_or_separated_by_commas() -> None:
    from forecast.cli.options import split_list

    assert split_list(["a,b", "c"]) == ("a", "b", "c")
    assert split_list([r"load\, MW,b"]) == ("load, MW", "b")
    assert split_list(None) == ()


def test_an_interrupted_fit_keeps_its_checkpoint_and_goes_on_from_it(
    call: Call, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecast.training import checkpoint

    command = ("fit", sales, "--model", "lstm", "--horizon", 3, "--set", "max_steps=40", "--set", "hidden_size=8", "-o")
    write = checkpoint.write

    def write_and_interrupt(*args: object) -> None:
        write(*args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_pause", lambda cost: 0.0)
        patch.setattr(checkpoint, "write", write_and_interrupt)
        done = call(*command, "out")
    assert done.exit_code == 130, done.stderr
    assert "goes on from there" in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoint.safetensors"]

    for other in (("--seed", 3), ("--model", "naive"), ("--set", "max_steps=41")):  # of other settings: not this fit
        refused = call(*command, "out", *other)
        assert refused.exit_code == 2 and refused.stderr.count("\n") == 2, refused.stderr
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoint.safetensors"]

    again = call(*command, "out")
    assert again.exit_code == 0, again.stderr
    assert "going on with the unfinished fit" in again.stderr
    assert call(*command, "whole").exit_code == 0
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["model.json", "weights.safetensors"]
    assert (tmp_path / "out" / files[1]).read_bytes() == (tmp_path / "whole" / files[1]).read_bytes()


def test_a_model_that_cannot_be_saved_leaves_what_was_trained_and_a_finished_one_is_not_fitted_again(
    call: Call, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forecast import persistence
    from forecast.training import checkpoint
    from forecast.training.loop import Training

    command = ("fit", sales, "--model", "lstm", "--horizon", 3, "--set", "max_steps=8", "--set", "hidden_size=8", "-o")
    monkeypatch.setattr(checkpoint, "_pause", lambda cost: 0.0)

    def full(path: Path, data: bytes) -> None:
        raise persistence.refusal(path.parent, OSError(28, "No space left on device"))

    def no_step(self: Training, rate: float) -> None:
        raise AssertionError("trained again")

    with monkeypatch.context() as patch:
        patch.setattr(persistence, "_write", full)
        done = call(*command, "out")
    assert done.exit_code == 2 and "No space left" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoint.safetensors"]
    monkeypatch.setattr(Training, "_step", no_step)
    done = call(*command, "out")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.json", "weights.safetensors"]
    done = call(*command, "out")
    assert done.exit_code == 2 and "holds a finished model already" in done.stderr


@pytest.fixture
def no_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main job with baselines that take no time."""
    monkeypatch.setattr("forecast.automatic.candidates.NETWORKS", ())
    monkeypatch.setattr("forecast.automatic.candidates.BASELINES", ("naive", "seasonal-naive"))


def test_run_tells_what_was_read_who_won_and_where_the_files_are(
    no_networks: None, call: Call, shops: Path, tmp_path: Path
) -> None:
    done = call("run", shops, "--target", "sales", "--horizon", 7)
    assert done.exit_code == 0, done.stderr
    assert done.stderr == ""
    for words in (
        "shop",
        "7 steps",
        "No forecaster that was tried beats seasonal naive",
        "shops-forecast: backtest.csv",
    ):
        assert words in done.stdout, words
    assert (tmp_path / "shops-forecast" / "report.html").exists()


def test_run_prints_one_json_value_where_asked(no_networks: None, call: Call, sales: Path, tmp_path: Path) -> None:
    found = json.loads(call("run", sales, "--horizon", 3, "-o", "out", "--json").stdout)
    assert (found["winner"], found["horizon"], found["folder"]) == ("seasonal-naive", 3, "out")
    assert found["command"].endswith("--horizon 3 -o out --json")
    assert call("predict", "out", "--horizon", 1).stdout.count("\n") == 2


@pytest.mark.slow
def test_the_main_job_on_a_real_data_set_from_the_shell(tmp_path: Path) -> None:
    words = ["run", "co2", "--horizon", "26", "--max-time", "25", "-o", str(tmp_path / "out")]
    done = python("-m", "forecast.cli", *words)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    tried = {row["name"] for row in metrics["leaderboard"]}
    assert tried >= {"naive", "seasonal-naive"}
    assert tried | set(metrics["left_out"]) >= {"gru", "transformer", "linear", "theta"}  # a busy machine
    assert metrics["gain_over_seasonal_naive"] > 0.3


def test_covariates_known_ahead_come_from_a_second_file(call: Call, sales: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(sales).assign(promo=range(120))
    frame.to_csv(sales, index=False)
    done = call("fit", sales, "--model", "naive", "--horizon", 3, "--target", "sales", "--future", "promo", "-o", "m")
    assert done.exit_code == 0, done.stderr
    ahead = pd.DataFrame({"day": pd.date_range("2024-04-30", periods=3), "promo": [1, 2, 3]})
    ahead.to_csv(tmp_path / "ahead.csv", index=False)
    ahead[:2].to_csv(tmp_path / "short.csv", index=False)
    ahead.drop(columns="promo").to_csv(tmp_path / "without.csv", index=False)
    assert call("predict", "m", "--future-data", "ahead.csv").stdout.count("\n") == 4
    for words, told in (
        ([], "promo"),
        (["--future-data", "short.csv"], "2 rows of promo"),
        (["--future-data", "without.csv"], "promo"),
        (["--future-data", "nowhere.csv"], "nowhere.csv"),
    ):
        refused = call("predict", "m", *words)
        assert refused.exit_code == 3, (words, refused.stderr)
        assert told in refused.stderr


def test_a_config_file_may_hold_the_horizon_and_its_help_names_the_sections(
    call: Call, sales: Path, tmp_path: Path
) -> None:
    (tmp_path / "run.toml").write_text("[forecaster]\nname = 'naive'\nhorizon = 7\n")
    words = ["backtest", sales, "--config", "run.toml", "--folds", 2, "--json"]
    assert json.loads(call(*words).stdout)["models"][0]["horizon"] == 7
    assert json.loads(call(*words, "--horizon", 3).stdout)["models"][0]["horizon"] == 3
    missing = call("backtest", sales, "--model", "naive", "--folds", 2)
    assert missing.exit_code == 2 and "--horizon H" in missing.stderr
    assert "[forecaster]" in CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, ["fit", "--help"]).stdout


def test_fit_says_which_covariates_a_forecast_needs(call: Call, sales: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(sales).assign(price=1.0)
    words = ["--target", "sales", "--future", "price", "--model", "naive", "--horizon", 3]
    frame.to_csv(tmp_path / "past.csv", index=False)
    assert "--future-data FILE   (with price of the next 3 steps)" in call("fit", "past.csv", *words, "-o", "a").stdout
    frame.loc[frame.index[-3:], "sales"] = None
    frame.to_csv(tmp_path / "ahead.csv", index=False)
    assert "--future-data" not in call("fit", "ahead.csv", *words, "-o", "b").stdout


def test_a_quiet_run_makes_no_remarks(call: Call, sales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.automatic.candidates.NETWORKS", ())
    monkeypatch.setattr("forecast.automatic.candidates.BASELINES", ("seasonal-naive",))
    words = ["run", sales, "--horizon", 7, "--max-time", 20, "--force"]
    assert "only column of dates" in call(*words).stdout
    quiet = call(*words, "--quiet")
    assert "only column of dates" not in quiet.output and "seasonal-naive" in quiet.stdout
