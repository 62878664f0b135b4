"""Every measure against scikit-learn or a slow loop, and the sums of a backtest against the measures."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference

from forecast.evaluation import metrics
from forecast.evaluation.sums import intervals, measure, measures

RNG = np.random.default_rng(7)
Y = RNG.normal(10, 3, size=(6, 4, 2))
F = Y + RNG.normal(size=Y.shape)
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
Q = np.sort(Y[..., None] + RNG.normal(size=(*Y.shape, len(LEVELS))), axis=-1)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.mae, reference.mean_absolute_error),
        (metrics.mse, reference.mean_squared_error),
        (metrics.rmse, reference.root_mean_squared_error),
        (lambda y, f: metrics.mape(y, f) / 100, reference.mean_absolute_percentage_error),
        (lambda y, f: metrics.pinball(y, f, 0.2), lambda y, f: reference.mean_pinball_loss(y, f, alpha=0.2)),
    ],
)
def test_agrees_with_scikit_learn(ours, theirs):
    assert ours(Y, F) == pytest.approx(theirs(Y.ravel(), F.ravel()))


def test_agrees_with_slow_loops():
    pairs = list(zip(Y.ravel().tolist(), F.ravel().tolist(), strict=True))
    assert metrics.smape(Y, F) == pytest.approx(np.mean([200 * abs(y - f) / (abs(y) + abs(f)) for y, f in pairs]))
    assert metrics.wape(Y, F) == pytest.approx(sum(abs(y - f) for y, f in pairs) / sum(abs(y) for y, _ in pairs))
    assert metrics.bias(Y, F) == pytest.approx(sum(f - y for y, f in pairs) / len(pairs))
    losses = [
        2 * sum(max(a * (y - q), (a - 1) * (y - q)) for y, q in zip(Y.ravel(), Q[..., i].ravel(), strict=True))
        for i, a in enumerate(LEVELS)
    ]
    assert metrics.wql(Y, Q, LEVELS) == pytest.approx(np.mean(losses) / np.abs(Y).sum())
    inside = [low <= y <= high for y, low, high in zip(Y.ravel(), Q[..., 0].ravel(), Q[..., -1].ravel(), strict=True)]
    assert metrics.coverage(Y, Q[..., 0], Q[..., -1]) == pytest.approx(np.mean(inside))
    assert metrics.width(Y, Q[..., 0], Q[..., -1]) == pytest.approx((Q[..., -1] - Q[..., 0]).mean())


def test_a_missing_actual_does_not_count_and_a_missing_forecast_does():
    y = np.array([1.0, np.nan, 3.0])
    assert metrics.mae(y, [2.0, 9.0, 3.0]) == pytest.approx(0.5)
    assert metrics.mae(y, [2.0, np.nan, 3.0]) == pytest.approx(0.5)
    assert math.isnan(metrics.mae(y, [np.nan, 9.0, 3.0]))
    assert math.isnan(metrics.mase(y, [np.nan, 9.0, 3.0], 1.0))
    assert math.isnan(metrics.coverage(y, [np.nan, 0.0, 0.0], [3.0, 3.0, 3.0]))
    assert math.isnan(metrics.mae([np.nan], [1.0]))


def test_zero_actuals_are_left_out_of_mape_and_both_zero_is_no_symmetric_error():
    assert metrics.mape([0.0, 2.0], [5.0, 3.0]) == pytest.approx(50.0)
    assert metrics.smape([0.0, 0.0], [0.0, 5.0]) == pytest.approx(100.0)
    assert math.isnan(metrics.wape([0.0], [1.0]))


def test_axis_keeps_the_others():
    np.testing.assert_allclose(metrics.mae(Y, F, axis=(0, 2)), np.abs(Y - F).mean(axis=(0, 2)))
    assert metrics.wql(Y, Q, LEVELS, axis=(1, 2)).shape == (6,)


def slow_scale(values: np.ndarray, season: int) -> tuple[float, float]:
    """Of one series (T,), as the definition says."""
    for lag in (season, 1):
        pairs = [(values[t], values[t - lag]) for t in range(lag, len(values))]
        errors = [abs(a - b) for a, b in pairs if not (math.isnan(a) or math.isnan(b))]
        if errors and np.mean(errors) > 0:
            return float(np.mean(errors)), float(np.mean(np.square(errors)))
    return math.nan, math.nan


numbers = st.one_of(st.integers(-5, 5).map(float), st.just(math.nan))


@settings(max_examples=60, deadline=None)
@given(
    lists=st.lists(
        st.integers(1, 12).flatmap(lambda n: arrays(np.float64, n, elements=numbers)), min_size=1, max_size=4
    ),
    season=st.integers(1, 14),
)
def test_scales_equal_a_slow_loop_for_any_lengths_and_gaps(lists, season):
    offsets = np.concatenate([[0], np.cumsum([len(values) for values in lists])])
    windows = [(s, end) for s, values in enumerate(lists) for end in range(len(values) + 1)]
    series, ends = np.array(windows).T
    packed = np.concatenate(lists)[:, None]
    absolute, squared = metrics.seasonal_scales(packed, offsets, series, ends, season=season)
    expected = np.array([slow_scale(lists[s][:end], season) for s, end in windows])
    np.testing.assert_allclose(absolute[:, 0], expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(squared[:, 0], expected[:, 1], rtol=1e-12)


def test_a_small_series_keeps_its_scale_behind_a_huge_one():
    rng = np.random.default_rng(0)
    big, small = rng.normal(size=200) * 1e12, rng.normal(size=200) * 1e-6
    packed, offsets = np.concatenate([big, small])[:, None], np.array([0, 200, 400])
    both, _ = metrics.seasonal_scales(packed, offsets, np.array([1]), np.array([150]), season=7)
    assert both[0, 0] == pytest.approx(np.abs(small[7:150] - small[:143]).mean(), rel=1e-12)


def test_a_series_that_repeats_itself_up_to_rounding_is_scaled_by_single_steps():
    wave = np.sin(2 * np.pi * np.arange(240) / 24)[:, None]
    scale, _ = metrics.seasonal_scales(wave, np.array([0, 240]), np.array([0]), np.array([240]), season=24)
    assert scale[0, 0] == pytest.approx(np.abs(np.diff(wave[:, 0])).mean())


def test_a_constant_series_has_no_scale_and_is_left_out():
    packed, offsets = np.concatenate([np.ones(20), np.arange(20.0)])[:, None], np.array([0, 20, 40])
    scale, _ = metrics.seasonal_scales(packed, offsets, np.array([0, 1]), np.array([20, 20]), season=1)
    assert np.isnan(scale[0, 0]) and scale[1, 0] == 1.0
    assert metrics.mase(np.zeros((2, 3, 1)), np.full((2, 3, 1), 5.0), scale[:, None]) == pytest.approx(5.0)


def test_a_scale_uses_nothing_from_its_origin_on():
    values = RNG.normal(size=(50, 1))
    changed = values.copy()
    changed[30:] = 1e6
    arguments = np.array([0, 50]), np.array([0]), np.array([30])
    assert metrics.seasonal_scales(values, *arguments, season=4) == metrics.seasonal_scales(
        changed, *arguments, season=4
    )


def test_intervals_are_the_symmetric_pairs():
    assert intervals((0.05, 0.1, 0.5, 0.9, 0.95)) == {"90": (0, 4), "80": (1, 3)}
    assert intervals((0.1, 0.5)) == {}


def test_sums_give_the_same_measures_as_the_functions(monkeypatch):
    monkeypatch.setattr("forecast.evaluation.sums.BLOCK", 16)  # several blocks
    y = np.where(RNG.random(Y.shape) < 0.2, np.nan, Y)
    scale = np.abs(RNG.normal(size=(6, 2))) + 0.5
    scale[0, 0] = np.nan
    values = np.concatenate([F[..., None], Q], axis=-1)
    sums = measure(y, values, levels=LEVELS, scale=scale, squared_scale=scale**2)
    found = {k: float(v[0]) for k, v in measures(sums.by(np.zeros(6, int), 1), LEVELS).items()}
    s = scale[:, None]
    expected = {
        "mae": metrics.mae(y, F),
        "mse": metrics.mse(y, F),
        "rmse": metrics.rmse(y, F),
        "mape": metrics.mape(y, F),
        "smape": metrics.smape(y, F),
        "wape": metrics.wape(y, F),
        "bias": metrics.bias(y, F),
        "mase": metrics.mase(y, F, s),
        "rmsse": metrics.rmsse(y, F, s**2),
        "wql": metrics.wql(y, Q, LEVELS),
        "pinball": np.mean([metrics.pinball(y, Q[..., i], a) for i, a in enumerate(LEVELS)]),
        "pinball_0.25": metrics.pinball(y, Q[..., 1], 0.25),
        "coverage_80": metrics.coverage(y, Q[..., 0], Q[..., 4]),
        "width_50": metrics.width(y, Q[..., 1], Q[..., 3]),
        "crps": metrics.crps_levels(y, Q, LEVELS),
        "interval_score_80": metrics.interval_score(y, Q[..., 0], Q[..., 4], 0.8),
        "interval_score_50": metrics.interval_score(y, Q[..., 1], Q[..., 3], 0.5),
        "msis_80": metrics.msis(y, Q[..., 0], Q[..., 4], s, 0.8),
        "count": (~np.isnan(y)).sum(),
        "unscaled": (~np.isnan(y[0, :, 0])).sum(),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    steps = measures(sums.steps.sum(axis=2), LEVELS)
    np.testing.assert_allclose(steps["smape"], metrics.smape(y, F, axis=(0, 2)))
    np.testing.assert_allclose(steps["msis_50"], metrics.msis(y, Q[..., 1], Q[..., 3], s, 0.5, axis=(0, 2)))
    groups = np.array([0, 0, 1, 1, 1, 2])
    by_group = measures(sums.by(groups, 3), LEVELS)["wql"]
    assert by_group[1] == pytest.approx(metrics.wql(y[2:5], Q[2:5], LEVELS))
