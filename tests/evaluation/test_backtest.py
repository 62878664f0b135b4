"""Backtests: which windows, what a forecaster gets to see, and what is reported."""

import json

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ConfigError, DataError, ForecastError
from forecast.evaluation import backtest, metrics

RNG = np.random.default_rng(3)


def walk(steps):
    return RNG.normal(size=steps).cumsum()


def test_origins_are_counted_back_from_each_series_own_end(make_panel, make_spy):
    panel = make_panel([walk(40), np.r_[walk(30), [np.nan] * 4]])
    result = backtest(make_spy(horizon=4), panel, folds=3, step=2)
    assert result.ends[result.series == 0].tolist() == [32, 34, 36]
    assert result.ends[result.series == 1].tolist() == [22, 24, 26]
    assert result.fold.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(result.actual[0, :, 0], panel.target[32:36, 0])


def test_one_fit_and_one_call_for_all_windows(make_panel, make_spy):
    spy = make_spy(horizon=3)
    backtest(spy, make_panel([walk(40), walk(50)]), folds=5)
    assert len(spy.seen["fit"]) == 1 and len(spy.seen["forecast"]) == 1
    assert not hasattr(spy, "panel_")  # the receiver itself is never fitted


def test_a_fit_never_gets_a_target_or_past_covariate_from_its_first_origin_on(make_panel, make_spy):
    spy = make_spy(horizon=3)
    panel = make_panel([walk(40), walk(25)], past=RNG.normal(size=(65, 2)), future=RNG.normal(size=(65, 1)))
    result = backtest(spy, panel, folds=4)
    (given,) = spy.seen["fit"]
    for s in range(2):
        first = result.ends[result.series == s].min()
        rows = slice(panel.offsets[s] + first, panel.offsets[s + 1])
        assert given.ends[s] == first
        assert np.isnan(given.target[rows]).all() and np.isnan(given.past[rows]).all()
        np.testing.assert_array_equal(given.future[rows], panel.future[rows])  # known ahead: stays
        before = slice(panel.offsets[s], panel.offsets[s] + first)
        np.testing.assert_array_equal(given.target[before], panel.target[before])
    assert not np.isnan(panel.target).any()  # the user's own panel is untouched


def test_forecasts_never_get_a_target_from_the_last_origin_on(make_panel, make_spy):
    spy = make_spy(horizon=3)
    result = backtest(spy, make_panel([walk(40), walk(25)]), folds=4, refit=2)
    for (panel, series, ends), fold in zip(spy.seen["forecast"], (1, 3), strict=True):
        for s in range(2):
            last = result.ends[(result.series == s) & (result.fold == fold)]
            assert ends[series == s].max() == last == panel.ends[s]
            assert np.isnan(panel.target[panel.offsets[s] + panel.ends[s] : panel.offsets[s + 1]]).all()


def test_changing_what_comes_after_an_origin_changes_no_forecast_from_it(make_panel, make_spy):
    first = [walk(40), walk(33)]
    second = [np.r_[values[:-6], 1e3 + walk(6)] for values in first]
    one, two = (
        backtest(make_spy(horizon=3, season=None), make_panel(series), folds=4, season=1) for series in (first, second)
    )
    unchanged = one.fold <= 2  # fold 2 ends 6 rows before the end: its own answer differs, its forecast must not
    np.testing.assert_array_equal(one.values[unchanged], two.values[unchanged])
    assert not np.array_equal(one.actual[one.fold == 2], two.actual[two.fold == 2])


def test_a_forecaster_that_looks_ahead_finds_nothing(make_panel, make_spy):
    spy = make_spy(horizon=3)
    spy.read = lambda panel, s, end, horizon: panel.target[panel.offsets[s] + end :][:horizon]
    with pytest.raises(ForecastError, match=r"not finite for series 's0' in fold 0"):
        backtest(spy, make_panel([walk(40)]), folds=4, refit=True)


