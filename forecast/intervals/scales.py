"""The size of a series at an origin, so that errors of series of any size can be compared.

Dimension key: W windows, C channels.
"""

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.evaluation.metrics import PERIODIC

SEASONS, FEWEST_STEPS = 4, 48


def scale_steps(season: int) -> int:
    """Rows before an origin that its scale is taken from: few, so that a series that grows has a scale that grows."""
    return max(SEASONS * season, FEWEST_STEPS)


def recent_scales(panel: Panel, series: Ints, ends: Ints, *, season: int) -> Floats:
    """(W, C) mean absolute seasonal difference of the last rows before each origin, 0 where it is undefined.

    Where a window has no rows one season apart, or they do not differ, rows one step apart take their place, as in
    ``seasonal_scales``.
    """
    chosen, place = np.unique(np.stack([series, ends]), axis=1, return_inverse=True)
    lengths = np.minimum(chosen[1], scale_steps(season))
    offsets = np.concatenate([[0], lengths.cumsum()])
    first = panel.offsets[chosen[0]] + chosen[1] - lengths
    rows = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], lengths)
    target = panel.target[rows].astype(np.float64)
    seasonal, steps = (_mean_difference(target, offsets, lag) for lag in (season, 1))
    return np.where(seasonal > PERIODIC * steps, seasonal, steps)[place.ravel()]


def _mean_difference(target: Floats, offsets: Ints, lag: int) -> Floats:
    """(W, C) mean |x(t) − x(t − lag)| of rows offsets[w] … offsets[w + 1] − 1, over observed pairs; 0 without any."""
    lengths = np.diff(offsets)
    difference = np.full((len(target) + 1, target.shape[1]), np.nan)  # one row more: the last window may be empty
    if lag < len(target):
        difference[lag:-1] = np.abs(target[lag:] - target[:-lag])
    position = np.arange(len(target)) - np.repeat(offsets[:-1], lengths)
    difference[:-1][position < lag] = np.nan
    seen = ~np.isnan(difference)
    count = np.add.reduceat(seen, offsets[:-1], axis=0, dtype=np.int64)
    total = np.add.reduceat(np.where(seen, difference, 0.0), offsets[:-1], axis=0)
    return np.where((lengths > 0)[:, None] & (count > 0), total / np.maximum(count, 1), 0.0)
