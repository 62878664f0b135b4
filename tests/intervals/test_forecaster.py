"""Calibrated intervals around forecasters, on data that stay as they are and on data that drift."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast import ConfigError, ConformalForecaster, DataError, create, load
from forecast.datasets.build import load_panel
from forecast.ensembles import split_folds
from forecast.estimators.base import Forecaster
from forecast.evaluation import backtest
from forecast.intervals import calibrate, calibrated_backtest
from forecast.intervals.scales import recent_scales

LEVELS = (0.05, 0.2, 0.5, 0.8, 0.95)


def days(steps):
    return pd.date_range("2020-01-01", periods=steps, name="day")


def noise(steps=400, *, series=2, seed=0):
    """Series of skewed noise around a level, of two sizes."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, size=(steps, series)) * 10.0 ** np.arange(series)
    return pd.DataFrame(values, columns=[f"s{s}" for s in range(series)], index=days(steps))


def turning(steps=1200, *, seed=0):
    """Noise around a level that becomes a random walk half-way, with steps as large as those of the noise were."""
    rng = np.random.default_rng(seed)
    half = rng.normal(size=steps // 2)
    walk = half[-1] + np.cumsum(rng.normal(0, np.sqrt(2), steps // 2))
    return pd.DataFrame({"s0": np.concatenate([half, walk])}, index=days(steps))


def make(forecaster="mean", **settings):
    return create("conformal", **{"horizon": 4, "season": 1, "forecaster": forecaster, "levels": LEVELS, **settings})


@pytest.mark.parametrize("kind", ["split", "adaptive"])
@pytest.mark.parametrize("inside", ["naive", "mean", {"name": "mean", "settings": {"levels": None}}])
def test_intervals_cover_as_often_as_they_say(inside, kind):
    result = backtest(make(inside, kind=kind), noise(1200), folds=150)
    table = result.metrics()
    assert abs(table["coverage_90"] - 0.9) < 0.05  # 300 windows, whose steps err alike: three deviations
    assert abs(table["coverage_60"] - 0.6) < 0.08


def test_points_are_those_of_the_forecaster_inside():
    data = noise()
    model, plain = make("drift").fit(data), create("drift", horizon=4, season=1).fit(data)
    pd.testing.assert_frame_equal(model.predict(), plain.predict())
    answer = model.predict(levels=LEVELS)
    pd.testing.assert_series_equal(answer["forecast"], plain.predict(levels=LEVELS)["forecast"])
    assert (np.diff(answer[["q0.05", "q0.2", "q0.5", "q0.8", "q0.95"]], axis=1) >= 0).all()


@pytest.mark.parametrize("seed", range(2))
def test_under_drift_adaptive_intervals_hold_where_split_ones_fail(seed):
    """The scale of the series does not see the turn: single steps stay as large, but errors grow along the horizon."""
    held = {}
    for kind in ("split", "adaptive"):
        result = backtest(make("naive", horizon=8, kind=kind), turning(seed=seed), folds=75, levels=LEVELS)
        held[kind] = result.metrics("fold")["coverage_90"].iloc[25:].mean()  # the first origin is the turn
    assert held["split"] < 0.75
    assert abs(held["adaptive"] - 0.9) < 0.05


def test_what_comes_later_widens_the_intervals_of_newer_data():
    data = turning()
    points = {"name": "naive", "settings": {"levels": None}}
    model = make(points, horizon=8).fit(data[:600])
    width = {
        end: model.predict(data[:end], levels=LEVELS).eval("`q0.95` - `q0.05`").mean() for end in (600, 607, 608, 1000)
    }
    assert width[1000] > 1.2 * width[600]
    scale = recent_scales(load_panel(data), np.array([0, 0]), np.array([600, 607]), season=1).ravel()
    assert width[607] / width[600] == pytest.approx(scale[1] / scale[0])  # no window is over yet
    split = make(points, horizon=8, kind="split").fit(data[:600])
    plain = split.predict(data[:1000], levels=LEVELS)
    assert plain.eval("`q0.95` - `q0.05`").mean() < width[1000]


def test_adaptive_intervals_are_those_of_a_loop_over_the_rounds():
    """Of two series, one of which has gaps, from many origins at once and one by one."""
    data = turning()
    data["s1"] = data["s0"].to_numpy()[::-1] * 100
    data.iloc[650:660, 1] = np.nan
    model = make("naive", horizon=8).fit(data[:600])
    panel = load_panel(data)
    series, ends = np.array([0, 1, 0, 1, 0]), np.array([600, 700, 601, 640, 713])
    found = model.forecast_windows(panel, series, ends, levels=LEVELS)
    inside = create("naive", horizon=8, season=1).fit(data[:600])
    for w, (s, end) in enumerate(zip(series, ends, strict=True)):
        calibration = model.calibration_
        one, at = np.array([s]), np.array([end])
        for origin in range(600, end - 7, 8):
            past = np.array([origin])
            values = inside.forecast_windows(panel, one, past, levels=LEVELS)
            actual = panel.series(s)[origin : origin + 8][None]
            calibration = calibration.updated(values, LEVELS, actual, recent_scales(panel, one, past, season=1))
        values = inside.forecast_windows(panel, one, at, levels=LEVELS)
        expected = calibration.apply(values, LEVELS, recent_scales(panel, one, at, season=1))
        np.testing.assert_allclose(found[w], expected[0])


def test_a_series_never_seen_has_the_common_calibration():
    data = noise()
    model = make("mean").fit(data)
    new = model.predict(data.rename(columns={"s0": "a", "s1": "b"}).assign(b=lambda f: f["a"] * 7), levels=LEVELS)
    widths = new.eval("`q0.95` - `q0.05`").to_numpy().reshape(2, -1)
    np.testing.assert_allclose(widths[1], 7 * widths[0])


@pytest.mark.parametrize("kind", ["split", "adaptive"])
def test_it_comes_back_from_its_file(kind, tmp_path):
    data = noise()
    inside = create("combined", horizon=4, members=("mean", "naive"))
    model = make(inside, kind=kind).fit(data[:350])
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    for newer in (None, data):
        pd.testing.assert_frame_equal(again.predict(newer, levels=LEVELS), model.predict(newer, levels=LEVELS))
    assert again.calibration_.kind == kind


def test_one_is_made_of_a_fitted_model_without_fitting(monkeypatch, tmp_path):
    data = noise()
    plain = create("mean", horizon=4, season=1, levels=LEVELS, lower=1.0)
    result = backtest(plain, data, folds=20)
    fitted, expected = plain.clone().fit(data), make(plain, folds=20, kind="split").fit(data)
    monkeypatch.setattr(Forecaster, "fit", None)
    model = ConformalForecaster.from_fitted(fitted, calibrate(result))
    pd.testing.assert_frame_equal(model.predict(levels=LEVELS), expected.predict(levels=LEVELS))
    assert model.predict(levels=LEVELS)["q0.05"].min() >= 1  # the bounds of what is inside
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load(tmp_path / "model").predict(levels=LEVELS), model.predict(levels=LEVELS))


def test_several_targets_and_a_longer_horizon():
    model = make("mean", target=("s0", "s1")).fit(noise())
    answer = model.predict(horizon=9, levels=LEVELS)
    assert len(answer) == 18 and np.isfinite(answer["q0.95"]).all()
    for _, one in answer.assign(width=answer["q0.95"] - answer["q0.05"]).groupby("target"):
        np.testing.assert_allclose(one["width"].iloc[4:], one["width"].iloc[3])


def test_levels_outside_of_those_calibrated_are_refused():
    model = make("mean").fit(noise())
    assert np.isfinite(model.predict(levels=(0.5,))["q0.5"]).all()
    assert np.isfinite(model.predict(levels=(0.07, 0.3))["q0.3"]).all()
    with pytest.raises(ConfigError, match=r"level 0\.99 lies outside of the calibrated ones"):
        model.predict(levels=(0.99,))


def test_short_data_say_what_they_cannot_promise():
    model = make("mean").fit(np.random.default_rng(0).normal(size=14))
    (note,) = [note["message"] for note in model.report_["notes"] if note["topic"] == "coverage"]
    assert "promise no coverage of 90%" in note
    with pytest.raises(DataError, match="too short to calibrate intervals of 4 steps"):
        make("mean").fit(np.random.default_rng(0).normal(size=11))


def test_many_series_take_few_folds_and_single_ones_take_origins_close_together():
    one, many = make("mean").fit(noise(200, series=1)).report_, make("mean").fit(noise(200, series=100)).report_
    assert one["folds"] == 40 and one["step"] == 1
    assert many["folds"] == 5 and many["step"] == 4
    assert make("mean", folds=3).fit(noise(200)).report_["folds"] == 3


def test_a_forecaster_that_fails_is_named():
    with pytest.raises(DataError, match="member 'naive': transform=box-cox needs targets above 0"):
        make({"name": "naive", "settings": {"transform": "box-cox"}}).fit(-noise())


@pytest.mark.parametrize("kind", ["split", "adaptive"])
@pytest.mark.parametrize("levels", [LEVELS, None])
def test_its_backtest_is_that_of_the_forecaster_inside_calibrated(levels, kind):
    """Thirty folds of a fit, from the forecasts of the one inside alone."""
    data = turning()
    inside = {"name": "naive", "settings": {"levels": levels}}
    model = make(inside, horizon=8, kind=kind)
    whole = backtest(model, data, folds=30, levels=LEVELS)
    known = data[: 1200 - 240]
    plain = backtest(create("naive", horizon=8, season=1, levels=levels), data, folds=30)
    found = calibrated_backtest(plain, model.clone().fit(known).calibration_)
    assert found.levels == LEVELS
    np.testing.assert_allclose(found.values, whole.values)


def test_calibrations_of_earlier_folds_are_judged_on_later_ones():
    result = backtest(create("naive", horizon=4, season=1, levels=LEVELS), noise(1200), folds=100, step=2, gap=3)
    earlier, later = split_folds(result, 60)
    for kind in ("split", "adaptive"):
        found = calibrated_backtest(later, calibrate(earlier, kind))
        assert abs(found.metrics()["coverage_90"] - 0.9) < 0.08
        np.testing.assert_array_equal(found.values[..., 0], later.values[..., 0])
        changed = replace(later, actual=np.where((later.fold >= 20)[:, None, None], 1e9, later.actual))
        again = calibrated_backtest(changed, calibrate(earlier, kind))
        before = later.fold < 24  # windows of fold 20 end 7 rows, four folds, after their origin
        np.testing.assert_array_equal(again.values[before], found.values[before])
        assert kind == "split" or not np.array_equal(again.values[~before], found.values[~before])


def test_rows_that_are_steps_adapt_like_dates():
    dated = turning(700)
    rows = dated.reset_index().assign(day=lambda f: pd.bdate_range("2020-01-01", periods=len(f)))
    options = {"horizon": 8, "forecaster": "naive"}
    found, expected = (
        make(freq=freq, **options).fit(data[:400]).predict(data, levels=LEVELS)
        for freq, data in (("rows", rows), (None, dated))
    )
    levels = ["forecast", "q0.05", "q0.95"]
    np.testing.assert_allclose(found[levels], expected[levels])


def test_a_panel_on_disk_is_calibrated_like_one_in_memory(tmp_path):
    from forecast.datasets import pack

    frame = noise(200).reset_index().melt("day", var_name="id", value_name="y")
    frame.to_csv(tmp_path / "data.csv", index=False)
    pack(tmp_path / "data.csv", tmp_path / "packed")
    inside = create("combined", horizon=4, members=("naive", "mean"), weighting="greedy")
    found, expected = (make(inside).fit(data).predict(levels=LEVELS) for data in (tmp_path / "packed", frame))
    np.testing.assert_allclose(found["q0.95"], expected["q0.95"], rtol=1e-5)


def test_series_that_never_vary_keep_the_intervals_of_what_is_inside():
    data = noise() * 0 + 3.0
    model = make("mean").fit(data)
    (note,) = [note["message"] for note in model.report_["notes"] if note["topic"] == "coverage"]
    assert "not calibrated" in note
    answer = model.predict(levels=LEVELS)
    assert (answer[["forecast", "q0.05", "q0.95"]] == 3).all().all()
