"""The optimised Theta method: part of the linear trend on top of exponential smoothing of the deseasonalised series.

Assimakopoulos and Nikolopoulos (2000) take half of the trend; Fiorucci et al. (2016) choose the share, the smoothing
weight and the first level together, by the squared one-step errors, as is done here.

Dimension key: T rows of one series, E origins, H horizon.
"""

import numpy as np

from forecast.datasets.arrays import Floats, Ints


class Theta:
    """Parameters: smoothing weight alpha, first level, share of the trend (1 - 1 / theta), variance of one-step errors.

    The trend is a least-squares line through the values up to each origin.
    """

    name = "theta"
    deseasonalise = True

    def learn(self, values: Floats, *, season: int, positive: bool) -> tuple[str, Floats]:
        from scipy.optimize import minimize

        slope = _slopes(values)[-1]
        size = float(values.var()) or 1.0

        def loss(params: Floats) -> float:
            return float(np.mean(_errors(values, slope, *params) ** 2)) / size

        bounds = [(0.01, 0.999), (None, None), (0.0, 1.0)]
        starts = ([0.1, values[0], 0.5], [0.5, values[0], 0.5])
        fits = [minimize(loss, start, method="L-BFGS-B", bounds=bounds) for start in starts]
        best = min(fits, key=lambda fit: fit.fun)
        variance = np.sum(_errors(values, slope, *best.x) ** 2) / max(len(values) - len(best.x), 1)
        return "theta", np.array([*best.x, variance])

    def forecast(
        self, values: Floats, ends: Ints, *, spec: str, params: Floats, season: int, horizon: int
    ) -> tuple[Floats, Floats]:
        alpha, level, share, variance = params.tolist()
        steps = np.arange(horizon)
        slope = _slopes(values)[ends - 1, None]
        drift = share * slope * (steps + _reach(ends, alpha)[:, None])
        mean = _smooth(values, alpha, level)[ends - 1, None] + drift
        return mean, np.broadcast_to(np.sqrt(variance * (1 + alpha**2 * steps)), mean.shape)


THETA = Theta()


def _errors(values: Floats, slope: float, alpha: float, level: float, share: float) -> Floats:
    """(T,) one-step errors with the trend of the whole series."""
    before = np.concatenate([[level], _smooth(values, alpha, level)[:-1]])
    errors: Floats = values - before - share * slope * _reach(np.arange(len(values)), alpha)
    return errors


def _smooth(values: Floats, alpha: float, level: float) -> Floats:
    """(T,) level of simple exponential smoothing after each value, from ``level`` before the first."""
    from scipy.signal import lfilter

    smooth: Floats = lfilter([alpha], [1.0, alpha - 1.0], values, zi=[(1 - alpha) * level])[0]
    return smooth


def _reach(count: Ints, alpha: float) -> Floats:
    """By how many steps smoothing with weight ``alpha`` lags behind a line after ``count`` values, plus one."""
    reach: Floats = (1 - (1 - alpha) ** count) / alpha
    return reach


def _slopes(values: Floats) -> Floats:
    """(T,) slope of the least-squares line through the values up to each; 0 for the first."""
    count = np.arange(1.0, len(values) + 1)
    times = count - 1
    covariance = np.cumsum(times * values) - times / 2 * np.cumsum(values)
    slopes: Floats = covariance / np.maximum(count * (count**2 - 1) / 12, 0.5)
    return slopes
