"""Seasonal ARIMA against statsmodels called directly."""

import numpy as np
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecast.baselines.arima import Orders, forecast, learn

SEASON, HORIZON = 4, 10


def seasonal(length):
    rng = np.random.default_rng(0)
    steps = np.arange(length)
    return 10 + 0.05 * steps + 2 * np.sin(steps * np.pi / 2) + rng.normal(scale=0.5, size=length)


@pytest.mark.parametrize(
    "orders", [Orders(2, 1, 1), Orders(1, 0, 1, 1, 0, 1), Orders(0, 1, 1, 0, 1, 1), Orders(1, 0, 0)]
)
def test_arima_forecasts_what_the_full_state_space_model_forecasts(orders):
    values = seasonal(80) - 12.0
    full = SARIMAX(
        values,
        order=(orders.p, orders.d, orders.q),
        seasonal_order=(orders.P, orders.D, orders.Q, SEASON),
        initialization="approximate_diffuse" if orders.d + orders.D == 0 else None,
    )
    coefficients = {(2, 1): [0.4, 0.2, -0.5], (1, 1): [0.5, 0.3, 0.4, -0.2], (0, 1): [-0.4, -0.3], (1, 0): [0.6]}
    chosen = np.array(coefficients[orders.p, orders.q])
    params = np.array([0.0, 0.25, *chosen])
    mean, spread = forecast(values, np.array([70, 80]), spec=str(orders), params=params, season=SEASON, horizon=HORIZON)
    for end, row, width in zip((70, 80), mean, spread, strict=True):
        reference = full.clone(values[:end]).filter([*chosen, 0.25]).get_forecast(HORIZON)
        np.testing.assert_allclose(row, reference.predicted_mean, atol=2e-3)
        np.testing.assert_allclose(width, reference.se_mean, rtol=2e-3)


def test_arima_finds_the_orders_and_coefficients_of_a_simulated_process():
    rng = np.random.default_rng(5)
    noise = rng.normal(size=600)
    values = np.zeros(600)
    for t in range(2, 600):
        values[t] = 1.2 * values[t - 1] - 0.5 * values[t - 2] + noise[t]
    spec, params = learn(values[100:], 1)
    orders = Orders.parse(spec)
    assert (orders.d, orders.D, orders.P, orders.Q) == (0, 0, 0, 0)
    ahead = forecast(values[100:], np.array([500]), spec=spec, params=params, season=1, horizon=1)[0][0, 0]
    assert ahead == pytest.approx(1.2 * values[-1] - 0.5 * values[-2], abs=0.25)
    assert params[1] == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("text", ["(1,1,2)(0,1,1)", "(0,0,0)(0,0,0)+mean"])
def test_orders_are_read_back_as_they_are_written(text):
    assert str(Orders.parse(text)) == text
