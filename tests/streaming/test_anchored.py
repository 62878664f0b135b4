"""A backtest in one pass: what a stream says, from as many origins as asked for, and nothing from after them."""

import numpy as np
import pandas as pd
import pytest

from forecast import NaiveForecaster, TransformerForecaster, backtest
from forecast.datasets.build import load_panel
from forecast.errors import ConfigError

LEVELS = (0.1, 0.5, 0.9)


def windows(panel, first: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Origins of every series from its row ``first`` on, ``step`` rows apart."""
    ends = np.arange(first, int(panel.ends.min()), step)
    return np.repeat(np.arange(len(panel)), len(ends)), np.tile(ends, len(panel))


@pytest.mark.parametrize("step", [1, 3])
def test_many_origins_in_one_pass_say_what_a_stream_says(fit, data, family, tokens, step):
    frame, first = data.series(90), data.FITTED
    model = fit(family, frame[:first], **tokens)
    panel = load_panel(frame, model.roles(), schema=model.schema_)
    series, ends = windows(panel, first, step)
    found = model.forecast_windows(panel, series, ends, levels=LEVELS, anchored=True)
    stream = model.stream(frame[:first])
    lookback = model.resolved_.lookback
    for end, values in zip(ends, found, strict=True):
        if end > first:
            stream.update(frame.iloc[end - step : end].to_numpy())
        answer = stream.forecast(LEVELS)[["forecast", "q0.1", "q0.5", "q0.9"]].to_numpy()
        # From the second anchor on a stream has seen more of the series than the first origin had.
        close = 1e-5 if end < first + lookback else 1e-3
        if end >= first + lookback and model.scale == "series":
            return  # and with it another deviation
        np.testing.assert_allclose(values[:, 0], answer, rtol=close)


def test_at_an_anchor_it_is_the_exact_backtest(fit, data):
    frame = data.covariates()
    model = fit("hybrid-learned", data.known_at(frame, data.FITTED, 4), patch=3, **data.ROLES)
    panel = load_panel(frame, model.roles(), schema=model.schema_)
    series, ends = windows(panel, data.FITTED, 2)
    exact = model.forecast_windows(panel, series, ends)
    anchored = model.forecast_windows(panel, series, ends, anchored=True)
    age = ends - data.FITTED
    np.testing.assert_allclose(anchored[age % 12 == 0], exact[age % 12 == 0], rtol=1e-5)
    assert not np.allclose(anchored[age % 12 != 0], exact[age % 12 != 0], rtol=1e-3)


def test_an_anchor_that_saw_too_little_is_soon_followed_by_another(fit, data):
    frame = data.series(40).fillna(9.0)
    model = fit("lstm", data.series()[: data.FITTED], patch=3)
    panel = load_panel(frame, model.roles(), schema=model.schema_)
    series, ends = windows(panel, 4, 1)
    exact = model.forecast_windows(panel, series, ends)
    anchored = model.forecast_windows(panel, series, ends, anchored=True)
    same = np.isclose(anchored, exact, rtol=1e-5).all(axis=(1, 2, 3))
    assert ends[same].tolist() == [4, 8, 20, 32]  # lookback 12: four steps are too few, eight are not


def test_bursts_after_silence_are_read_on_a_scale_of_their_own(fit, data):
    model = fit("hybrid-learned", data.series()[: data.FITTED], patch=3)
    frame = data.series().fillna(9.0)
    frame[70:85] = 9.0
    frame[100:104] += 50
    panel = load_panel(frame, model.roles(), schema=model.schema_)
    series, ends = windows(panel, data.FITTED, 1)
    found = model.forecast_windows(panel, series, ends, anchored=True)
    stream, ages = model.stream(frame[: data.FITTED]), []
    for end, values in zip(ends[1:], found[1:], strict=True):
        answer = stream.update(frame.iloc[end - 1])
        ages.append(int(stream.age[0]))
        np.testing.assert_allclose(values[:, 0, 0], answer, rtol=1e-3)
        if ages[-1] == 0:
            pd.testing.assert_series_equal(answer, model.predict(frame[:end]), rtol=1e-5)
    assert ages[100 - data.FITTED] == 0  # the first of the burst is the last of an anchor's lookback
    whole = model.stream(frame[: data.FITTED])
    pd.testing.assert_series_equal(whole.update(frame[data.FITTED : ends[-1]]), answer, rtol=1e-5)
    assert whole.age[0] == ages[-1]


def test_it_is_the_same_in_small_passes(fit, data, monkeypatch):
    frame = data.covariates()
    model = fit("lstm", data.known_at(frame, data.FITTED, 4), patch=3, **data.ROLES)
    panel = load_panel(frame, model.roles(), schema=model.schema_)
    series, ends = windows(panel, data.FITTED, 1)
    some = np.random.default_rng(0).permutation(len(series))[:70]
    whole = model.forecast_windows(panel, series[some], ends[some], anchored=True)
    monkeypatch.setattr(type(model), "_windows_per_pass", lambda self: 1)
    few = model.forecast_windows(panel, series[some], ends[some], anchored=True)
    np.testing.assert_allclose(few, whole, rtol=1e-5)


def test_rows_after_an_origin_do_not_reach_it(fit, data, family):
    frame, first = data.series(), data.FITTED
    model = fit(family, frame[:first], patch=3)
    later = frame.copy()
    later[90:] += 1000
    one, other = (
        model.forecast_windows(panel, *windows(panel, first, 1), levels=LEVELS, anchored=True)
        for panel in (load_panel(data, model.roles(), schema=model.schema_) for data in (frame, later))
    )
    np.testing.assert_array_equal(one[: 91 - first], other[: 91 - first])
    assert not np.allclose(one[91 - first :], other[91 - first :])


def test_a_backtest_may_be_anchored(fit, data):
    frame = data.series().fillna(9.0)
    model = fit("lstm", frame[: data.FITTED], tokens="steps")
    exact, found = (
        backtest(model, frame, folds=20, step=2, fitted=True, anchored=anchored) for anchored in (False, True)
    )
    np.testing.assert_array_equal(found.actual, exact.actual)
    np.testing.assert_allclose(found.values[0], exact.values[0], rtol=1e-5)
    assert not np.allclose(found.values[1], exact.values[1], rtol=1e-4)
    refitted = model.backtest(frame, folds=4, refit=2, anchored=True)
    assert refitted.fits == 2 and isinstance(refitted.metrics()["mase"], float)


def test_only_causal_networks_and_their_horizon(fit, data):
    frame = data.series().fillna(9.0)
    encoder = TransformerForecaster(horizon=4, season=6, max_steps=1, hidden_size=8, heads=2, architecture="encoder")
    for forecaster in (NaiveForecaster(horizon=4), encoder):
        with pytest.raises(ConfigError, match=f"this {type(forecaster).__name__} has no causal network"):
            backtest(forecaster, frame, folds=2, anchored=True)
    model = fit("lstm", frame[: data.FITTED])
    with pytest.raises(ConfigError, match="trained horizon of 4"):
        backtest(model, frame, folds=2, horizon=5, anchored=True)
    assert pd.notna(backtest(model, frame, folds=2, horizon=3, anchored=True).metrics()["mase"])
