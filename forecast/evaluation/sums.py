"""All measures of many windows in one pass: sums that every grouping shares, and the measures made of them.

Dimension key: W windows, H horizon, C channels, Q levels, K sums.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.evaluation.values import (
    absolute_error,
    inside,
    percentage_error,
    pinball_loss,
    symmetric_error,
)

BLOCK = 1 << 16  # values handled at a time: what fits the cache

POINT_SUMS = (
    "count",
    "absolute",
    "squared",
    "error",
    "magnitude",
    "nonzero",
    "percentage",
    "symmetric",
    "scaled",
    "absolute_scaled",
    "squared_scaled",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """Sums over what counts, by window (K, W, C) and by horizon step (K, H, C), for the levels they were made for."""

    levels: tuple[float, ...]
    windows: Floats
    steps: Floats

    def by(self, group: Ints, groups: int) -> Floats:
        """(K, groups): the windows' sums added up by group (W,), over all channels."""
        flat = self.windows.sum(axis=2)  # (K, W)
        return np.stack([np.bincount(group, weights=row, minlength=groups) for row in flat])


def intervals(levels: tuple[float, ...]) -> dict[str, tuple[int, int]]:
    """Places of the two levels of each central interval, by its coverage in percent: ``{"90": (0, 10), …}``."""
    place = {round(level, 9): i for i, level in enumerate(levels)}
    pairs = ((level, round(1.0 - level, 9)) for level in place if level < 0.5)
    return {
        format(round(100.0 * (high - low), 7), "g"): (place[low], place[high]) for low, high in pairs if high in place
    }


def measure(actual: Floats, values: Floats, *, levels: tuple[float, ...], scale: Floats, squared_scale: Floats) -> Sums:
    """Sums of all windows: actual (W, H, C), values (W, H, C, 1 + Q), scales (W, C)."""
    windows, horizon, channels = actual.shape
    names = len(POINT_SUMS) + len(levels) + 3 * len(intervals(levels))
    by_window = np.zeros((names, windows, channels))
    by_step = np.zeros((names, horizon, channels))
    block = max(1, BLOCK // max(1, horizon * channels))
    for first in range(0, windows, block):
        part = slice(first, first + block)
        terms = _terms(actual[part], values[part], levels, scale[part], squared_scale[part])
        for k, term in enumerate(terms):
            by_window[k, part] = term.sum(axis=1)
            by_step[k] += term.sum(axis=0)
    return Sums(levels=levels, windows=by_window, steps=by_step)


def _terms(
    actual: Floats, values: Floats, levels: tuple[float, ...], scale: Floats, squared_scale: Floats
) -> Iterator[Floats]:
    """The terms (W, H, C) of each sum: ``POINT_SUMS``, then levels, and of each interval coverages, widths, scores."""
    seen = ~np.isnan(actual)
    y = np.where(seen, actual, 0.0)
    f = np.where(seen, values[..., 0], 0.0)
    scalable = seen & ~np.isnan(scale)[:, None, :]
    absolute = absolute_error(y, f)
    squared = np.square(absolute)
    yield seen.astype(np.float64)
    yield absolute
    yield squared
    yield f - y
    yield np.abs(y)
    yield (y != 0).astype(np.float64)
    yield percentage_error(y, f)
    yield symmetric_error(y, f)
    yield scalable.astype(np.float64)
    yield np.where(scalable, absolute / scale[:, None, :], 0.0)
    yield np.where(scalable, squared / squared_scale[:, None, :], 0.0)
    quantiles = [np.where(seen, values[..., 1 + place], 0.0) for place in range(len(levels))]
    losses = [pinball_loss(y, q, level) for q, level in zip(quantiles, levels, strict=True)]
    yield from losses
    pairs = list(intervals(levels).values())
    for low, high in pairs:
        yield np.where(seen, inside(y, quantiles[low], quantiles[high]), 0.0)
    for low, high in pairs:
        yield quantiles[high] - quantiles[low]
    for low, high in pairs:
        yield np.where(scalable, _interval_score(losses[low], losses[high], levels[low]) / scale[:, None, :], 0.0)


def _interval_score(low: Floats, high: Floats, level: float) -> Floats:
    """Interval scores from the pinball losses of both ends, the lower one of ``level``: they are 1 / level of these."""
    return (low + high) / level


def measures(sums: Floats, levels: tuple[float, ...]) -> dict[str, Floats]:
    """The measures of sums (K, …), each of shape (…): the columns of every table.

    count: values that count; unscaled: those left out of MASE and RMSSE because their series has no scale.
    Definitions and units: ``forecast.evaluation.metrics``.  ``pinball`` is the mean over the levels.
    """
    s = dict(zip(POINT_SUMS, sums, strict=False))
    pinballs = sums[len(POINT_SUMS) : len(POINT_SUMS) + len(levels)]
    result = {
        "mase": _over(s["absolute_scaled"], s["scaled"]),
        "rmsse": np.sqrt(_over(s["squared_scaled"], s["scaled"])),
        "mae": _over(s["absolute"], s["count"]),
        "rmse": np.sqrt(_over(s["squared"], s["count"])),
        "mse": _over(s["squared"], s["count"]),
        "mape": _over(s["percentage"], s["nonzero"]),
        "smape": _over(s["symmetric"], s["count"]),
        "wape": _over(s["absolute"], s["magnitude"]),
        "bias": _over(s["error"], s["count"]),
    }
    if levels:
        result["wql"] = _over(2.0 * pinballs.mean(axis=0), s["magnitude"])
        result["crps"] = _over(2.0 * pinballs.mean(axis=0), s["count"])
        result["pinball"] = _over(pinballs.mean(axis=0), s["count"])
        pairs = intervals(levels)
        held, wide, scored = sums[len(POINT_SUMS) + len(levels) :].reshape(3, len(pairs), *sums.shape[1:])
        for place, (name, (low, high)) in enumerate(pairs.items()):
            result[f"coverage_{name}"] = _over(held[place], s["count"])
            result[f"width_{name}"] = _over(wide[place], s["count"])
            score = _interval_score(pinballs[low], pinballs[high], levels[low])
            result[f"interval_score_{name}"] = _over(score, s["count"])
            result[f"msis_{name}"] = _over(scored[place], s["scaled"])
        for level, loss in zip(levels, pinballs, strict=True):
            result[f"pinball_{level:g}"] = _over(loss, s["count"])
    return result | {"count": s["count"], "unscaled": s["count"] - s["scaled"]}


def _over(numerator: Floats, divisor: Floats) -> Floats:
    result: Floats = np.divide(numerator, divisor, out=np.full(divisor.shape, np.nan), where=divisor > 0)
    return result
