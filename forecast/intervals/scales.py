"""The size of a series at an origin, so that errors of series of any size can be compared.

Dimension key: W windows, C channels.
"""

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.evaluation.metrics import seasonal_scales

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
    scale, _ = seasonal_scales(target, offsets, np.arange(len(lengths)), lengths, season=season)
    return np.nan_to_num(scale)[place.ravel()]
