"""Times as whole microseconds, of UTC or of the clock on a wall, and back as pandas shows them."""

from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Ints


def ticks_of(times: Any, *, integers: bool = False) -> Ints:
    """Times as microseconds (of UTC where they are aware), or integers as they are."""
    index = pd.Index(times)
    if integers:
        return np.asarray(index, dtype=np.int64)
    if not isinstance(index, pd.DatetimeIndex):
        index = pd.DatetimeIndex(index)
    return np.asarray(index.as_unit("us").asi8)


def index_of(ticks: Ints, timezone: str | None, unit: str = "us") -> pd.DatetimeIndex:
    """Microseconds as a DatetimeIndex of that resolution, or of microseconds where it cannot hold them."""
    index = pd.DatetimeIndex(ticks.view("M8[us]"))
    if timezone is not None:
        index = index.tz_localize("UTC").tz_convert(timezone)
    try:
        return index.as_unit(unit)  # type: ignore[arg-type]  # a unit that pandas gave us
    except (pd.errors.OutOfBoundsDatetime, OverflowError):
        return index


def to_wall(ticks: Ints, timezone: str) -> Ints:
    """Microseconds of UTC as the clock on the wall of the zone shows them."""
    return np.asarray(index_of(ticks, timezone).tz_localize(None).asi8)


def from_wall(wall: Ints, timezone: str) -> Ints:
    """The inverse: the first of two equal readings when clocks go back, the next real moment when they skip."""
    index = pd.DatetimeIndex(wall.view("M8[us]"))
    ambiguous = np.ones(len(index), dtype=bool)
    aware = index.tz_localize(timezone, ambiguous=ambiguous, nonexistent="shift_forward")
    return np.asarray(aware.asi8)
