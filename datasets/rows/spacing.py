"""How far apart the rows of a panel lie: every distance between neighbouring rows, and how often it occurs."""

import math
from dataclasses import dataclass

import numpy as np

from forecast.datasets.rows.grouping import Grouped
from forecast.errors import DataError

_MOST_DISTANCES = 1_000_000  # distinct ones; more means that the rows lie on no grid at all


@dataclass(frozen=True, kw_only=True)
class Spacing:
    """counts: distance (microseconds or integers) -> how often it occurs between neighbours of one series."""

    counts: dict[int, int]

    @property
    def pairs(self) -> int:
        """Neighbouring rows at different times."""
        return sum(self.counts.values()) - self.repeats

    @property
    def repeats(self) -> int:
        """Neighbouring rows at the same time."""
        return self.counts.get(0, 0)

    @property
    def distances(self) -> list[int]:
        """The distances above 0, shortest first."""
        return sorted(distance for distance in self.counts if distance)

    @property
    def divisor(self) -> int:
        """The longest step of which every distance is a multiple; 0 without any distance."""
        return math.gcd(*self.counts)

    @property
    def usual(self) -> int:
        """The most frequent distance, the shortest of several; 0 without any."""
        return max(self.distances, key=lambda distance: (self.counts[distance], -distance), default=0)

    @property
    def total(self) -> int:
        """All distances together."""
        return sum(distance * count for distance, count in self.counts.items())


def measure(grouped: Grouped) -> Spacing:
    """The spacing of all series at once."""
    counts: dict[int, int] = {}
    for first, ticks in grouped.stamps.blocks(overlap=1):
        distances = np.diff(ticks)[grouped.inner(first, len(ticks) - 1)]
        if not len(distances):
            continue
        if (distances == distances[0]).all():  # the rule in clean data, and ten times as fast to see
            counts[int(distances[0])] = counts.get(int(distances[0]), 0) + len(distances)
            continue
        for value, count in zip(*np.unique(distances, return_counts=True), strict=True):
            counts[int(value)] = counts.get(int(value), 0) + int(count)
        if len(counts) > _MOST_DISTANCES:
            raise DataError(
                "the times lie on no regular grid: no two steps are equally long",
                'Resample to a fixed step, or take each row as one step with freq="rows" (--freq rows).',
            )
    return Spacing(counts=counts)
