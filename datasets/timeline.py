"""The time grid of a panel: whole step numbers on one side, the user's timestamps on the other.

Steps are counted from 1970 on a grid that depends on the frequency alone, so that two panels of one frequency number
the same moment alike.  Inside, a time is a count of microseconds: of UTC where the user's column names a zone, of the
clock on the wall where it does not.  Dates from before 1678 and after 2262 are as good as others.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.times.clock import from_wall, index_of, ticks_of, to_wall
from forecast.datasets.times.frequency import DAY, SECOND, WEEK, Rule, parse_freq
from forecast.datasets.times.months import days_of_month
from forecast.datasets.times.rowtimes import RowTimes
from forecast.errors import DataError

Kind = Literal["fixed", "period", "integer", "rows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """A regular grid (or the row times of ``freq="rows"``) with the pattern in which the user writes its times.

    freq: the grid, as ``spell_freq`` spells it.  timezone: zone of aware times; steps of a day and longer count in it.
    phase: what a time lies after its grid line, in microseconds (integers on an integer axis): daily rows at 09:00 have
    9 hours.  anchor: month number modulo the months of a step.  day: day of the month: ``start``, ``end``,
    ``first-business``, ``last-business`` or a number such as ``15``.  unit: resolution of the user's times, or
    ``integer``.  wall_clock: steps of hours are counted on the wall too: every 6 hours of a zone with summer time.
    rows: the times of a ``freq="rows"`` panel.
    """

    freq: str
    timezone: str | None = None
    phase: int = 0
    anchor: int = 0
    day: str = ""
    unit: str = "us"
    wall_clock: bool = False
    rows: RowTimes | None = None

    @cached_property
    def rule(self) -> Rule:
        """The frequency in numbers."""
        return parse_freq(self.freq)

    @property
    def kind(self) -> Kind:
        """How steps are counted: equal lengths, calendar periods, integers, or row by row."""
        family = self.rule.family
        return "period" if family == "month" or family == "business" else family

    @property
    def integers(self) -> bool:
        """Whether the user's times are whole numbers, not dates."""
        return self.kind == "integer" or self.unit == "integer"

    @property
    def local(self) -> bool:
        """Whether steps follow the clock on the wall of ``timezone``: those of a day and longer do."""
        rule = self.rule
        days = rule.family in ("month", "business") or (rule.family == "fixed" and rule.length % DAY == 0)
        return self.timezone is not None and (days or self.wall_clock)

    @property
    def cycles(self) -> tuple[int, ...]:
        """The natural cycles of the grid in steps, shortest first: (24, 168, 8766) for hours."""
        rule = self.rule
        if rule.family == "rows" and self.rows is not None:
            return self.rows.cycles
        if rule.family == "business":
            return (5, 261)
        if rule.family == "month":
            return (12 // rule.length,) if 12 % rule.length == 0 and rule.length < 12 else ()
        if rule.family != "fixed":
            return ()
        lengths = (60 * SECOND, 3_600 * SECOND, DAY, WEEK, round(365.25 * DAY))
        steps = [round(length / rule.length) for length in lengths if _is_cycle(length, rule.length)]
        return tuple(step for step in steps if step > 1)

    # ------------------------------------------------------------------ between times and steps

    def steps(self, times: Any) -> Ints:
        """The step number of each time; raises ``DataError`` naming the first that is not on the grid.

        times: datetimes of any resolution (aware ones where the timeline has a zone), or integers on an integer axis.
        """
        ticks = ticks_of(times, integers=self.integers)
        steps, fits = self.locate(ticks)
        if not fits.all():
            row = int(np.argmin(fits))
            raise DataError(
                f"time {pd.Index(times)[row]} is not on the grid of frequency {self.freq}",
                "Correct that time, or name the frequency (freq, --freq).",
                row=row,
            )
        return steps

    def locate(self, ticks: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Step numbers of ticks (microseconds or integers), and which of them lie exactly on the grid."""
        if self.rows is not None:
            return self.rows.locate(ticks)
        wall = self.wall(ticks)
        steps = self._floor(wall)
        fits = self._wall_at(steps) == wall
        if self.local and not fits.all():  # the clock may skip the very time that the grid names
            fits[~fits] = self.ticks(steps[~fits]) == ticks[~fits]
        return steps, fits

    def times(self, steps: Ints) -> pd.Index:
        """The user's time of each step: a DatetimeIndex in his zone and resolution, or integers on an integer axis."""
        steps = np.asarray(steps, dtype=np.int64)
        if self.integers:
            return pd.Index(self.ticks(steps))
        return index_of(self.ticks(steps), self.timezone, self.unit)

    def ticks(self, steps: Ints) -> Ints:
        """Microseconds (of UTC where there is a zone) of each step; integers on an integer axis."""
        if self.rows is not None:
            return self.rows.at(steps)
        wall = self._wall_at(steps)
        return from_wall(wall, self.timezone) if self.local and self.timezone else wall

    def wall(self, ticks: Ints) -> Ints:
        """Microseconds on the clock by which this grid counts."""
        return to_wall(ticks, self.timezone) if self.local and self.timezone else ticks

    def select(self, rows: Ints) -> "Timeline":
        """The timeline of the panel's rows ``rows`` (N,): itself, unless each row has a time of its own."""
        return self if self.rows is None else replace(self, rows=self.rows.select(rows))

    # ------------------------------------------------------------------ grid arithmetic on the wall clock

    def _floor(self, wall: Ints) -> Ints:
        rule = self.rule
        if rule.family in ("fixed", "integer"):
            return np.floor_divide(wall - self.phase, rule.length)
        days = np.floor_divide(wall, DAY)
        if rule.family == "business":
            return np.asarray(np.busday_count("1970-01-01", days.view("M8[D]")), dtype=np.int64)
        months = days.view("M8[D]").astype("M8[M]").astype(np.int64)
        return np.floor_divide(months - self.anchor, rule.length)

    def _wall_at(self, steps: Ints) -> Ints:
        rule = self.rule
        if rule.family in ("fixed", "integer"):
            return steps * rule.length + self.phase
        if rule.family == "business":
            days = np.busday_offset("1970-01-01", steps, roll="forward")
        else:
            days = days_of_month(steps * rule.length + self.anchor, self.day)
        return days.astype(np.int64) * DAY + self.phase

    # ------------------------------------------------------------------ persistence

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` takes back; row times are given as lists."""
        state = {name: value for name, value in vars(self).items() if name in _FIELDS}
        return state | {"rows": None if self.rows is None else self.rows.to_json()}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        rows, phase = state.get("rows"), state.get("phase", 0)
        if not isinstance(phase, int):
            raise ValueError(f"phase={phase!r} is no whole number")
        return cls(**state | {"rows": None if rows is None else RowTimes.from_json(rows)})


_FIELDS = ("freq", "timezone", "phase", "anchor", "day", "unit", "wall_clock")


def _is_cycle(cycle: int, length: int) -> bool:
    """Whether whole steps make up the cycle; a year need not come out even."""
    return length < cycle and (cycle % length == 0 or cycle > 52 * length) and cycle <= 600_000 * length
