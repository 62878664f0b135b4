"""The measures of a backtest by series, against the definitions of utilsforecast and GluonTS as plain loops.

utilsforecast (losses.py) has one value per series, GluonTS (evaluation/metrics.py) one per series and origin.  Neither
is installed here: their formulas stand below.
"""

import math

import numpy as np
import pytest

from forecast.evaluation import backtest

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SEASON, HORIZON = 4, 6
RNG = np.random.default_rng(8)
SERIES = [RNG.normal(20 * k, 2, size=40 + 7 * k).round(2) for k in (1, 2, 3)]


@pytest.fixture
def result(make_panel, make_spy):
    """One origin per series, so that the values of both libraries are the same thing."""
    return backtest(make_spy(horizon=HORIZON, levels=LEVELS), make_panel(SERIES), folds=1, season=SEASON)


def numbers(result, s):
    """Training rows, actuals, points and levels by column, as lists."""
    frame = result.frame()
    rows = frame[frame.id == f"s{s}"]
    levels = {level: rows[f"q{level:g}"].tolist() for level in LEVELS}
    return SERIES[s][:-HORIZON].tolist(), rows.actual.tolist(), rows.forecast.tolist(), levels


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def seasonal(train):
    return [b - a for a, b in zip(train[:-SEASON], train[SEASON:], strict=True)]


def test_points_are_measured_as_in_other_libraries(result):
    table = result.metrics("series")
    for s in range(3):
        train, y, f, _ = numbers(result, s)
        pairs = list(zip(y, f, strict=True))
        scale = mean(abs(step) for step in seasonal(train))
        squares = mean(step**2 for step in seasonal(train))
        squared = mean((a - b) ** 2 for a, b in pairs)
        expected = {
            "mae": mean(abs(a - b) for a, b in pairs),
            "mse": squared,
            "rmse": math.sqrt(squared),
            "bias": mean(b - a for a, b in pairs),
            "mape": 100 * mean(abs(a - b) / abs(a) for a, b in pairs),  # there a share
            "smape": 200 * mean(abs(a - b) / (abs(a) + abs(b)) for a, b in pairs),  # there half of it, as a share
            "wape": sum(abs(a - b) for a, b in pairs) / sum(abs(a) for a in y),  # ND
            "mase": mean(abs(a - b) for a, b in pairs) / scale,
            "rmsse": math.sqrt(squared / squares),
        }
        assert table.loc[f"s{s}", list(expected)].to_dict() == pytest.approx(expected, rel=1e-12)


def test_levels_and_intervals_are_measured_as_in_other_libraries(result):
    table = result.metrics("series")
    for s in range(3):
        train, y, _, levels = numbers(result, s)
        losses = {q: [max(q * (a - b), (q - 1) * (a - b)) for a, b in zip(y, levels[q], strict=True)] for q in LEVELS}
        alpha, triples = 0.1, list(zip(y, levels[0.05], levels[0.95], strict=True))
        scores = [
            high - low + 2 / alpha * (low - a) * (a < low) + 2 / alpha * (a - high) * (a > high)
            for a, low, high in triples
        ]
        multi = mean(mean(each) for each in losses.values())  # mqloss
        expected = {
            "pinball_0.25": mean(losses[0.25]),  # quantile_loss
            "pinball": multi,
            "crps": 2 * multi,
            "wql": 2 * multi * len(y) / sum(abs(a) for a in y),  # scaled_crps, mean_weighted_sum_quantile_loss
            "coverage_90": mean(low <= a <= high for a, low, high in triples),
            "width_90": mean(high - low for _, low, high in triples),
            "interval_score_90": mean(scores),
            "msis_90": mean(scores) / mean(abs(step) for step in seasonal(train)),
        }
        assert table.loc[f"s{s}", list(expected)].to_dict() == pytest.approx(expected, rel=1e-12)


def test_over_all_series_each_value_counts_once(result):
    """With as many values in each series, means over values are means over series, as those libraries report them."""
    table, overall = result.metrics("series"), result.metrics()
    for name in ("mae", "mse", "mape", "smape", "bias", "mase", "crps", "coverage_90", "interval_score_90", "msis_90"):
        assert overall[name] == pytest.approx(table[name].mean(), rel=1e-12)
    assert overall["wape"] == pytest.approx((table["wape"] * magnitudes(result)).sum() / magnitudes(result).sum())


def magnitudes(result):
    return result.frame().groupby("id").actual.apply(lambda actual: actual.abs().sum())
