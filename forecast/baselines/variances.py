"""How uncertain the forecasts of exponential smoothing are.

Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential Smoothing (2008), chapter 6.
Dimension key: E origins, H horizon, M season.
"""

import numpy as np

from forecast.datasets.arrays import Floats


def forecast_variances(
    spec: str, weights: Floats, variance: Floats, line: Floats, season_ahead: Floats, cycle: int
) -> Floats:
    """(E, H) forecast variances: tables 6.2 (additive errors) and 6.3 (relative) of the book.

    weights: (4, E).  variance: (E,).  line: (E, H) level and trend carried on.  season_ahead: (E, H).  With a
    multiplicative season the book's approximation is used, which is close while the variance is small.
    """
    alpha, beta, gamma, phi = weights[..., None]
    variance = variance[:, None]
    horizon = line.shape[1]
    steps = np.arange(1, horizon)
    effect = alpha + beta * np.cumsum(phi**steps, axis=1)  # (E, H - 1) of one error on the forecast j steps later
    if spec[-1] == "A":
        effect = effect + gamma * (steps % cycle == 0)
    if spec[0] == "A":
        return np.asarray(variance * np.cumsum(np.concatenate([np.ones_like(variance), effect**2], axis=1), axis=1))
    mean = line + season_ahead if spec[-1] == "A" else line
    theta = np.empty_like(mean)
    for h in range(horizon):
        theta[:, h] = mean[:, h] ** 2 + variance[:, 0] * np.sum(theta[:, :h] * effect[:, :h][:, ::-1] ** 2, axis=1)
    if spec[-1] != "M":
        return (1 + variance) * theta - mean**2
    passed = np.arange(horizon) // cycle
    variances: Floats = season_ahead**2 * ((1 + variance) * (1 + gamma**2 * variance) ** passed * theta - mean**2)
    return variances
