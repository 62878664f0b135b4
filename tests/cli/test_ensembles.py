"""Combinations and calibrated intervals from the command line."""

import io
import json

import numpy as np
import pandas as pd
import pytest


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("combined", ["members=seasonal-naive,mean,drift", "weighting=greedy"]),
        ("conformal", ["forecaster=seasonal-naive"]),
    ],
)
def test_one_is_fitted_saved_and_forecasts_in_order(model, given, call, shops, tmp_path):
    words = [word for text in given for word in ("--set", text)]
    fitted = call("fit", shops, "--model", model, "--horizon", 7, "-o", "model", *words, "--json")
    assert fitted.exit_code == 0, fitted.stderr
    told = json.loads(fitted.stdout)
    assert told["model"] == model and told["fit_seconds"] > 0
    answer = call("predict", "model", "--levels", "0.1,0.5,0.9")
    assert answer.exit_code == 0, answer.stderr
    frame = pd.read_csv(io.StringIO(answer.stdout))
    assert len(frame) == 21
    assert (np.diff(frame[["q0.1", "q0.5", "q0.9"]], axis=1) >= 0).all()
    newer = call("predict", "model", shops, "--levels", "0.1,0.5,0.9")
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(newer.stdout)), frame)


def test_a_config_file_describes_members_with_settings_of_their_own(call, sales, tmp_path):
    (tmp_path / "run.toml").write_text(
        "[forecaster]\n"
        'name = "combined"\n'
        "horizon = 7\n"
        'members = ["drift", {name = "seasonal-naive", settings = {season = 14}}]\n'
    )
    fitted = call("fit", sales, "--config", "run.toml", "-o", "model")
    assert fitted.exit_code == 0, fitted.stderr
    document = json.loads((tmp_path / "model" / "model.json").read_text())
    assert [member["season"] for member in document["state"]["members"]] == [7, 14]
    assert call("predict", "model").exit_code == 0


def test_backtests_compare_them_with_their_members(call, sales):
    words = ["--model", "drift", "--model", "combined", "--set", "members=drift,mean", "--horizon", 7, "--folds", 3]
    result = call("backtest", sales, *words, "--json")
    assert result.exit_code == 0, result.stderr
    assert {"drift", "combined"} <= set(json.dumps(json.loads(result.stdout)).replace('"', " ").split())


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("combined", "members=drift,naife", "Did you mean 'naive'?"),
        ("combined", "weighting=best", "weighting='best' is not one of 'equal', 'inverse-error', 'greedy', 'stacked'"),
        ("conformal", "forecaster=naife", "Did you mean 'naive'?"),
        ("conformal", "kind=splitt", "kind='splitt' is not one of 'split', 'adaptive'"),
    ],
)
def test_what_is_not_known_is_refused_before_the_data_are_read(model, given, message, call):
    result = call("fit", "no-such-file.csv", "--model", model, "--horizon", 7, "-o", "model", "--set", given)
    assert result.exit_code == 2 and message in result.stderr
