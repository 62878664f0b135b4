"""Forecasters side by side."""

import numpy as np
import pytest

from forecast.errors import ConfigError
from forecast.evaluation import backtest, compare, leaderboard


@pytest.fixture
def panel(make_panel):
    rng = np.random.default_rng(5)
    return make_panel([rng.normal(size=120).cumsum() + 20 for _ in range(3)])


def shifted(make_spy, by, **settings):
    spy = make_spy(horizon=3, **settings)
    spy.read = lambda panel, s, end, horizon: panel.target[panel.offsets[s] + end - 1][None] + np.full((horizon, 1), by)
    return spy


def test_rows_are_ranked_and_related_to_the_reference(panel, make_spy):
    levels = (0.1, 0.5, 0.9)
    table = leaderboard(
        {
            "bad": backtest(shifted(make_spy, 9.0, levels=levels), panel, folds=6),
            "seasonal-naive": backtest(shifted(make_spy, 3.0, levels=levels), panel, folds=6),
            "good": backtest(shifted(make_spy, 0.0), panel, folds=6),
        }
    )
    assert table.index.tolist() == ["good", "seasonal-naive", "bad"]
    assert table.loc["seasonal-naive", "relative_mase"] == 1.0
    assert table.loc["good", "relative_mase"] < 1 < table.loc["bad", "relative_mase"]
    assert np.isnan(table.loc["good", "wql"]) and table.loc["bad", "wql"] > table.loc["seasonal-naive", "wql"]
    assert {"coverage_80", "width_80", "fit_seconds", "predict_seconds"} <= set(table)


def test_only_the_levels_that_all_have_are_compared(panel, make_spy):
    wide = backtest(make_spy(horizon=3, levels=(0.05, 0.1, 0.5, 0.9, 0.95)), panel, folds=4)
    narrow = backtest(make_spy(horizon=3, levels=(0.1, 0.5, 0.9)), panel, folds=4)
    table = leaderboard({"wide": wide, "narrow": narrow})
    assert table.loc["wide", "wql"] == pytest.approx(table.loc["narrow", "wql"])
    assert np.isnan(table.loc["wide", "relative_mase"])  # no seasonal naive among them


def test_different_windows_or_seasons_are_refused(panel, make_spy):
    one = backtest(make_spy(horizon=3), panel, folds=4)
    with pytest.raises(ConfigError, match="one and two were not tested on the same windows"):
        leaderboard({"one": one, "two": backtest(make_spy(horizon=3), panel, folds=5)})
    other = backtest(make_spy(horizon=3), panel, folds=4, season=7)
    with pytest.raises(ConfigError, match=r"different seasons \(1, 7\)"):
        leaderboard({"one": one, "other": other})
    table = leaderboard({"one": one, "other": other}, season=7)
    assert table["mase"].nunique() == 1


@pytest.mark.parametrize("test", ["wilcoxon", "t"])
def test_a_paired_test_tells_a_difference_from_none(panel, make_spy, test):
    good, bad = (backtest(shifted(make_spy, by), panel, folds=20) for by in (0.0, 5.0))
    found = compare(good, bad, test=test)
    assert found.difference < 0 and found.p < 0.01 and found.pairs == 20
    assert compare(good, good, test=test).p == 1.0
    assert compare(bad, good, test=test, by="series").pairs == 3


def test_unknown_measures_tests_and_single_pairs_are_refused(panel, make_spy):
    one = backtest(make_spy(horizon=3), panel, folds=4)
    with pytest.raises(ConfigError, match="Did you mean 'mase'"):
        compare(one, one, measure="masse")
    with pytest.raises(ConfigError, match="unknown test"):
        compare(one, backtest(shifted(make_spy, 1.0), panel, folds=4), test="f")
    single = backtest(make_spy(horizon=3), panel, folds=1)
    with pytest.raises(ConfigError, match="too few"):
        compare(single, single)
