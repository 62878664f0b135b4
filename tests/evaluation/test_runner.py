"""What fits and forecasts get to see: gaps, rolling windows, warm refits, and forecasters that nobody vouches for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.baselines.naive import MeanForecaster, NaiveForecaster
from forecast.errors import ConfigError, DataError
from forecast.evaluation import backtest, metrics
from forecast.presets import create

RNG = np.random.default_rng(4)
SMALL = {"max_steps": 4, "hidden_size": 8, "lookback": 12, "patch": 3, "threads": 1, "season": 6}


def walk(steps):
    return RNG.normal(size=steps).cumsum()


# ---------------------------------------------------------------- gap


def test_after_a_gap_the_steps_behind_it_are_scored(make_panel, make_spy):
    panel = make_panel([walk(40), walk(33)])
    spy = make_spy(horizon=3)
    result = backtest(spy, panel, folds=3, step=2, gap=4)
    assert result.ends[result.series == 0].tolist() == [29, 31, 33]  # the last three rows end with the series
    np.testing.assert_array_equal(result.actual[-1, :, 0], panel.target[-3:, 0])
    first, second = result.ends[:2]
    np.testing.assert_array_equal(result.values[0, :, 0, 0], np.repeat(panel.target[first - 1, 0], 3))
    np.testing.assert_array_equal(result.values[1, :, 0, 0], np.repeat(panel.target[40 + second - 1, 0], 3))
    assert result.gap == 4 and result.summary()["gap"] == 4
    (fitted,) = spy.seen["fit"]
    assert fitted.ends.tolist() == [29, 22]


def test_the_frame_tells_the_origin_from_the_first_step_after_the_gap(make_panel, make_spy):
    panel = make_panel([walk(40)])
    frame = backtest(make_spy(horizon=3), panel, folds=2, gap=5).frame()
    assert (frame.time - frame.origin).tolist() == [6, 7, 8] * 2
    np.testing.assert_array_equal(frame.actual, panel.target[frame.time, 0])


def test_a_gap_lengthens_the_horizon_of_the_fitted_clone_alone(make_panel):
    seen = []

    class Remembers(NaiveForecaster):
        def _learn(self, panel, job):
            seen.append(self.horizon)

    forecaster = Remembers(horizon=3)
    backtest(forecaster, make_panel([walk(60)]), folds=2, gap=4, levels=())
    assert seen == [7] and forecaster.horizon == 3


def test_forecasts_behind_a_gap_are_the_later_steps_of_a_longer_horizon(make_panel):
    panel = make_panel([walk(90)])
    settings = {**SMALL, "horizon": 2}
    gapped = backtest(create("gru", **settings), panel, folds=3, gap=4, levels=())
    longer = backtest(create("gru", **{**settings, "horizon": 6}), panel, folds=3, step=2, levels=())
    np.testing.assert_array_equal(gapped.ends, longer.ends)
    np.testing.assert_array_equal(gapped.values, longer.values[:, 4:])


def test_folds_that_do_not_fit_behind_a_gap_say_how_many_would(make_panel, make_spy):
    panel = make_panel([walk(30)])
    with pytest.raises(
        DataError, match=r"9 folds of 2 steps after a gap of 3, 2 apart, do not fit: 11 observed"
    ) as error:
        backtest(make_spy(horizon=2), panel, folds=9, gap=3)
    most = error.value.where["folds"]
    assert backtest(make_spy(horizon=2), panel, folds=most, gap=3).folds == most
    with pytest.raises(DataError, match=f"at most {most} folds"):
        backtest(make_spy(horizon=2), panel, folds=most + 1, gap=3)


# ---------------------------------------------------------------- window


def test_a_window_rolls_the_rows_that_a_fit_and_a_forecast_see(make_panel, make_spy):
    panel = make_panel([walk(60), walk(20)], past=RNG.normal(size=(80, 1)))
    spy = make_spy(horizon=2)
    result = backtest(spy, panel, folds=4, refit=2, window=10)
    assert [one.ends.tolist() for one in spy.seen["fit"]] == [[10, 10], [10, 10]]
    for given, fold in zip(spy.seen["fit"], (0, 2), strict=True):
        end = result.ends[(result.series == 0) & (result.fold == fold)][0]
        np.testing.assert_array_equal(given.target[:10], panel.target[end - 10 : end])
    for (given, series, ends), fold in zip(spy.seen["forecast"], range(4), strict=True):
        assert series.tolist() == [0, 1] and ends.tolist() == [10, 10]
        end = result.ends[(result.series == 0) & (result.fold == fold)][0]
        np.testing.assert_array_equal(given.target[:10], panel.target[end - 10 : end])
        later = np.r_[10 : given.offsets[1], given.offsets[1] + 10 : given.offsets[2]]
        assert np.isnan(given.target[later]).all() and np.isnan(given.past[later]).all()


def test_series_shorter_than_the_window_are_seen_whole(make_panel, make_spy):
    spy = make_spy(horizon=2)
    backtest(spy, make_panel([walk(60), walk(9)]), folds=3, refit=True, window=20)
    assert [one.ends.tolist() for one in spy.seen["fit"]] == [[20, 3], [20, 5], [20, 7]]


def test_the_mean_of_a_rolling_window_is_that_of_its_rows(make_panel):
    values = walk(50)
    result = backtest(MeanForecaster(horizon=3), make_panel([values]), folds=5, window=12, levels=())
    for end, found in zip(result.ends, result.values[:, 0, 0, 0], strict=True):
        assert found == pytest.approx(values[end - 12 : end].mean())
    expanding = backtest(MeanForecaster(horizon=3), make_panel([values]), folds=5, levels=())
    assert expanding.values[-1, 0, 0, 0] == pytest.approx(values[:47].mean())


def test_windows_too_short_to_fit_on_are_refused(make_panel, make_spy):
    with pytest.raises(ConfigError, match=r"window=8 rows are too few to fit on\nGive at least 9"):
        backtest(make_spy(horizon=4), make_panel([walk(60)]), folds=2, window=8)


# ---------------------------------------------------------------- warm refits


def test_a_warm_refit_goes_on_from_the_weights_before(make_panel, monkeypatch):
    calls = []
    network = type(create("gru", horizon=1))
    for method in ("fit", "fine_tune"):
        real = getattr(network, method)

        def remember(self, panel, _real=real, _method=method, **options):
            calls.append((_method, id(self), int((panel.starts + panel.ends)[0])))
            return _real(self, panel, **options)

        monkeypatch.setattr(network, method, remember)
    result = backtest(create("gru", horizon=3, **SMALL), make_panel([walk(120)]), folds=6, refit=2, warm=True)
    assert [method for method, _, _ in calls] == ["fit", "fine_tune", "fine_tune"]
    assert len({model for _, model, _ in calls}) == 1
    assert [end for _, _, end in calls] == [102, 108, 114]  # up to the first origin of each block of folds
    assert result.fits == 3 and np.isfinite(result.values).all()


def test_warm_refits_of_arrays_learn_from_new_rows_alone():
    """An array has no times: ``fine_tune`` takes all its rows for new ones, a backtest must not."""
    values = walk(120)
    dated = pd.Series(values, index=pd.date_range("2024", periods=120, freq="D"))
    forecaster = create("gru", horizon=3, calendar=False, **SMALL)
    one, two = (backtest(forecaster, data, folds=4, refit=True, warm=True, season=6) for data in (values, dated))
    np.testing.assert_allclose(one.values, two.values)


def test_what_has_no_weights_is_fitted_anew_where_others_go_on(make_panel, make_spy):
    spy = make_spy(horizon=3)
    backtest(spy, make_panel([walk(60)]), folds=4, refit=2, warm=True)
    assert len(spy.seen["fit"]) == 2


def test_options_that_do_not_go_together_are_refused(make_panel, make_spy):
    panel = make_panel([walk(40)])
    with pytest.raises(ConfigError, match="nothing is fitted twice"):
        backtest(make_spy(horizon=3), panel, folds=2, warm=True)
    with pytest.raises(ConfigError, match="Choose one"):
        backtest(make_spy(horizon=3), panel, folds=2, window=20, fitted=True)
    with pytest.raises(ConfigError, match="gap=-1 is not a whole number"):
        backtest(make_spy(horizon=3), panel, folds=2, gap=-1)


# ---------------------------------------------------------------- nothing later can be read


def test_a_forecaster_that_nobody_vouches_for_is_given_each_fold_alone(make_panel, make_spy):
    spy = make_spy(horizon=3)
    spy.keeps_to_origins = False
    panel = make_panel([walk(40), walk(25)], past=RNG.normal(size=(65, 2)), future=RNG.normal(size=(65, 1)))
    past_codes = RNG.integers(1, 4, size=(65, 1))
    result = backtest(spy, replace(panel, past_codes=past_codes), folds=4)
    assert len(spy.seen["fit"]) == 1 and len(spy.seen["forecast"]) == 4
    for given, series, ends in spy.seen["forecast"]:
        for s, end in zip(series, ends, strict=True):
            later = slice(given.offsets[s] + end, given.offsets[s + 1])
            assert np.isnan(given.target[later]).all() and np.isnan(given.past[later]).all()
            assert (given.past_codes[later] == 0).all()
            np.testing.assert_array_equal(given.future[later], panel.future[later])
    trusted = backtest(make_spy(horizon=3), panel, folds=4)
    np.testing.assert_array_equal(result.values, trusted.values)


# ---------------------------------------------------------------- told meanwhile


@pytest.mark.parametrize(("refit", "done"), [(False, [3, 6]), (True, [1, 2, 3, 4, 5, 6]), (4, [2, 4, 5, 6])])
def test_the_error_so_far_is_told_a_few_times_per_fit(refit, done, make_panel, make_spy, monkeypatch):
    monkeypatch.setattr("forecast.evaluation.runner.TOLD", 2)
    panel = make_panel([walk(60), np.ones(50)])
    told = []
    result = backtest(
        make_spy(horizon=3),
        panel,
        folds=6,
        refit=refit,
        season=2,
        on_fold=lambda folds, mase: told.append((folds, mase)),
    )
    assert [folds for folds, _ in told] == done
    for folds, found in told:
        w = result.fold < folds
        expected = metrics.mase_of_windows(panel, result.series[w], result.ends[w], result.values[w][..., 0], season=2)
        assert found == pytest.approx(expected)
    assert told[-1][1] == pytest.approx(result.metrics()["mase"])


def test_a_follower_may_stop_a_backtest(make_panel, make_spy):
    def stop(folds, mase):
        if folds == 2:
            raise RuntimeError("pruned")

    spy = make_spy(horizon=3)
    with pytest.raises(RuntimeError, match="pruned"):
        backtest(spy, make_panel([walk(60)]), folds=6, refit=True, on_fold=stop)
    assert len(spy.seen["fit"]) == 2
