"""Scores of probabilistic forecasts on plain arrays: quantiles, intervals, samples.  The rules are those of metrics.py.

Dimension key: Q levels, N samples, D values that are forecast jointly.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from forecast.datasets.arrays import Floats
from forecast.errors import ConfigError
from forecast.evaluation.values import Axis, counted, inside, pinball_loss, ratio


def pinball(actual: ArrayLike, quantile: ArrayLike, level: float, *, axis: Axis = None) -> Any:
    """Mean pinball loss of the forecast of one level, mean max(level·(y − q), (level − 1)·(y − q)).

    Source: Koenker and Bassett 1978, Regression quantiles; equal to scikit-learn's ``mean_pinball_loss``.
    """
    y, q, seen = counted(actual, quantile)
    return ratio(pinball_loss(y, q, level), seen, axis)


def wql(actual: ArrayLike, quantiles: ArrayLike, levels: Sequence[float], *, axis: Axis = None) -> Any:
    """Weighted quantile loss, the mean over levels of 2·Σ pinball / Σ|y|.

    actual: (...,), quantiles: (..., Q); ``axis`` counts in the axes of ``actual``.
    Source: Salinas et al. 2020, DeepAR; the mean over levels as in Chronos and fev.
    """
    q = np.asarray(quantiles, dtype=np.float64)
    losses = []
    for place, level in enumerate(levels):
        y, forecast, seen = counted(actual, q[..., place])
        losses.append(ratio(2.0 * pinball_loss(y, forecast, level), np.where(seen, np.abs(y), 0.0), axis))
    return np.mean(losses, axis=0)


def coverage(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, axis: Axis = None) -> Any:
    """Share of actuals in [lower, upper], both ends included."""
    y, low, seen = counted(actual, lower)
    high = np.where(seen, np.asarray(upper, dtype=np.float64), 0.0)
    return ratio(inside(y, low, high), seen, axis)


def width(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, axis: Axis = None) -> Any:
    """Mean of upper − lower over the values that count, in the units of y."""
    _, low, seen = counted(actual, lower)
    high = np.where(seen, np.asarray(upper, dtype=np.float64), 0.0)
    return ratio(high - low, seen, axis)


def interval_score(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike, coverage: float, *, axis: Axis = None) -> Any:
    """Mean interval score of a central interval: its width, and 2/α times the distance of an actual outside of it.

    α = 1 − coverage, the share that the interval may miss.  In the units of y; smaller is better.
    Source: Winkler 1972; Gneiting and Raftery 2007, Strictly proper scoring rules, equation 43.
    """
    y, low, seen = counted(actual, lower)
    high = np.where(seen, np.asarray(upper, dtype=np.float64), 0.0)
    return ratio(_interval_scores(y, low, high, coverage), seen, axis)


def msis(
    actual: ArrayLike, lower: ArrayLike, upper: ArrayLike, scale: ArrayLike, coverage: float, *, axis: Axis = None
) -> Any:
    """Mean scaled interval score: ``interval_score`` over the scale of MASE, of the values whose scale is not NaN.

    Source: Makridakis, Spiliotis, Assimakopoulos 2020, The M4 Competition (coverage .95); as in GluonTS.
    """
    y, low, seen = counted(actual, lower)
    high = np.where(seen, np.asarray(upper, dtype=np.float64), 0.0)
    divisor = np.broadcast_to(np.asarray(scale, dtype=np.float64), y.shape)
    usable = seen & ~np.isnan(divisor)
    return ratio(_interval_scores(y, low, high, coverage) / np.where(usable, divisor, 1.0), usable, axis)


def crps_levels(actual: ArrayLike, quantiles: ArrayLike, levels: Sequence[float], *, axis: Axis = None) -> Any:
    """Continuous ranked probability score from quantiles, twice the pinball loss averaged over the levels.

    actual: (...,), quantiles: (..., Q); ``axis`` counts in the axes of ``actual``.  In the units of y.  The mean stands
    for the integral over all levels, and comes near it as far as the levels lie evenly in (0, 1).
    Source: Laio and Tamea 2007, Verification tools for probabilistic forecasts; utilsforecast's ``mqloss`` is half of
    it, and over Σ|y| instead of their number it is ``wql``, which GluonTS and GIFT-Eval report as CRPS.
    """
    q = np.asarray(quantiles, dtype=np.float64)
    return np.mean([2.0 * pinball(actual, q[..., i], level, axis=axis) for i, level in enumerate(levels)], axis=0)


def crps_samples(actual: ArrayLike, samples: ArrayLike, *, fair: bool = False, axis: Axis = None) -> Any:
    """Continuous ranked probability score of samples, mean of E|X − y| − ½·E|X − X'|; of one sample the absolute error.

    actual: (...,), samples: (..., N); ``axis`` counts in the axes of ``actual``.  In the units of y.
    fair: estimate the second expectation without a sample's pair with itself, so that the score does not favour
    many samples (Ferro 2014, Fair scores for ensemble forecasts); needs two or more.
    Source: Gneiting and Raftery 2007, Strictly proper scoring rules, equation 21.
    """
    x = np.asarray(samples, dtype=np.float64)
    y, _, seen = counted(actual, 0.0)
    number = x.shape[-1]
    away = np.sort(np.where(seen[..., None], x - y[..., None], 0.0), axis=-1)  # around y: no digits of its level lost
    rank = 2.0 * np.arange(1, number + 1) - number - 1
    apart = away @ rank / (number * _others(number, fair=fair))  # half the mean distance of two samples
    return ratio(np.abs(away).mean(axis=-1) - apart, seen, axis)


def energy_score(actual: ArrayLike, samples: ArrayLike, *, fair: bool = False, axis: Axis = None) -> Any:
    """Score of a joint forecast of D values, such as the steps of a path: mean of E‖X − y‖ − ½·E‖X − X'‖.

    actual: (..., D), samples: (..., N, D); ``axis`` counts in the axes of ``actual`` before D.  In the units of y.
    Unobserved values are left out of the norms; where all D are, the vector does not count.  fair: as in
    ``crps_samples``, to which it is equal for D = 1.
    Source: Gneiting and Raftery 2007, Strictly proper scoring rules, equation 22.
    """
    x = np.asarray(samples, dtype=np.float64)
    y, _, seen = counted(actual, 0.0)
    number = x.shape[-2]
    away = np.where(seen[..., None, :], x - y[..., None, :], 0.0)  # (..., N, D)
    apart = np.zeros(y.shape[:-1])
    for place in range(number - 1):  # each pair once; all pairs at a time would take N times the memory
        apart += np.linalg.norm(away[..., place + 1 :, :] - away[..., place : place + 1, :], axis=-1).sum(axis=-1)
    apart /= number * _others(number, fair=fair)
    return ratio(np.linalg.norm(away, axis=-1).mean(axis=-1) - apart, np.asarray(seen.any(axis=-1)), axis)


def _interval_scores(y: Floats, low: Floats, high: Floats, coverage: float) -> Floats:
    if not 0 < coverage < 1:
        raise ConfigError(f"coverage={coverage!r} is not between 0 and 1", "Give the share that it should hold: .9.")
    missed = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
    return high - low + 2.0 / (1.0 - coverage) * missed


def _others(number: int, *, fair: bool) -> int:
    """With how many samples each is paired."""
    if fair and number < 2:
        raise ConfigError("a fair score needs two samples", "Draw more samples, or leave fair off.")
    return number - 1 if fair else number
