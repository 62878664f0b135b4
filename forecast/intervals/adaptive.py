"""Adaptive thresholds at an origin: what the rows between training and the origin have taught.

Dimension key: S series, W windows, R past windows, H horizon, C channels, B bands.
"""

from collections.abc import Callable

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.joining import rows_up_to
from forecast.datasets.panel import Panel
from forecast.estimators.base import origins_every
from forecast.evaluation.metrics import actuals
from forecast.intervals.conformal import Calibration
from forecast.intervals.scales import recent_scales

Inside = Callable[[Panel, Ints, Ints, int, tuple[float, ...]], Floats]


def shifts_of(
    calibration: Calibration, inside: Inside, trained: Panel, panel: Panel, series: Ints, ends: Ints, *, horizon: int
) -> Floats:
    """(W, B) the calibration's shift at the origin of each window.

    Between the last row of its series that ``trained`` holds and its origin, forecasts are made every ``horizon`` rows
    and compared with what came, one after the other; each series learns from its own rows alone.  One that ``trained``
    does not hold, or that repeats nothing of it, has the calibration's own shift.

    inside(panel, series, ends, horizon, levels): the forecasts that are calibrated.
    """
    first = rows_up_to(trained, panel)  # (S,)
    last = np.zeros(len(panel), np.int64)
    np.maximum.at(last, series, ends)
    rounds = np.where(first > 0, np.maximum(last - first, 0) // horizon, 0)  # (S,) that are over at the last origin
    current = np.repeat(calibration.shift[None], len(panel), axis=0)  # (S, B)
    found = current[series]
    past_series, past_ends = origins_every(first, first + rounds * horizon, horizon)
    if not len(past_series):
        return found
    scores = _scores(calibration, inside, panel, past_series, past_ends, horizon)
    begins = rounds.cumsum() - rounds
    over = np.maximum(ends - first[series], 0) // horizon * (rounds[series] > 0)  # (W,) rounds before each origin
    for number in range(int(rounds.max())):
        there = np.flatnonzero(rounds > number)
        misses = calibration.misses(scores[begins[there] + number], current[there])
        current[there] = calibration.stepped(current[there], calibration.shares(misses))
        at = over == number + 1
        found[at] = current[series[at]]
    return found


def _scores(calibration: Calibration, inside: Inside, panel: Panel, series: Ints, ends: Ints, horizon: int) -> Floats:
    """(R, H, C, B) the scores of past windows."""
    values = inside(panel, series, ends, horizon, calibration.levels)
    scale = recent_scales(panel, series, ends, season=calibration.season)
    actual = actuals(panel, series, ends, horizon=horizon)
    return calibration.excesses(values, calibration.levels, actual, scale)