@pytest.mark.parametrize(("refit", "fits"), [(False, 1), (True, 6), (1, 6), (2, 3), (4, 2), (9, 1)])
def test_refit_fits_every_so_many_folds_on_all_rows_before_them(refit, fits, make_panel, make_spy):
    spy = make_spy(horizon=2)
    result = backtest(spy, make_panel([walk(40)]), folds=6, refit=refit)
    assert result.fits == len(spy.seen["fit"]) == fits
    every = 6 if refit is False else int(refit)
    assert [int(panel.ends[0]) for panel in spy.seen["fit"]] == [28 + 2 * fold for fold in range(0, 6, every)]


def test_short_series_take_part_in_the_folds_that_leave_a_step_and_the_shortest_in_none(make_panel, make_spy):
    spy = make_spy(horizon=3)
    result = backtest(spy, make_panel([walk(40), walk(8), walk(3)]), folds=4)
    assert result.fold[result.series == 1].tolist() == [2, 3]
    assert result.ends[result.series == 1].tolist() == [2, 5]
    assert result.left_out == ("s2",)
    assert spy.seen["fit"][0].ends.tolist() == [28, 2]  # trained up to its own first origin
    assert list(result.metrics("series").index) == ["s0", "s1"]


def test_a_series_joins_once_every_channel_has_been_observed(make_panel, make_spy):
    late = np.column_stack([walk(12), np.r_[[np.nan] * 5, walk(7)]])
    result = backtest(make_spy(horizon=2), make_panel([np.column_stack([walk(30), walk(30)]), late]), folds=4)
    assert result.ends[result.series == 1].tolist() == [6, 8, 10]


def test_folds_that_do_not_fit_are_refused_with_the_number_that_would(make_panel, make_spy):
    with pytest.raises(DataError, match="at most 4 folds") as error:
        backtest(make_spy(horizon=4), make_panel([walk(25), walk(10)]), folds=10)
    assert error.value.where["folds"] == 4
    assert backtest(make_spy(horizon=4), make_panel([walk(25), walk(10)]), folds=4).folds == 4
    with pytest.raises(DataError, match="Not even one fold"):
        backtest(make_spy(horizon=4), make_panel([walk(12)]), folds=1)


def test_wrong_arguments_are_named_all_at_once(make_panel, make_spy):
    with pytest.raises(ConfigError, match=r"folds=0, step=-1, refit=0"):
        backtest(make_spy(horizon=4), make_panel([walk(25)]), folds=0, step=-1, refit=0)
    with pytest.raises(ConfigError, match=r"window=0, season=0"):
        backtest(make_spy(horizon=4), make_panel([walk(25)]), window=0, season=0)
    with pytest.raises(ConfigError, match="Choose one"):
        backtest(make_spy(horizon=4), make_panel([walk(25)]), folds=1, refit=True, fitted=True)


def test_fitted_weights_are_scored_after_the_end_of_their_training_only(make_panel, make_spy):
    series = [walk(40), walk(40)]
    trained = make_spy(horizon=3).fit(make_panel([series[0][:31], series[1][:31]]))
    result = backtest(trained, make_panel(series), folds=3, fitted=True)
    assert result.fits == 0 and len(trained.seen["fit"]) == 1
    with pytest.raises(DataError, match="series 's0' was trained up to 30, later than its first origin 27"):
        backtest(trained, make_panel(series), folds=4, fitted=True)
    unseen = make_panel(series, ids=["other", "new"])
    assert backtest(trained, unseen, folds=4, fitted=True).folds == 4


def test_a_longer_horizon_than_the_forecaster_has_may_be_asked_for(make_panel, make_spy):
    result = backtest(make_spy(horizon=2), make_panel([walk(40)]), folds=3, horizon=5)
    assert result.actual.shape == (3, 5, 1) and result.step == 5


