"""Times of a panel whose steps are rows (``freq="rows"``): known ones are kept, later ones are projected.

Step numbers of different series do not overlap: the rows of series s are numbered from ``s × ROOM + rows before it``,
so that a step number alone tells its series.  Room is left behind each series for its forecasts.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.times.clock import from_wall, to_wall
from forecast.datasets.times.frequency import DAY, WEEK
from forecast.errors import DataError

_RECENT = 8 * WEEK  # the stretch before the end whose weekly pattern is projected
_FOLLOWED = 0.5  # share of recent weeks in which a moment of the week must occur to belong to the pattern


def row_steps(lengths: Ints) -> Ints:
    """(S,) the number of each series' first row, with room for forecasts between one series and the next."""
    room = max(1024, 2**20 // max(len(lengths), 1))
    return np.concatenate([[0], np.cumsum(lengths + room)])[:-1].astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class RowTimes:
    """numbers: (N,) step number of each row.  ticks: (N,) its time in microseconds, of UTC where there is a ``zone``.

    pattern: (R,) moments of the week (on the wall clock, in microseconds) at which rows come; empty where the weeks do
    not repeat.  gap: the most common step between rows, for series without a weekly pattern.
    """

    numbers: Ints
    ticks: Ints
    pattern: Ints
    gap: int
    zone: str | None = None

    @classmethod
    def learn(cls, numbers: Ints, ticks: Ints, *, zone: str | None = None, weekly: bool = True) -> Self:
        """From the rows of a panel: the moments of the week at which rows come, over the last eight weeks.

        weekly: False for whole numbers in place of times.
        """
        if not len(ticks):
            return cls(numbers=numbers, ticks=ticks, pattern=np.zeros(0, np.int64), gap=DAY, zone=zone)
        same = np.diff(numbers) == 1
        gaps = np.diff(ticks)[same]
        values, counts = np.unique(gaps, return_counts=True)
        gap = int(values[counts.argmax()]) if len(values) else DAY if weekly else 1
        wall = to_wall(ticks, zone) if zone else ticks
        pattern = _weekly_pattern(numbers, wall) if weekly else np.zeros(0, np.int64)
        return cls(numbers=numbers, ticks=ticks, pattern=pattern, gap=gap, zone=zone)

    @cached_property
    def _order(self) -> Ints:
        return np.argsort(self.numbers, kind="stable")

    def select(self, rows: Ints) -> "RowTimes":
        """The times of some rows of the panel; the pattern stays."""
        return replace(self, numbers=self.numbers[rows], ticks=self.ticks[rows])

    def at(self, steps: Ints) -> Ints:
        """Times of step numbers: of the row where there is one, else projected from the last row before it."""
        steps = np.asarray(steps, dtype=np.int64)
        if not len(self.numbers):
            raise DataError("there are no rows to project times from", "Give at least one row.")
        numbers = self.numbers[self._order]
        place = np.clip(np.searchsorted(numbers, steps, side="right") - 1, 0, None)
        base, ahead = self.ticks[self._order][place], steps - numbers[place]
        return np.where(ahead == 0, base, self._project(base, ahead))

    def _project(self, base: Ints, ahead: Ints) -> Ints:
        """The time ``ahead`` rows after ``base``."""
        size = len(self.pattern)
        if not size:
            return base + ahead * self.gap
        wall = to_wall(base, self.zone) if self.zone else base
        within = np.mod(wall, WEEK)
        nth = np.searchsorted(self.pattern, within, side="right") - 1 + ahead
        wall = wall - within + np.floor_divide(nth, size) * WEEK + self.pattern[np.mod(nth, size)]
        return from_wall(wall, self.zone) if self.zone else wall

    def locate(self, ticks: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Step numbers of times of the first series, and which of them are times of rows."""
        order = np.argsort(self.ticks, kind="stable")
        place = np.clip(np.searchsorted(self.ticks[order], ticks), 0, len(order) - 1)
        return self.numbers[order][place], self.ticks[order][place] == ticks

    @property
    def cycles(self) -> tuple[int, ...]:
        """Rows of a day, where every day has as many, and rows of a week."""
        if not len(self.pattern):
            return ()
        per_day = np.unique(self.pattern // DAY, return_counts=True)[1]
        day = int(per_day[0]) if np.all(per_day == per_day[0]) else 0
        return tuple(cycle for cycle in sorted({day, len(self.pattern)}) if cycle > 1)

    def to_json(self) -> dict[str, Any]:
        return {
            "numbers": self.numbers.tolist(),
            "ticks": self.ticks.tolist(),
            "pattern": self.pattern.tolist(),
            "gap": self.gap,
            "zone": self.zone,
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        arrays = {name: np.array(state[name], dtype=np.int64) for name in ("numbers", "ticks", "pattern")}
        return cls(**arrays, gap=int(state["gap"]), zone=state["zone"])


def _weekly_pattern(numbers: Ints, ticks: Ints) -> Ints:
    """Moments of the week that occur in at least half of the recent weeks of the series, if they explain the rows."""
    recent = ticks > ticks.max() - _RECENT
    series = np.cumsum(np.diff(numbers, prepend=numbers[0]) != 1)[recent]
    weeks = np.floor_divide(ticks[recent], WEEK)
    moments, counts = np.unique(np.mod(ticks[recent], WEEK), return_counts=True)
    seen = len(np.unique(series * 10_000 + (weeks - weeks.min())))  # weeks of all series
    usual = counts >= _FOLLOWED * seen
    enough = len(np.unique(weeks)) >= 2 and counts[usual].sum() >= 0.8 * counts.sum()
    return moments[usual] if enough else np.zeros(0, np.int64)
