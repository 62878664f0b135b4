"""Missing values of one series, and the forecast that stands in for a model's.

Dimension key: T steps, E origins, H horizon.
"""

import numpy as np

from forecast.datasets.arrays import Floats, Ints


def until_observed(values: Floats, ends: Ints) -> tuple[Floats, Ints, Ints]:
    """The values without gaps, each end drawn back to just after an observed value, and by how much it was drawn back.

    An end before the first observed value becomes 0.  Filling never looks past an end: the values on both sides of a
    gap before it lie before it.
    """
    seen = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(seen, np.arange(1, len(values) + 1), 0))
    drawn = np.where(ends > 0, last[np.clip(ends, 1, max(len(values), 1)) - 1], 0) if len(values) else 0 * ends
    if (drawn < 1).any():
        return values[:0], drawn, ends - drawn
    return filled(values[: int(drawn.max())]), drawn, ends - drawn


def filled(values: Floats) -> Floats:
    """The values (T,) with gaps closed by straight lines; ends that are missing repeat their neighbour."""
    seen = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(len(values)), seen, values[seen])


def seasonal_naive(values: Floats, ends: Ints, season: int, horizon: int) -> tuple[Floats, Floats]:
    """Mean and spread (E, H): the last season goes on, from each origin by itself; NaN where nothing was seen."""
    parts = [_one_origin(values[:end], season, horizon) for end in ends]
    return np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts])


def _one_origin(values: Floats, season: int, horizon: int) -> tuple[Floats, Floats]:
    seen = np.flatnonzero(~np.isnan(values))
    if not len(seen):
        return np.full(horizon, np.nan), np.zeros(horizon)
    values, missed = filled(values[seen[0] : seen[-1] + 1]), len(values) - int(seen[-1]) - 1
    season = season if len(values) >= season else 1
    ahead = np.arange(missed, missed + horizon)
    errors = values[season:] - values[:-season]
    sigma = np.sqrt(np.mean(errors**2)) if len(errors) else 0.0
    return values[len(values) - season + ahead % season], sigma * np.sqrt(ahead // season + 1)
