"""Naive, seasonal naive, drift and mean against loops that follow the textbook one window at a time."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.baselines import DriftForecaster, MeanForecaster, NaiveForecaster, SeasonalNaiveForecaster

HORIZON, SEASON = 9, 4
KINDS = [NaiveForecaster, SeasonalNaiveForecaster, DriftForecaster, MeanForecaster]


def slow_naive(y, horizon, season):
    """Forecast and standard deviation by definition, walking back for the last observed value."""

    def last(t, step):
        t -= step
        while t >= 0 and (t >= len(y) or np.isnan(y[t])):
            t -= step
        return t if t >= 0 else None

    squares = []
    for t in range(len(y)):
        before = last(t, season)
        if before is not None and not np.isnan(y[t]):
            squares.append((y[t] - y[before]) ** 2 / ((t - before) / season))
    points, spreads = [], []
    for t in range(len(y), len(y) + horizon):
        before = last(t, season)
        if season > 1 and (before is None or not squares):
            point, spread = slow_naive(y, horizon, 1)
            points.append(point[t - len(y)] if before is None else y[before])
            spreads.append(spread[t - len(y)])
        elif before is None:
            points.append(np.nan)
            spreads.append(0.0)
        else:
            points.append(y[before])
            spreads.append(np.sqrt(np.mean(squares) * (t - before) / season) if squares else 0.0)
    return np.array(points), np.array(spreads)


def slow_drift(y, horizon):
    seen = np.flatnonzero(~np.isnan(y))
    if not len(seen):
        return np.full(horizon, np.nan), np.zeros(horizon)
    first, last = seen[0], seen[-1]
    slope = (y[last] - y[first]) / max(last - first, 1)
    gaps = np.diff(seen)
    errors = (np.diff(y[seen]) - slope * gaps) ** 2 / gaps
    variance = errors.sum() / (len(gaps) - 1) if len(gaps) > 1 else (np.diff(y[seen]) ** 2 / gaps).sum()
    ahead = len(y) - last + np.arange(horizon)
    return y[last] + slope * ahead, np.sqrt(variance * ahead * (1 + ahead / max(last - first, 1)))


def slow_mean(y, horizon):
    seen = y[~np.isnan(y)]
    if not len(seen):
        return np.full(horizon, np.nan), np.zeros(horizon)
    spread = np.std(seen, ddof=1) * np.sqrt(1 + 1 / len(seen)) if len(seen) > 1 else 0.0
    return np.full(horizon, seen.mean()), np.full(horizon, spread)


def slow(kind, y):
    if kind is DriftForecaster:
        return slow_drift(y, HORIZON)
    if kind is MeanForecaster:
        return slow_mean(y, HORIZON)
    return slow_naive(y, HORIZON, SEASON if kind is SeasonalNaiveForecaster else 1)


values = st.one_of(st.just(np.nan), st.integers(-50, 50).map(float))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_window_of_any_panel_with_gaps_equals_the_definition(make_panel, learn, kind, data):
    series = data.draw(st.lists(st.lists(values, min_size=1, max_size=25), min_size=1, max_size=5))
    panel = make_panel(series)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(series) - 1), min_size=1, max_size=6)))
    ends = np.array([data.draw(st.integers(0, len(series[s]))) for s in chosen])
    model = learn(kind(horizon=HORIZON), panel, season=SEASON)
    result = model._forecast(panel, chosen, ends, horizon=HORIZON, levels=(0.1, 0.9))
    for w, (s, end) in enumerate(zip(chosen, ends, strict=True)):
        point, spread = slow(kind, np.array(series[s][:end]))
        expected = np.stack([point, *(point + spread * NormalDist().inv_cdf(q) for q in (0.1, 0.9))], axis=-1)
        np.testing.assert_allclose(result[w, :, 0], expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_from_the_origin_on_do_not_matter(make_panel, learn, kind):
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(40, 2)), rng.normal(size=(30, 2))]
    chosen, ends = np.array([0, 1, 0]), np.array([20, 20, 33])
    panel = make_panel(series)
    disturbed = panel.target.copy()
    disturbed[33:40], disturbed[60:] = 1e12, np.nan
    results = [
        learn(kind(horizon=5), panel, season=4)._forecast(p, chosen, ends, horizon=5, levels=(0.2,))
        for p in (panel, panel.with_target(disturbed))
    ]
    np.testing.assert_array_equal(results[0][1:], results[1][1:])


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_series_packed_beside_a_huge_one_keeps_its_digits(make_panel, learn, kind):
    rng = np.random.default_rng(1)
    small, huge = rng.normal(size=50), 1e12 * rng.normal(size=50)
    window = (np.array([1]), np.array([50]))
    both, alone = make_panel([huge, small]), make_panel([small])
    together = learn(kind(horizon=3), both)._forecast(both, *window, horizon=3, levels=(0.1,))
    apart = learn(kind(horizon=3), alone)._forecast(alone, np.array([0]), window[1], horizon=3, levels=(0.1,))
    np.testing.assert_allclose(together, apart, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_offset_only_shifts_the_forecast(make_panel, learn, kind):
    rng = np.random.default_rng(2)
    small = rng.normal(size=200)
    results = []
    for shift in (0.0, 1e9):
        panel = make_panel([small + shift])
        model = learn(kind(horizon=6), panel, season=4)
        results.append(model._forecast(panel, np.array([0]), np.array([200]), horizon=6, levels=(0.1, 0.9)) - shift)
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_series_stays_constant_without_width(make_panel, learn, kind):
    panel = make_panel([np.full(20, 7.0), [3.0]])
    model = learn(kind(horizon=6), panel, season=4)
    result = model._forecast(panel, np.array([0, 1]), np.array([20, 1]), horizon=6, levels=(0.1, 0.9))
    np.testing.assert_array_equal(result[0], np.full((6, 1, 3), 7.0))
    np.testing.assert_array_equal(result[1], np.full((6, 1, 3), 3.0))


@pytest.mark.parametrize("kind", KINDS)
def test_saved_state_is_empty_and_costs_nothing(make_panel, kind):
    model = kind(horizon=2)
    assert model._state() == ({}, {})
    assert model.estimate_seconds(make_panel([[1.0, 2.0]]), 1000) == 0.0
