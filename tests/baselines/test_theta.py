"""The Theta method against statsmodels called directly."""

import numpy as np
import pytest
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.seasonal import seasonal_decompose
from statsmodels.tsa.stattools import acf

from forecast.baselines.batches import Batch
from forecast.baselines.seasonal import decompose, is_seasonal
from forecast.baselines.theta import THETA, reach, slopes, smooth

HORIZON = 10


def trending(length, seed=0):
    rng = np.random.default_rng(seed)
    return 10 + 0.05 * np.arange(length) + rng.normal(scale=0.5, size=length).cumsum()


def squares(values, slope, alpha, level, share):
    """Sum of squared one-step errors, from the definition."""
    ahead = smooth(values[:, None], np.array([alpha]), np.array([level]))[:-1, 0]
    return np.sum((values - ahead - share * slope * reach(np.arange(len(values)), alpha)) ** 2)


def test_the_classical_share_gives_the_forecast_of_statsmodels():
    values = trending(61)
    reference = ThetaModel(values, deseasonalize=False).fit()
    params = np.array([reference.params["alpha"], values[0], 0.5, 1.0])
    [(mean, _)] = THETA.forecast([values], [np.array([61])], learned=[("theta", params)], season=1, horizon=HORIZON)
    np.testing.assert_allclose(mean[0], reference.forecast(HORIZON), rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_errors_learned_are_no_larger_than_those_of_the_classical_share_or_of_any_nearby_numbers(seed):
    values = trending(90, seed)
    [(_, params)] = THETA.learn([values], season=1, positive=[True])
    slope = np.polyfit(np.arange(90), values, 1)[0]
    np.testing.assert_allclose(slopes(values[:, None])[-1, 0], slope, rtol=1e-9)
    best = squares(values, slope, *params[:3])
    assert best == pytest.approx(params[3] * 87, rel=1e-9)
    alpha = ThetaModel(values, deseasonalize=False).fit().params["alpha"]
    assert best <= squares(values, slope, alpha, values[0], 0.5)
    rng = np.random.default_rng(seed)
    for _ in range(200):
        near = params[:3] + rng.normal(scale=0.02, size=3)
        near[[0, 2]] = np.clip(near[[0, 2]], [0.01, 0.0], [0.999, 1.0])
        assert best <= squares(values, slope, *near) * (1 + 1e-5)


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