def test_the_measures_by_any_group_are_those_of_its_windows(make_panel, make_spy):
    panel = make_panel([walk(60), np.where(np.arange(50) % 7 == 3, np.nan, walk(50)), walk(14)])
    result = backtest(make_spy(horizon=4, levels=(0.1, 0.5, 0.9)), panel, folds=3, season=2)
    points = result.values[..., 0]
    assert result.metrics()["mae"] == pytest.approx(metrics.mae(result.actual, points))
    assert result.score() == -result.metrics()["mase"]
    assert result.score() == pytest.approx(
        -metrics.mase_of_windows(panel, result.series, result.ends, points, season=2)
    )
    for by, group in (("series", result.series), ("fold", result.fold)):
        table = result.metrics(by)
        for g in range(3):
            chosen = group == g
            expected = metrics.wql(result.actual[chosen], result.values[chosen][..., 1:], result.levels)
            assert table["wql"].iloc[g] == pytest.approx(expected)
    steps = result.metrics("step")
    assert list(steps.index) == [1, 2, 3, 4]
    np.testing.assert_allclose(steps["rmse"], metrics.rmse(result.actual, points, axis=(0, 2)))
    assert result.metrics("target").index.tolist() == ["y"]
    assert table["count"].sum() == (~np.isnan(result.actual)).sum()
    with pytest.raises(ConfigError, match="not one of"):
        result.metrics("nothing")


def test_another_season_changes_the_scale_and_not_the_forecasts(make_panel, make_spy):
    result = backtest(make_spy(horizon=4), make_panel([walk(60)]), folds=3, season=1)
    other = result.with_season(5)
    assert other.values is result.values
    assert other.metrics()["mase"] != result.metrics()["mase"]
    assert other.metrics()["mae"] == result.metrics()["mae"]


def test_the_frame_has_a_row_per_window_and_step(make_panel, make_spy):
    panel = make_panel([walk(30), walk(30)], names=("store", "week"), ids=[11, 12])
    result = backtest(make_spy(horizon=3, levels=(0.1, 0.9)), panel, folds=2)
    frame = result.frame()
    assert list(frame) == ["fold", "origin", "store", "week", "actual", "forecast", "q0.1", "q0.9"]
    assert len(frame) == 2 * 2 * 3
    row = frame[(frame.fold == 1) & (frame.store == 12)].iloc[2]
    assert (row.origin, row.week) == (26, 29)
    assert row.actual == panel.target[59, 0] and row.forecast == panel.target[56, 0]


def test_the_frame_names_targets_and_a_series_without_an_id(make_panel, make_spy):
    panel = make_panel([np.column_stack([walk(30), walk(30)])], names=(None, "origin"))
    frame = backtest(make_spy(horizon=3), panel, folds=2).frame()
    assert list(frame) == ["fold", "origin", "series", "time", "target", "actual", "forecast"]
    assert frame.target[:2].tolist() == ["y0", "y1"]
    assert frame.actual[:2].tolist() == panel.target[24].tolist()


def test_the_summary_is_plain_json(make_panel, make_spy):
    result = backtest(make_spy(horizon=3), make_panel([np.ones(30)]), folds=2)
    summary = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert summary["metrics"]["mase"] is None and summary["metrics"]["unscaled"] == 6
    assert summary["fits"] == 1 and summary["fit_seconds"] >= 0 and summary["windows"] == 2
    assert "spy: 2 folds x 1 series x 3 steps" in repr(result)


def test_forecasts_of_a_wrong_shape_are_refused(make_panel, make_spy):
    spy = make_spy(horizon=3)
    spy.read = lambda panel, s, end, horizon: np.zeros((horizon + 1, 1))
    with pytest.raises(ForecastError, match=r"shape \(2, 4, 1, 1\); \(2, 3, 1, 1\)"):
        backtest(spy, make_panel([walk(30)]), folds=2)


def test_series_grouped_by_hand_give_the_same_tables(make_panel, make_spy):
    panel = make_panel([walk(60), walk(50)])
    result = backtest(make_spy(horizon=4), panel, folds=5, step=1)
    frame = result.frame()
    by_hand = (frame.actual - frame.forecast).abs().groupby(frame.id).mean()
    pd.testing.assert_series_equal(result.metrics("series")["mae"], by_hand, check_names=False, check_index_type=False)
