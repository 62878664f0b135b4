"""Forecasters side by side."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ConfigError
from forecast.evaluation import backtest, contest, leaderboard


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


def test_the_table_says_who_is_shown_to_be_better(make_results):
    sizes = {"seasonal-naive": 1.0, "good": 0.5, "twin": 0.5, "bad": 2.0}
    rng = np.random.default_rng(1)
    results = make_results({name: rng.normal(size=(12, 3, 4)) * size for name, size in sizes.items()})
    table = leaderboard(results)
    judged = contest(results)
    assert table.index[0] == judged.winner and table.index[-1] == "bad"
    assert table["against_reference"].drop("seasonal-naive").to_dict() == {
        "good": "better",
        "twin": "better",
        "bad": "worse",
    }
    assert table.loc["seasonal-naive", "skill"] == 0.0 and table.loc["seasonal-naive", "against_reference"] is None
    assert table["first_is"].drop(judged.winner).value_counts().to_dict() == {"better": 2, "cannot tell": 1}
    assert table.loc["good", "p_reference"] == judged.against_reference["good"].adjusted
    others = table.drop("seasonal-naive")
    assert (others["skill_low"] < others["skill"]).all() and (others["skill"] < others["skill_high"]).all()
    assert table["rank"].mean() == pytest.approx(2.5) and table["rank"].idxmax() == "bad"
    assert table["skill"].dtype == table["p_first"].dtype == np.float64
    pd.testing.assert_frame_equal(leaderboard(results, judged=judged), table)


def test_another_measure_and_another_reference_may_be_asked_for(make_results):
    rng = np.random.default_rng(1)
    errors = {"wild": rng.normal(size=(8, 2, 6)) * 0.1, "tame": np.full((8, 2, 6), 0.5)}
    errors["wild"][:, :, 0] = 2.0  # rarely far off
    results = make_results(errors)
    assert leaderboard(results, measure="mae", reference="tame").index.tolist() == ["wild", "tame"]
    table = leaderboard(results, measure="rmse", reference="tame")
    assert table.index.tolist() == ["tame", "wild"]
    assert table.loc["wild", "against_reference"] == "worse" and table.loc["wild", "relative_mase"] < 1
    with pytest.raises(ConfigError, match="Did you mean 'tame'"):
        leaderboard(results, reference="tam")
