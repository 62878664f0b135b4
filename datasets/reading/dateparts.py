"""Dates that lie in several columns (year, month, day, hour; date and time of day), joined into one column."""

import numpy as np
import pandas as pd

from forecast.datasets.reading.dates import read_clock

_NAMES = {
    "year": ("year", "yr", "yyyy"),
    "quarter": ("quarter", "qtr"),
    "month": ("month", "mon", "mnth", "mo"),
    "day": ("day", "dayofmonth", "day_of_month", "dd"),
    "hour": ("hour", "hr", "hh"),
    "minute": ("minute", "min"),
    "second": ("second", "sec"),
}
_RANGES = {
    "year": (1600, 2200),
    "quarter": (1, 4),
    "month": (1, 12),
    "day": (1, 31),
    "hour": (0, 24),
    "minute": (0, 59),
}


def join_dates(frame: pd.DataFrame, *, found: list[str]) -> tuple[pd.Series, tuple[str, ...]] | None:
    """The time that several columns say together, and those columns; None when there is no such set.

    found: the columns that are known to hold dates.  One of them alone is joined with a time of day or an hour.
    """
    if not found:
        return _from_numbers(frame)
    if len(found) == 1:
        return _from_day_and_clock(frame, found[0])
    return None


def _from_numbers(frame: pd.DataFrame) -> tuple[pd.Series, tuple[str, ...]] | None:
    columns = {part: name for part in _NAMES if (name := _column(frame, part)) is not None}
    if "year" not in columns or not ("month" in columns or "quarter" in columns):
        return None
    wanted = ["year", "month", "day", "hour", "minute", "second"] if "month" in columns else ["year", "quarter"]
    used: dict[str, str] = {}
    for part in wanted:  # an hour counts only beneath a day
        if part not in columns:
            break
        used[part] = columns[part]
    numbers = {part: frame[name].to_numpy(np.float64) for part, name in used.items()}
    if "quarter" in numbers:
        numbers["month"] = 3 * numbers.pop("quarter") - 2
    day = pd.DataFrame({"year": numbers["year"], "month": numbers["month"], "day": numbers.get("day", 1.0)})
    time = pd.to_datetime(day, errors="coerce").astype("datetime64[us]").set_axis(frame.index)
    for part, seconds in (("hour", 3600), ("minute", 60), ("second", 1)):
        if part in numbers:
            time = time + pd.to_timedelta((numbers[part] * seconds).astype(np.int64), unit="s")
    return None if time.isna().any() else (time, tuple(used.values()))


def _column(frame: pd.DataFrame, part: str) -> str | None:
    """The whole-numbered column that holds this part of a date, by its name and its range."""
    for name in frame.columns:
        if str(name).lower() in _NAMES[part] and pd.api.types.is_numeric_dtype(frame[name].dtype) and len(frame):
            low, high = frame[name].min(), frame[name].max()
            least, most = _RANGES.get(part, (0, 60))
            if frame[name].notna().all() and least <= low and high <= most and bool((frame[name] % 1 == 0).all()):
                return str(name)
    return None


def _from_day_and_clock(frame: pd.DataFrame, day: str) -> tuple[pd.Series, tuple[str, ...]] | None:
    """A date of the day with a time of day, or with an hour where days repeat."""
    dates = frame[day]
    head = dates.iloc[:1000].dt.tz_localize(None)  # by the wall clock: there are days without a midnight
    if not bool((head == head.dt.normalize()).all()) or (head.is_unique and len(head) == len(dates)):
        return None
    for name in frame.columns:
        if name != day and not pd.api.types.is_numeric_dtype(frame[name].dtype):
            clock = read_clock(frame[name]) if frame[name].dtype.kind not in "Mm" else None
            if clock is not None:
                return dates + clock, (day, str(name))
    hour = _column(frame, "hour")
    if hour is None or frame[hour].iloc[:1000].nunique() < 2:
        return None
    return dates + pd.to_timedelta(frame[hour].astype("int64") * 3600, unit="s"), (day, hour)
