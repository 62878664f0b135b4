"""The Theta method against statsmodels called directly."""

import numpy as np
import pytest
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.seasonal import seasonal_decompose
from statsmodels.tsa.stattools import acf

from forecast.baselines.batches import Batch
from forecast.baselines.seasonal import decompose, is_seasonal
from forecast.baselines.theta import THETA, lines, smooth, static_ahead

HORIZON = 10


def trending(length, seed=0):
    rng = np.random.default_rng(seed)
    return 10 + 0.05 * np.arange(length) + rng.normal(scale=0.5, size=length).cumsum()


def paths(values, params):
    """One-step errors and forecasts of the static and the dynamic model, step by step as in Fiorucci et al."""
    whole = np.polyfit(np.arange(1, len(values) + 1), values, 1)
    errors, ahead = [], []
    for (alpha, level, share), dynamic in ((params[:3], False), (params[3:6], True)):
        seen, missed, future = list(values), [], []
        for step in range(len(values) + HORIZON):
            known = seen[:step]
            if dynamic:
                slope, start = np.polyfit(np.arange(1, step + 1), known, 1) if step > 1 else (0.0, sum(known))
                trend = start * (1 - alpha) ** step + slope * (1 - (1 - alpha) ** (step + 1)) / alpha
            else:
                trend = whole[0] * (1 - (1 - alpha) ** step) / alpha
            expected = level + share * trend
            if step < len(values):
                missed.append(values[step] - expected)
            else:
                future.append(expected)
                seen.append(expected)
            level += alpha * ((seen[step] if dynamic or step < len(values) else level) - level)
            if not dynamic and step >= len(values):
                future[-1] = future[0] + share * whole[0] * (step - len(values))
        errors.append(missed)
        ahead.append(future)
    return np.array(errors), np.array(ahead)


def test_the_classical_share_gives_the_forecast_of_statsmodels():
    values = trending(61)
    reference = ThetaModel(values, deseasonalize=False).fit()
    alpha, slope = reference.params["alpha"], lines(values[:, None])[1][-1]
    level = smooth(values[:, None], np.array([alpha]), values[:1])[-1]
    ahead = static_ahead(level, slope, np.array([61]), np.array([[alpha], [values[0]], [0.5]]), HORIZON)
    np.testing.assert_allclose(ahead[0], reference.forecast(HORIZON), rtol=1e-9)


def test_the_line_through_the_first_values_is_that_of_a_fit():
    values = trending(30)
    level, slope = lines(values[:, None])
    for count in (2, 3, 11, 30):
        expected = np.polyfit(np.arange(1, count + 1), values[:count], 1)
        np.testing.assert_allclose([slope[count, 0], level[count, 0]], expected, rtol=1e-9)


def test_the_forecast_is_the_mean_of_both_models_as_they_are_defined():
    values = trending(47)
    params = np.array([0.3, 9.0, 0.7, 0.6, 11.0, 0.4, 1.0])
    [(mean, _)] = THETA.forecast([values], [np.array([47])], learned=[("theta", params)], season=1, horizon=HORIZON)
    np.testing.assert_allclose(mean[0], paths(values, params)[1].mean(axis=0), rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_no_nearby_parameters_give_smaller_errors_than_those_learned(seed):
    values = trending(90, seed)
    [(_, params)] = THETA.learn([values], season=1, positive=[True])
    counted = [slice(0, None), slice(1, None)]  # the dynamic model has no line before its first step
    best = [np.sum(row[part] ** 2) for row, part in zip(paths(values, params)[0], counted, strict=True)]
    rng = np.random.default_rng(seed)
    for _ in range(30):
        near = params[:6] + rng.normal(scale=0.02, size=6)
        near[[0, 3]], near[[2, 5]] = np.clip(near[[0, 3]], 0.01, 0.999), np.clip(near[[2, 5]], 0.0, 1.0)
        for row, part, least in zip(paths(values, near)[0], counted, best, strict=True):
            assert least <= np.sum(row[part] ** 2) * (1 + 1e-5)


def test_series_of_a_batch_are_learned_as_if_alone():
    series = [trending(length, seed=length) for length in (40, 57, 23)]
    together = THETA.learn(series, season=1, positive=[True] * 3)
    for values, (_, params) in zip(series, together, strict=True):
        np.testing.assert_allclose(params, THETA.learn([values], season=1, positive=[True])[0][1], rtol=1e-9)
    assert Batch.of(series).lengths.tolist() == [40, 57, 23]


@pytest.mark.parametrize("season", [4, 7, 12])
@pytest.mark.parametrize("factors", [True, False])
def test_seasonal_indices_are_those_of_statsmodels(season, factors):
    values = 5 + np.sin(np.arange(61) * 2 * np.pi / season) + np.random.default_rng(0).random(61)
    model = "multiplicative" if factors else "additive"
    expected = seasonal_decompose(values, model=model, period=season).seasonal[:season]
    np.testing.assert_allclose(decompose(values, season, factors=factors), expected, rtol=1e-9)


def test_the_test_for_a_season_uses_the_autocorrelations_of_statsmodels():
    rng = np.random.default_rng(1)
    for strength in np.linspace(0, 1, 12):
        values = strength * np.sin(np.arange(60) * np.pi / 6) + rng.normal(size=60)
        rho = acf(values, nlags=12, fft=False)
        expected = 60 * rho[-1] ** 2 / np.sum(rho[:-1] ** 2) > 1.645**2
        assert is_seasonal(values, 12) == expected
