"""A time column as whole numbers, read in blocks so that long columns need no second copy."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.source import Source
from forecast.datasets.stored import let_go, taken
from forecast.datasets.times.clock import index_of, to_wall
from forecast.errors import ConfigError, DataError

BLOCK = 1 << 20  # rows handled at a time: small enough for the cache, large enough for numpy
_PER_MICROSECOND = {"ns": 1_000}
_MICROSECONDS = {"us": 1, "ms": 1_000, "s": 1_000_000}


@dataclass(frozen=True, kw_only=True, eq=False)
class Stamps:
    """raw: (N,) the column's own integers, in memory or memory-mapped.

    unit: what they count (``integer``: steps of an integer axis).
    zone: of an aware column (raw then counts UTC), None for a naive one or integers.
    """

    raw: Ints
    unit: str
    zone: str | None = None

    def __len__(self) -> int:
        return len(self.raw)

    def ticks(self, rows: slice | Ints | NDArray[np.bool_] = slice(None)) -> Ints:
        """Microseconds (or integers) of some rows."""
        raw = self.raw[rows] if not isinstance(self.raw, np.memmap) else taken(self.raw, rows)
        if self.unit in ("integer", "us"):
            return raw
        if self.unit in _PER_MICROSECOND:
            return raw // _PER_MICROSECOND[self.unit]
        return raw * _MICROSECONDS[self.unit]

    def blocks(self, *, overlap: int = 0) -> Iterator[tuple[int, Ints]]:
        """(first row, ticks) of each block; with ``overlap``, blocks share that many rows with the one before."""
        for first in range(0, max(len(self.raw) - overlap, 1), BLOCK):
            yield first, self.ticks(slice(first, first + BLOCK + overlap))

    def take(self, rows: Ints) -> "Stamps":
        """The stamps of some rows, in that order."""
        return replace(self, raw=self.raw[rows])

    def on_wall(self) -> "Stamps":
        """Aware stamps as the clock on the wall of their zone shows them, in microseconds."""
        if self.zone is None:
            return self
        if not isinstance(self.raw, np.memmap):
            return Stamps(raw=to_wall(self.ticks(), self.zone), unit="us")
        wall = np.memmap(f"{self.raw.filename}.wall", np.int64, "w+", shape=self.raw.shape)
        for first, ticks in self.blocks():
            wall[first : first + len(ticks)] = to_wall(ticks, self.zone)
            let_go(wall)
        return Stamps(raw=wall, unit="us")

    def label(self, row: int) -> str:
        """The time of one row as the user knows it."""
        tick = self.ticks(slice(row, row + 1))
        return str(tick[0]) if self.unit == "integer" else str(index_of(tick, self.zone)[0])


def read_times(frame: pd.DataFrame, time: str | None, source: Source, *, timezone: str | None = None) -> Stamps:
    """The time column of a plain frame; its row numbers where there is none.

    Aware columns are moved to ``timezone`` where it is given; naive ones are left for ``localise``.
    Raises DataError for missing times and columns that hold none.
    """
    if time is None:
        return Stamps(raw=np.arange(len(frame), dtype=np.int64), unit="integer")
    column = frame[time]
    missing = column.isna().to_numpy()
    if missing.any():
        where = source.where(int(missing.argmax()))
        raise DataError(
            f"row {where['row']}: column {time!r} has no time ({missing.sum()} such rows)",
            "Fill in the time or drop the rows.",
            **where,
            column=time,
        )
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        zone = zone_name(timezone) if timezone is not None else str(column.dtype.tz)
        return Stamps(raw=column.array.asi8, unit=column.dtype.unit, zone=zone)
    if column.dtype.kind == "M":
        values = column.to_numpy()
        return _checked(Stamps(raw=values.view(np.int64), unit=np.datetime_data(values.dtype)[0]), time)
    if pd.api.types.is_integer_dtype(column.dtype):
        return Stamps(raw=column.to_numpy(np.int64), unit="integer")
    if pd.api.types.is_float_dtype(column.dtype):
        numbers = column.to_numpy(np.float64)
        if (
            np.isfinite(numbers).all()
            and (numbers == np.rint(numbers)).all()
            and np.abs(numbers).max(initial=0) < 2**53
        ):
            return Stamps(raw=numbers.astype(np.int64), unit="integer")
    raise DataError(
        f"column {time!r} holds no times: its first value is {column.iloc[0]!r}",
        "Name the time column (time, --time), or write times like 2024-01-31 13:00.",
        **source.where(0),
        column=time,
    )


def _checked(stamps: Stamps, time: str) -> Stamps:
    """Nanoseconds that are no whole microseconds are refused rather than cut off."""
    if stamps.unit == "ns":
        for first in range(0, len(stamps.raw), BLOCK):
            if (stamps.raw[first : first + BLOCK] % 1_000).any():
                raise DataError(f"column {time!r} counts below a microsecond", "Round the times to microseconds.")
    return stamps


def zone_name(timezone: str) -> str:
    """The zone's name; ``ConfigError`` with the nearest known one if there is no such zone."""
    from difflib import get_close_matches
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(timezone).key
    except (KeyError, ValueError, OSError):
        close = get_close_matches(timezone, available_timezones(), n=1)
        hint = f"Did you mean {close[0]!r}?" if close else "Give a name such as Europe/Berlin."
        raise ConfigError(f"unknown time zone {timezone!r}", hint, name="timezone") from None
