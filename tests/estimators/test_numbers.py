"""What the numbers of a forecast owe to the level, the scale and the transform of the data."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ConfigError, DataError

LEVELS = (0.1, 0.5, 0.9)
KINDS = ["lstm", "transformer", "hybrid", "encoder-decoder"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_shift_of_the_data_shifts_the_forecast(make, data, kind):
    wave = data.wave(level=0.0)
    low, high = (make(kind, max_steps=20).fit(wave + shift).predict(levels=LEVELS) for shift in (0.0, 1e9))
    columns = ["forecast", "q0.1", "q0.5", "q0.9"]
    np.testing.assert_allclose(high[columns] - 1e9, low[columns], atol=1e-3)


@pytest.mark.parametrize("factor", [1e-13, 1e-6, 1e12])
@pytest.mark.parametrize("kind", KINDS)
def test_a_factor_of_the_data_scales_the_forecast(make, data, kind, factor):
    wave = data.wave(level=0.0)
    one, other = (make(kind, max_steps=20).fit(wave * by).predict() for by in (1.0, factor))
    np.testing.assert_allclose(other / factor, one, atol=2e-3)


@pytest.mark.parametrize("value", [0.0, 7.0, -1e9, 1e-9])
def test_a_constant_series_is_forecast_as_it_is(family, make, data, value):
    model = make(family).fit(pd.Series(np.full(90, value), index=data.hours(90), name="y"))
    for horizon in (4, 9):
        answer = model.predict(levels=LEVELS, horizon=horizon)[["forecast", "q0.1", "q0.9"]]
        np.testing.assert_allclose(answer, value, rtol=1e-5, atol=1e-5)


def test_a_constant_series_beside_others_disturbs_none(make, data):
    frame = data.wide().assign(flat=3.0)
    points = make("lstm").fit(frame).predict()
    np.testing.assert_allclose(points["flat"], 3.0, rtol=1e-4)
    assert np.isfinite(points[["north", "south"]].to_numpy()).all()


def test_missing_targets_are_skipped_not_filled(family, make, data):
    values = data.series()
    values.iloc[5:60:7] = np.nan
    values.iloc[-3] = np.nan
    assert np.isfinite(make(family).fit(values).predict()).all()


@pytest.mark.parametrize("transform", ["log1p", "box-cox"])
def test_a_transform_keeps_forecasts_in_its_domain_and_levels_in_order(make, data, transform):
    grown = np.exp(data.wave(level=2.0) + np.arange(90) / 30)
    model = make("lstm", transform=transform, max_steps=30).fit(grown)
    for horizon in (4, 11):
        answer = model.predict(levels=LEVELS, horizon=horizon)
        table = answer[["q0.1", "q0.5", "q0.9"]].to_numpy()
        assert (np.diff(table, axis=1) >= 0).all() and (table > 0).all()
        assert (answer["forecast"] > 10).all()


def test_a_transform_refuses_targets_outside_of_its_domain(make, data):
    with pytest.raises(DataError, match="box-cox needs targets above 0"):
        make("lstm", transform="box-cox").fit(data.wave(level=0.0))


def test_bounds_hold_for_points_and_levels(make, data):
    model = make("lstm", lower=4.9, upper=5.1).fit(data.series())
    for horizon in (4, 9):
        answer = model.predict(levels=LEVELS, horizon=horizon)[["forecast", "q0.1", "q0.5", "q0.9"]].to_numpy()
        assert answer.min() >= 4.9 and answer.max() <= 5.1
    assert make("lstm", lower=0.0).fit(data.series()).predict().min() >= 0
    with pytest.raises(ConfigError, match="not below"):
        make("lstm", lower=1.0, upper=1.0).fit(data.series())


def test_rows_after_an_origin_do_not_reach_forecasts_from_it(family, make, data):
    from forecast.datasets.build import load_panel

    model = make(family, **data.ROLES).fit(data.covariates(ahead=4))
    frame = data.covariates()
    changed = frame.copy()
    late = frame.groupby("shop").cumcount() >= 70
    changed.loc[late, ["sold", "visits"]] = 1e6
    changed.loc[late, "mood"] = "good"
    origins = np.arange(3), np.full(3, 70)
    one, two = (
        model.forecast_windows(load_panel(f, model.roles(), schema=model.schema_), *origins, levels=LEVELS)
        for f in (frame, changed)
    )
    np.testing.assert_array_equal(one, two)


def test_forecasts_of_windows_do_not_depend_on_their_company(family, make, data):
    from forecast.datasets.build import load_panel

    model = make(family, **data.LONG).fit(data.long())
    panel = load_panel(data.long(), model.roles(), schema=model.schema_)
    series, ends = np.array([0, 1, 2, 1]), np.array([60, 80, 90, 85])
    together = model.forecast_windows(panel, series, ends, levels=LEVELS)
    assert together.shape == (4, 4, 1, 4)
    order = [3, 0, 2, 1]
    np.testing.assert_allclose(
        model.forecast_windows(panel, series[order], ends[order], levels=LEVELS), together[order]
    )
    for w in (0, 2):
        alone = model.forecast_windows(panel, series[w : w + 1], ends[w : w + 1], levels=LEVELS)
        np.testing.assert_allclose(alone[0], together[w], rtol=1e-4)


def test_no_window_gives_no_forecast(make, data):
    from forecast.datasets.build import load_panel

    model = make("lstm").fit(data.series())
    nothing = np.zeros(0, np.int64)
    assert model.forecast_windows(load_panel(data.series()), nothing, nothing).shape == (0, 4, 1, 1)


def test_many_windows_are_forecast_in_passes(make, data, monkeypatch):
    from forecast.datasets.build import load_panel
    from forecast.estimators import passes

    model = make("hybrid").fit(data.series())
    panel, ends = load_panel(data.series()), np.arange(20, 90)
    series = np.zeros(70, np.int64)
    whole = model.forecast_windows(panel, series, ends)
    monkeypatch.setattr(passes, "NUMBERS_PER_PASS", 700)
    np.testing.assert_allclose(model.forecast_windows(panel, series, ends), whole, rtol=1e-5)
