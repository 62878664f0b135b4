"""Months as whole numbers, and on which day of the month a panel writes its times."""

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.times.frequency import DAY

_NAMED = ("start", "end", "first-business", "last-business")


def month_numbers(ticks: Ints) -> Ints:
    """Months since January 1970 of microseconds on the wall clock."""
    return np.floor_divide(ticks, DAY).view("M8[D]").astype("M8[M]").astype(np.int64)


def days_of_month(months: Ints, day: str) -> NDArray[np.datetime64]:
    """The day ``day`` of each month (since 1970-01); a number past the month's end gives its last day."""
    months = np.ascontiguousarray(months, dtype=np.int64)
    first = months.view("M8[M]").astype("M8[D]")
    last = (months + 1).view("M8[M]").astype("M8[D]") - 1
    if day in ("start", ""):
        return first
    if day == "end":
        return last
    if day == "first-business":
        return np.asarray(np.busday_offset(first, 0, roll="forward"))
    if day == "last-business":
        return np.asarray(np.busday_offset(last, 0, roll="backward"))
    return np.asarray(np.minimum(first + (int(day) - 1), last))


def day_pattern(ticks: Ints, wanted: str = "") -> str | None:
    """The day of the month on which all moments lie: ``start``, ``end``, …, a number such as ``15``, or None.

    ticks: microseconds on the wall clock.  wanted: only this pattern will do; "" takes the first that fits.
    """
    days = np.floor_divide(ticks, DAY).view("M8[D]")
    months = month_numbers(ticks)
    latest = str(int((days - months.view("M8[M]").astype("M8[D]")).astype(np.int64).max()) + 1)
    for day in (wanted,) if wanted else ("start", "end", latest, "first-business", "last-business"):
        if (days_of_month(months, day) == days).all():
            return day
    return None
