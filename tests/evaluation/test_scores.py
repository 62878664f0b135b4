"""Scores of quantiles, intervals and samples against loops over single values, written as the sources define them."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from forecast.errors import ConfigError
from forecast.evaluation import metrics

RNG = np.random.default_rng(11)
Y = RNG.normal(10, 3, size=(4, 3))
SAMPLES = Y[..., None] + RNG.normal(0.3, 2, size=(*Y.shape, 9))
LOW, HIGH = Y - RNG.normal(1, 1.5, size=Y.shape), Y + 1.5 + RNG.random(size=Y.shape)
LEVELS = (0.05, 0.2, 0.5, 0.9)
QUANTILES = np.quantile(SAMPLES, LEVELS, axis=-1).transpose(1, 2, 0)


def slow_crps(y: float, samples: np.ndarray, *, fair: bool) -> float:
    """Gneiting and Raftery 2007, equation 21, of one value."""
    n = len(samples)
    pairs = sum(abs(float(a) - float(b)) for a in samples for b in samples)
    return sum(abs(float(x) - y) for x in samples) / n - pairs / (2 * n * (n - 1 if fair else n))


def slow_interval_score(y: float, low: float, high: float, coverage: float) -> float:
    """Gneiting and Raftery 2007, equation 43, of one value."""
    alpha = 1 - coverage
    return (high - low) + 2 / alpha * (low - y) * (y < low) + 2 / alpha * (y - high) * (y > high)


@pytest.mark.parametrize("fair", [False, True])
def test_the_crps_of_samples_equals_a_loop_over_all_pairs(fair):
    expected = np.array([[slow_crps(Y[i, j], SAMPLES[i, j], fair=fair) for j in range(3)] for i in range(4)])
    assert metrics.crps_samples(Y, SAMPLES, fair=fair) == pytest.approx(expected.mean(), rel=1e-12)
    np.testing.assert_allclose(metrics.crps_samples(Y, SAMPLES, fair=fair, axis=0), expected.mean(axis=0), rtol=1e-12)


def test_the_crps_of_samples_is_the_integral_of_the_squared_distance_of_distributions():
    y, samples = 0.4, np.sort(RNG.normal(size=25))
    grid = np.linspace(-6, 6, 200_001)
    steps = np.searchsorted(samples, grid, side="right") / len(samples)
    integral = integrate.trapezoid((steps - (grid >= y)) ** 2, grid)
    assert metrics.crps_samples(y, samples) == pytest.approx(integral, abs=1e-4)


def test_many_samples_and_many_levels_come_near_the_crps_of_the_normal_distribution():
    y = np.array([-1.0, 0.3, 2.0])
    exact = np.mean(y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / math.sqrt(math.pi))
    levels = (np.arange(2_000) + 0.5) / 2_000
    quantiles = np.broadcast_to(stats.norm.ppf(levels), (3, 2_000))
    assert metrics.crps_samples(y, quantiles) == pytest.approx(exact, rel=1e-3)
    assert metrics.crps_levels(y, quantiles, levels) == pytest.approx(exact, rel=1e-3)


def test_the_crps_keeps_its_digits_far_from_zero():
    near = metrics.crps_samples(Y, SAMPLES)
    assert metrics.crps_samples(np.round(Y * 2**20) / 2**20 + 2.0**30, np.round(SAMPLES * 2**20) / 2**20 + 2.0**30) == (
        pytest.approx(near, rel=1e-5)
    )


def test_the_crps_of_one_sample_is_the_absolute_error_and_a_fair_one_needs_two():
    assert metrics.crps_samples(Y, SAMPLES[..., :1]) == pytest.approx(metrics.mae(Y, SAMPLES[..., 0]))
    with pytest.raises(ConfigError, match="two samples"):
        metrics.crps_samples(Y, SAMPLES[..., :1], fair=True)


def test_the_crps_of_levels_is_twice_the_mean_pinball_loss():
    """utilsforecast: mqloss is the mean of max(q·(y − ŷ), (q − 1)·(y − ŷ)), scaled_crps 2·mqloss·n / Σ|y|."""
    losses = [
        max(q * (y - f), (q - 1) * (y - f))
        for row, forecasts in zip(Y, QUANTILES, strict=True)
        for y, each in zip(row, forecasts, strict=True)
        for f, q in zip(each, LEVELS, strict=True)
    ]
    assert metrics.crps_levels(Y, QUANTILES, LEVELS) == pytest.approx(2 * np.mean(losses), rel=1e-12)
    scaled = 2 * np.mean(losses) * Y.size / np.abs(Y).sum()
    assert metrics.wql(Y, QUANTILES, LEVELS) == pytest.approx(scaled, rel=1e-12)


@pytest.mark.parametrize("coverage", [0.5, 0.95])
def test_interval_scores_equal_a_loop(coverage):
    scale = np.array([2.0, math.nan, 0.5])
    expected = np.array(
        [[slow_interval_score(Y[i, j], LOW[i, j], HIGH[i, j], coverage) for j in range(3)] for i in range(4)]
    )
    assert (expected > HIGH - LOW).any()  # some actuals lie outside
    assert metrics.interval_score(Y, LOW, HIGH, coverage) == pytest.approx(expected.mean(), rel=1e-12)
    usable = (expected / scale)[:, [0, 2]]  # GluonTS: the interval score over the seasonal error, averaged
    assert metrics.msis(Y, LOW, HIGH, scale, coverage) == pytest.approx(usable.mean(), rel=1e-12)


def test_a_coverage_beyond_one_is_refused():
    with pytest.raises(ConfigError, match="coverage=95 is not between 0 and 1"):
        metrics.interval_score(Y, LOW, HIGH, 95)


@pytest.mark.parametrize("fair", [False, True])
def test_the_energy_score_equals_a_loop_over_all_pairs(fair):
    y, x = Y, SAMPLES.transpose(0, 2, 1)  # (4, D), (4, N, D)
    expected = []
    for actual, samples in zip(y, x, strict=True):
        n = len(samples)
        to_actual = sum(math.dist(s, actual) for s in samples) / n
        expected.append(to_actual - sum(math.dist(a, b) for a in samples for b in samples) / (2 * n * (n - fair)))
    assert metrics.energy_score(y, x, fair=fair) == pytest.approx(np.mean(expected), rel=1e-12)
    np.testing.assert_allclose(metrics.energy_score(y[:, None], x[:, None], fair=fair, axis=1), expected, rtol=1e-12)


def test_the_energy_score_of_one_value_is_its_crps():
    assert metrics.energy_score(Y[..., None], SAMPLES[..., None]) == pytest.approx(metrics.crps_samples(Y, SAMPLES))


def test_unobserved_values_count_in_no_score():
    masked = np.where(np.arange(3) == 1, np.nan, Y)  # (4, 3)
    kept = np.array([0, 2])
    for found, expected in (
        (metrics.crps_samples(masked, SAMPLES), metrics.crps_samples(Y[:, kept], SAMPLES[:, kept])),
        (metrics.crps_levels(masked, QUANTILES, LEVELS), metrics.crps_levels(Y[:, kept], QUANTILES[:, kept], LEVELS)),
        (
            metrics.interval_score(masked, LOW, HIGH, 0.9),
            metrics.interval_score(Y[:, kept], LOW[:, kept], HIGH[:, kept], 0.9),
        ),
        (
            metrics.energy_score(masked, SAMPLES.transpose(0, 2, 1)),
            metrics.energy_score(Y[:, kept], SAMPLES[:, kept].transpose(0, 2, 1)),
        ),
    ):
        assert found == pytest.approx(expected)
    nothing = np.full(3, np.nan)
    assert math.isnan(metrics.crps_samples(nothing, SAMPLES[0]))
    assert math.isnan(metrics.energy_score(nothing, SAMPLES[0].T))
    assert math.isnan(metrics.interval_score(nothing, LOW[0], HIGH[0], 0.9))


def test_a_missing_forecast_is_no_good_one():
    broken = np.where(np.arange(9) == 4, np.nan, SAMPLES)
    assert math.isnan(metrics.crps_samples(Y, broken))
    assert math.isnan(metrics.energy_score(Y, broken.transpose(0, 2, 1)))
    assert math.isnan(metrics.interval_score(Y, np.where(Y > Y.mean(), np.nan, LOW), HIGH, 0.9))


def test_exact_forecasts_of_a_constant_or_zero_series_have_no_error():
    for value in (0.0, 5.0):
        y = np.full(6, value)
        assert metrics.crps_samples(y, np.full((6, 4), value)) == 0
        assert metrics.crps_levels(y, np.full((6, 2), value), (0.1, 0.9)) == 0
        assert metrics.energy_score(y, np.full((4, 6), value)) == 0
        assert metrics.interval_score(y, y, y, 0.9) == 0
    zeros = np.zeros(6)
    assert math.isnan(metrics.wql(zeros, np.zeros((6, 1)), (0.5,))) and math.isnan(metrics.nd(zeros, zeros))
    assert math.isnan(metrics.msis(zeros, zeros, zeros, math.nan, 0.9))  # a constant series has no scale


def test_the_overall_weighted_average_is_that_of_the_m4_competition():
    """Its table of hourly series: Naive 2 has sMAPE 18.383 and MASE 2.395, the seasonal naive forecast OWA .627."""
    assert metrics.owa(13.912, 1.193, 18.383, 2.395) == pytest.approx(0.627, abs=6e-4)
    assert metrics.owa(18.383, 2.395, 18.383, 2.395) == 1.0
    np.testing.assert_array_equal(metrics.owa([1.0, 2.0], [1.0, 2.0], [1.0, 0.0], [1.0, 1.0]), [1.0, math.nan])
