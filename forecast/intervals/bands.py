"""Levels as bands around the middle, and how far actuals lie outside of them.

Dimension key: W windows, H horizon, C channels, Q levels, B bands.
"""

from dataclasses import dataclass

import numpy as np

from forecast.datasets.arrays import Floats


@dataclass(frozen=True, kw_only=True)
class Band:
    """The levels ``low`` and ``high`` of a central interval; one of them is None where the other has no counterpart."""

    low: float | None
    high: float | None

    @property
    def coverage(self) -> float:
        """The share of actuals that lie between the two, or on the right side of the only one."""
        return round((1.0 if self.high is None else self.high) - (0.0 if self.low is None else self.low), 9)


def bands_of(levels: tuple[float, ...]) -> tuple[Band, ...]:
    """The bands of sorted levels, widest first; the middle, 0.5, belongs to none."""
    above = {round(1 - level, 9): level for level in levels if level > 0.5}
    found = [Band(low=level, high=above.pop(round(level, 9), None)) for level in levels if level < 0.5]
    found += [Band(low=None, high=level) for level in above.values()]
    return tuple(sorted(found, key=lambda band: -band.coverage))


def excesses(actual: Floats, values: Floats, levels: tuple[float, ...], bands: tuple[Band, ...]) -> Floats:
    """(W, H, C, B) by how much each actual (W, H, C) lies outside of each band; negative inside, NaN where unobserved.

    values: (W, H, C, 1 + Q).  A level that is not among ``levels`` is the point forecast: of points alone, the excess
    is the absolute error.  Source: Romano, Patterson and Candes 2019, Conformalized quantile regression, equation 6.
    """
    place = {level: 1 + number for number, level in enumerate(levels)}
    found = np.full((*actual.shape, len(bands)), -np.inf)
    for number, band in enumerate(bands):
        if band.low is not None:
            found[..., number] = values[..., place.get(band.low, 0)] - actual
        if band.high is not None:
            found[..., number] = np.maximum(found[..., number], actual - values[..., place.get(band.high, 0)])
    return found


def corrections(bands: tuple[Band, ...], moves: Floats, levels: tuple[float, ...]) -> Floats:
    """(…, Q) what is added to each of ``levels`` where each band widens by ``moves`` (…, B) on either side.

    Between the levels of the bands, the middle included, corrections lie on straight lines.
    """
    known: dict[float, Floats] = {0.5: np.zeros(moves.shape[:-1])}
    for number, band in enumerate(bands):
        if band.low is not None:
            known[band.low] = -moves[..., number]
        if band.high is not None:
            known[band.high] = moves[..., number]
    ordered = np.array(sorted(known))
    table = np.stack([known[level] for level in ordered], axis=-1)
    right = np.clip(np.searchsorted(ordered, levels), 1, max(len(ordered) - 1, 1))
    left = right - 1
    right = np.minimum(right, len(ordered) - 1)
    span = np.where(right > left, ordered[right] - ordered[left], 1.0)
    share = np.clip((np.array(levels) - ordered[left]) / span, 0.0, 1.0)
    return np.asarray(table[..., left] * (1 - share) + table[..., right] * share)


def ordered(values: Floats, levels: tuple[float, ...]) -> Floats:
    """Levels (…, 1 + Q) in order, made so from the middle outwards; the first column, the points, stays.

    The middle is the level 0.5 or, without it, the point.
    """
    columns = np.array(levels)
    middle = values[..., 1 + levels.index(0.5)] if 0.5 in levels else values[..., 0]
    below, above = 1 + np.flatnonzero(columns < 0.5)[::-1], 1 + np.flatnonzero(columns > 0.5)
    result = values.copy()
    for places, outwards in ((below, np.minimum), (above, np.maximum)):
        edge = middle
        for place in places:
            edge = outwards(edge, values[..., place])
            result[..., place] = edge
    return result
