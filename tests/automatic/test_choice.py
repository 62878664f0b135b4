"""Which of several forecasters is to be trusted, from backtests whose errors are known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri
from scipy.stats import sem

from forecast import create
from forecast.automatic.choice import Kind, _learned, _standard_error, _told, choose
from forecast.automatic.intervals import calibration_of
from forecast.ensembles.backtests import combined_backtest
from forecast.evaluation.results import Backtest

STEPS, SEASON, HORIZON = 300, 7, 7


@pytest.fixture(scope="module")
def base() -> Backtest:
    """Seasonal naive on the last folds of noisy series with a weekly cycle, with levels."""
    days = np.arange(STEPS)
    rng = np.random.default_rng(0)
    columns = {f"s{s}": 20 + 5 * np.sin(days * 2 * np.pi / 7) + rng.normal(0, 1, STEPS) for s in range(6)}
    frame = pd.DataFrame(columns, index=pd.date_range("2024-01-01", periods=STEPS))
    result = create("seasonal-naive", horizon=HORIZON, season=SEASON).backtest(frame, folds=10)
    assert isinstance(result, Backtest)
    return result


def with_errors(base: Backtest, size: float, *, seed: int) -> Backtest:
    """A backtest whose points miss by normal errors of that deviation, and whose levels say so."""
    noise = size * np.random.default_rng(seed).normal(0, 1, base.actual.shape)
    spread = size * np.array([0.0, *ndtri(base.levels)])
    return replace(base, values=(base.actual + noise)[..., None] + spread)


def decide(
    backtests: Mapping[str, Backtest], kinds: Mapping[str, Kind], *, within: Sequence[str] | None = None
) -> tuple[str, dict[str, float], tuple[str, ...]]:
    choice = choose(backtests, kinds, affordable=lambda labels: within is None or set(labels) <= set(within))
    return choice.name, choice.option.weights.as_mapping(), choice.why


def test_a_network_that_is_clearly_better_is_chosen(base: Backtest) -> None:
    results = {"naive": with_errors(base, 2, seed=1), "gru": with_errors(base, 0.3, seed=2)}
    name, weights, why = decide(results, {"naive": "simple", "gru": "network"})
    assert (name, weights) == ("gru", {"gru": 1.0})
    assert "better by more than the noise" in why[0] and "gru" in why[0]


def test_what_is_simple_stays_where_the_lead_of_a_network_may_be_chance(base: Backtest) -> None:
    naive, lucky = with_errors(base, 1, seed=1), with_errors(base, 1.001, seed=1)
    once = lucky.fold == 3
    lucky.values[once] = with_errors(base, 0.5, seed=1).values[once]  # better in one fold, and no better in nine
    name, _, why = decide({"naive": naive, "gru": lucky}, {"naive": "simple", "gru": "network"})
    assert lucky.metrics()["mase"] < naive.metrics()["mase"]
    assert name == "naive" and "no better by more than the noise" in why[0]


def test_statistics_whose_errors_cancel_are_combined(base: Backtest) -> None:
    results = {
        "naive": with_errors(base, 3, seed=1),
        "theta": with_errors(base, 1, seed=2),
        "ets": with_errors(base, 1, seed=3),
    }
    name, weights, _ = decide(results, {"naive": "simple", "theta": "statistics", "ets": "statistics"})
    assert name == "combined" and set(weights) == {"theta", "ets"}
    assert weights["theta"] == pytest.approx(0.5, abs=0.2)


def test_a_combination_is_reported_with_weights_that_were_learned_on_other_windows(base: Backtest) -> None:
    """What it is said to reach is what it was judged by, not the error on the windows that chose its weights."""
    results = {f"m{n}": with_errors(base, 1, seed=n) for n in range(6)} | {"naive": with_errors(base, 4, seed=9)}
    kinds: dict[str, Kind] = {"naive": "simple", **{f"m{n}": "statistics" for n in range(6)}}
    learned = _learned(results, lambda labels: True)
    assert learned is not None and choose(results, kinds, affordable=lambda labels: True).option.combined
    told = learned.backtest.metrics()["mase"]
    assert told == pytest.approx(float(np.mean(learned.judged)))
    assert told > combined_backtest(results, learned.weights, name="in sample").metrics()["mase"]


def test_many_variants_of_a_network_do_not_crowd_out_the_statistics(base: Backtest) -> None:
    """Together they have less error than any number of networks that err alike."""
    alike, own = with_errors(base, 0.9, seed=1), with_errors(base, 1, seed=2)
    networks = {f"gru seed={n}": alike for n in range(8)}
    kinds: dict[str, Kind] = {"theta": "statistics", "naive": "simple", **{name: "network" for name in networks}}
    results = {"naive": with_errors(base, 6, seed=3), "theta": own, **networks}
    name, weights, _ = decide(results, kinds)
    assert name == "combined" and 0.3 < weights["theta"] < 0.7


def test_a_member_that_only_harms_is_in_no_combination(base: Backtest) -> None:
    results = {
        "naive": with_errors(base, 6, seed=1),
        "theta": with_errors(base, 1, seed=2),
        "arima": with_errors(base, 9, seed=3),
    }
    name, weights, _ = decide(results, {"naive": "simple", "theta": "statistics", "arima": "statistics"})
    assert (name, weights) == ("theta", {"theta": 1.0})


def test_what_cannot_be_fitted_again_in_time_is_not_chosen(base: Backtest) -> None:
    results = {
        "naive": with_errors(base, 3, seed=1),
        "theta": with_errors(base, 1, seed=2),
        "gru": with_errors(base, 0.2, seed=3),
    }
    kinds: dict[str, Kind] = {"naive": "simple", "theta": "statistics", "gru": "network"}
    assert decide(results, kinds)[0] == "gru"
    name, _, why = decide(results, kinds, within=("naive", "theta"))
    assert name == "theta" and "no time is left to fit it again" in why[-1] and why[-1].startswith("gru has an error")


def test_the_best_simple_one_forecasts_where_nothing_can_be_fitted_again_in_time(base: Backtest) -> None:
    results = {"naive": with_errors(base, 3, seed=1), "theta": with_errors(base, 1, seed=2)}
    name, _, why = decide(results, {"naive": "simple", "theta": "statistics"}, within=())
    assert name == "naive" and why[0].startswith("theta has an error")


def test_equal_errors_leave_the_simple_one(base: Backtest) -> None:
    same = with_errors(base, 1, seed=1)
    kinds: dict[str, Kind] = {"naive": "simple", "theta": "statistics", "gru": "network"}
    assert decide({"naive": same, "theta": same, "gru": same}, kinds)[0] == "naive"


def test_errors_that_differ_are_told_with_digits_that_differ() -> None:
    assert _told(0.6472, 0.8897) == ("0.647", "0.89")
    assert _told(1.0261, 1.0338) == ("1.026", "1.034")
    assert _told(1.0, 1.0) == ("1", "1")


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_intervals_that_are_too_narrow_or_too_wide_are_calibrated(base: Backtest, factor: float) -> None:
    right = with_errors(base, 1, seed=4)
    point = right.values[..., :1]
    wrong = replace(right, values=point + factor * (right.values - point))
    found = calibration_of(wrong)
    assert found is not None and "calibrated" in found.why
    held = found.backtest.metrics()["coverage_90"]
    assert abs(held - 0.9) < 0.03 < abs(wrong.metrics()["coverage_90"] - 0.9)
    assert found.backtest.metrics()["wql"] < wrong.metrics()["wql"]


def test_intervals_that_hold_what_they_promise_are_left_alone(base: Backtest) -> None:
    assert calibration_of(with_errors(base, 1, seed=4)) is None


def test_intervals_around_forecasts_without_errors_are_left_alone(base: Backtest) -> None:
    assert calibration_of(with_errors(base, 0, seed=4)) is None


def test_the_noise_is_the_standard_error_of_what_errs_independently() -> None:
    errors, even = np.random.default_rng(0).normal(2, 1, 40), np.ones(40)
    residuals = errors - errors.mean()
    assert _standard_error(residuals, even, np.arange(40)) == pytest.approx(sem(errors))
    groups = np.repeat(np.arange(8), 5)  # windows that err together count once
    assert _standard_error(residuals, even, groups) == pytest.approx(sem(errors.reshape(8, 5).mean(axis=1)))
    together = np.repeat(errors[:8] - errors[:8].mean(), 5)
    assert _standard_error(together, even, groups) == pytest.approx(sem(errors[:8]))
    assert _standard_error(residuals, even, np.repeat([0, 1], 20)) == 0  # two folds say nothing of folds
