"""Series of different lengths side by side in one array.  Dimension key: T steps, B series, M season."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.baselines.smoothing import Season
from forecast.datasets.arrays import Floats, Ints

WINDOW = 5  # seasons at the start of a series that first seasonal indices are taken from
LINE = 10  # steps at least that the first level and trend are taken from


@dataclass(frozen=True, kw_only=True)
class Batch:
    """values: (T, B), the last one repeated after the end.  seen: (T, B), 1 before the end, 0 after.  lengths: (B,)."""

    values: Floats
    seen: Floats
    lengths: Ints

    @classmethod
    def of(cls, series: Sequence[Floats]) -> "Batch":
        lengths = np.array([len(values) for values in series])
        steps = np.arange(int(lengths.max()))
        at = (np.cumsum(lengths) - lengths) + np.minimum(steps[:, None], lengths - 1)
        return cls(values=np.concatenate(series)[at], seen=(steps[:, None] < lengths) * 1.0, lengths=lengths)

    def of_series(self, chosen: Ints) -> "Batch":
        """The series numbered ``chosen``, in that order."""
        return Batch(values=self.values[:, chosen], seen=self.seen[:, chosen], lengths=self.lengths[chosen])


def first_states(batch: Batch, season: Season, cycle: int) -> tuple[Floats, Floats]:
    """States (2 + M, B) that smoothing can start from, level, trend and seasonal indices, and the mean level (B,).

    Indices by classical decomposition of the first seasons, level and trend from a line through the first values
    without their season (Hyndman et al. 2008, section 2.6.1).  M is 0 without a season.
    """
    indices = first_indices(batch, season, cycle)
    plain = batch.values
    if season != "N":
        repeated = indices[np.arange(len(plain)) % cycle]
        plain = plain / repeated if season == "M" else plain - repeated
    steps, window = np.arange(len(plain))[:, None], np.minimum(batch.lengths, max(LINE, 2 * cycle))
    inside = steps < window
    middle, mean = (window - 1) / 2, (plain * inside).sum(axis=0) / window
    slope = ((steps - middle) * (plain - mean) * inside).sum(axis=0) / np.maximum((window**2 - 1) * window / 12, 1)
    return np.concatenate([[mean - slope * (middle + 1), slope], indices]), mean


def first_indices(batch: Batch, season: Season, cycle: int) -> Floats:
    """(M, B) seasonal indices by the first seasons of each series; (0, B) without a season."""
    steps, count = batch.values.shape
    if season == "N":
        return np.zeros((0, count))
    window = np.minimum(batch.lengths, max(2 * cycle, min(WINDOW * cycle, steps)))
    total = np.concatenate([np.zeros((1, count)), np.cumsum(batch.values, axis=0)])
    half = cycle // 2
    middle = np.arange(half, steps - half)
    moving = total[middle + half + cycle % 2] - total[middle - half]
    if cycle % 2 == 0:  # the mean of two windows, one step apart
        moving = (moving + total[middle + half + 1] - total[middle - half + 1]) / 2
    moving /= cycle
    centre = batch.values[middle]
    ratio = centre / moving if season == "M" else centre - moving
    inside = middle[:, None] + half < window
    indices = np.full((cycle, count), 1.0 if season == "M" else 0.0)
    for phase in range(cycle):
        rows = middle % cycle == phase
        number = inside[rows].sum(axis=0)
        mean = (ratio[rows] * inside[rows]).sum(axis=0) / np.maximum(number, 1)
        indices[phase] = np.where(number > 0, mean, indices[phase])
    if season == "A":
        return np.asarray(indices - indices.mean(axis=0))
    indices = np.clip(indices, 0.01, None)
    return np.asarray(indices / indices.mean(axis=0))
