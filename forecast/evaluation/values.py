"""What measures are made of: the error of each value, and means over those that count.

A value counts where the actual is not NaN; a NaN forecast there gives NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.datasets.arrays import Floats

Axis = int | tuple[int, ...] | None


def absolute_error(y: Floats, f: Floats) -> Floats:
    """|y − f| of each value."""
    return np.abs(f - y)


def percentage_error(y: Floats, f: Floats) -> Floats:
    """100·|y − f| / |y| of each value, 0 where y is 0."""
    return np.where(y != 0, 100.0 * np.abs(f - y) / np.where(y != 0, np.abs(y), 1.0), 0.0)


def symmetric_error(y: Floats, f: Floats) -> Floats:
    """200·|y − f| / (|y| + |f|) of each value, 0 where both are 0."""
    total = np.abs(y) + np.abs(f)
    return 200.0 * np.abs(f - y) / np.where(total == 0, 1.0, total)


def pinball_loss(y: Floats, q: Floats, level: float) -> Floats:
    """max(level·(y − q), (level − 1)·(y − q)) of each value."""
    error = y - q
    return np.maximum(level * error, (level - 1.0) * error)


def inside(y: Floats, low: Floats, high: Floats) -> Floats:
    """1 where low ≤ y ≤ high, else 0; NaN where a bound is NaN."""
    return np.where(np.isnan(low) | np.isnan(high), np.nan, (low <= y) & (y <= high))


def counted(actual: ArrayLike, forecast: ArrayLike) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Actual and forecast in float64 with 0 where the actual is NaN, and the mask of what counts."""
    y = np.asarray(actual, dtype=np.float64)
    seen = ~np.isnan(y)
    f = np.broadcast_to(np.asarray(forecast, dtype=np.float64), y.shape)
    return np.where(seen, y, 0.0), np.where(seen, f, 0.0), seen


def ratio(numerator: Floats, weight: NDArray[Any], axis: Axis) -> Any:
    """Sum of what counts over the sum of weights; NaN where the weights sum to 0."""
    total = np.where(weight > 0, numerator, 0.0).sum(axis=axis) if weight.dtype == bool else numerator.sum(axis=axis)
    count = np.asarray(weight.sum(axis=axis, dtype=np.float64))
    result = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return float(result) if result.ndim == 0 else result
