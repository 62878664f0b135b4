"""Text and whole numbers as dates: one reading for the whole column, never a row at a time.

Each distinct value is parsed once (a panel repeats its dates for every series), by a fixed pattern that the first
values show.  Day and month are told apart by all values together: one that proves day-first proves it for all.
"""

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from forecast.errors import DataError

_TIME = r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2}(?:\.\d+)?))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
_OFFSET = r"(?:Z|UTC|GMT|[+-]\d{2}:?(?:\d{2})?)"
YEAR_FIRST = re.compile(
    rf"\d{{4}}([-/.])\d{{1,2}}(\1\d{{1,2}}([ T]+\d{{1,2}}(:\d{{2}}(:\d{{2}}(\.\d+)?)?)?\s*{_OFFSET}?)?)?"
)
DAY_OR_MONTH_FIRST = re.compile(rf"(?P<a>\d{{1,2}})([-/.])(?P<b>\d{{1,2}})\2(?P<y>\d{{4}}|\d{{2}})(?:[ T,]+{_TIME})?")
MONTH_YEAR = re.compile(r"(?P<b>\d{1,2})[-/.](?P<y>\d{4})")
QUARTER = re.compile(r"(?P<y>\d{4})[- ]?[Qq](?P<q>[1-4])|[Qq](?P<q2>[1-4])[- /]?(?P<y2>\d{4})")
WEEK = re.compile(r"\d{4}-?W\d{2}")
CLOCK = re.compile(_TIME)
_NAMED: tuple[str, ...] = tuple("%b-%y|%b-%Y|%b %Y|%B %Y|%B-%Y|%Y-%b|%Y %b|%b-%d-%Y|%b %d, %Y|%B %d, %Y".split("|"))
_NAMED += tuple("%Y-%b-%d|%a, %d %b %Y|%a %d %b %Y|%a %b %d %Y|%A, %d %B %Y|%A, %B %d, %Y".split("|"))
_NAMED += tuple(f"%d{s}%{m}{s}%{y}" for s in "- /" for m in "bB" for y in "yY")
_NAMED += tuple(f"{day} {clock}" for day in _NAMED for clock in ("%H:%M", "%H:%M:%S"))
_PATTERNS = (YEAR_FIRST, DAY_OR_MONTH_FIRST, MONTH_YEAR, QUARTER, WEEK)
_MONTH_NAME = re.compile(r"(?i)(?<![a-z])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")
_SAMPLE, _ENOUGH = 200, 0.8  # values looked at before deciding; share of them that must look like dates

Where = dict[str, Any]


def read_dates(column: pd.Series) -> tuple[pd.Series, str] | None:
    """The column as datetime64 with a remark on how it was read (empty if it can be read in one way only).

    None when it does not hold dates, or not only dates: ``first_bad_date`` then tells the value in the way.
    """
    parsed = _read(column)
    if parsed is None or bool((parsed[0].isna() & column.notna()).any()):
        return None
    return parsed


def first_bad_date(column: pd.Series) -> tuple[int, str] | None:
    """Row number and text of the first value that is no date in a column that mostly holds dates, else None."""
    parsed = _read(column)
    if parsed is None:
        return None
    bad = np.flatnonzero((parsed[0].isna() & column.notna()).to_numpy())
    return (int(bad[0]), str(column.iloc[bad[0]])) if len(bad) else None


def _read(column: pd.Series) -> tuple[pd.Series, str] | None:
    sample = [str(value).strip() for value in head_values(column)]
    reader = _reader(sample)
    if reader is None:
        return None
    codes, distinct = pd.factorize(column)
    text = pd.Series(distinct).astype(str).str.strip()
    result = reader(text)
    if result is None:
        return None
    dates, remark = result
    values = dates.reset_index(drop=True).reindex(codes)  # code -1 (missing) is no row: NaT
    return values.set_axis(column.index).rename(column.name), remark


def head_values(column: pd.Series, count: int = _SAMPLE) -> list[Any]:
    """The first values that are there, as Python objects; the whole column is read only if its head is empty."""
    head = column.iloc[: 4 * count].dropna()
    return list((head if len(head) else column.dropna()).iloc[:count])


def _reader(sample: list[str]) -> Any:
    """The function that reads values like these, or None if they are no dates."""
    need = _ENOUGH * len(sample)
    if not sample:
        return None
    for pattern in _PATTERNS:
        if sum(pattern.fullmatch(value) is not None for value in sample) >= need:
            return _READERS[pattern]
    if sum(_MONTH_NAME.search(value) is not None for value in sample) >= need and any(c.isdigit() for c in sample[0]):
        return lambda text: _read_named(text, sample)
    return None


def _read_year_first(text: pd.Series) -> tuple[pd.Series, str]:
    offsets = (
        text.str.extract(rf"(?:\d:\d{{2}}(?:\.\d+)?|T\d{{2}})\s*({_OFFSET})$", expand=False)
        if text.str.contains(r":|T").any()
        else None
    )
    if offsets is None or not offsets.notna().any():
        return pd.to_datetime(text, format="ISO8601", errors="coerce"), ""
    if offsets.isna().any():
        row = offsets.index[offsets.isna()][0]
        raise DataError(
            f"some dates carry an offset from UTC and others, like {text[row]!r}, do not",
            "Write all of them with an offset, or none and name the zone with timezone= (--timezone).",
            value=text[row],
        )
    kinds = offsets.replace({"UTC": "Z", "GMT": "Z"}).unique()
    zulu = text.str.replace(r"\s*(UTC|GMT)$", "Z", regex=True)
    dates = pd.to_datetime(zulu, format="ISO8601", errors="coerce", utc=True)
    if len(kinds) == 1:
        return (dates if kinds[0] == "Z" else dates.dt.tz_convert(_fixed(kinds[0]))), ""
    return dates, f"offsets from UTC differ ({', '.join(sorted(kinds)[:4])}); read as UTC"


def _fixed(offset: str) -> str:
    digits = offset[1:].replace(":", "").ljust(4, "0")
    return f"{offset[0]}{digits[:2]}:{digits[2:]}"


def _read_day_or_month_first(text: pd.Series) -> tuple[pd.Series, str] | None:
    parts = text.str.extract(rf"^{DAY_OR_MONTH_FIRST.pattern}$")
    first, second = (pd.to_numeric(parts[name]) for name in ("a", "b"))
    years, century = _four_digits(parts["y"])
    clock = _clock(parts)
    day_proof, month_proof = text[first > 12], text[second > 12]
    if len(day_proof) and len(month_proof):
        raise DataError(
            f"dates are written day first ({day_proof.iloc[0]}) and month first ({month_proof.iloc[0]}) in one column",
            "Write all of them in one way, best as YYYY-MM-DD.",
            value=month_proof.iloc[0],
        )
    by_day = _assemble(years, second, first) + clock
    by_month = _assemble(years, first, second) + clock
    if len(day_proof):
        return by_day, f"read as day first, as {day_proof.iloc[0]} proves{century}"
    if len(month_proof):
        return by_month, f"read as month first, as {month_proof.iloc[0]} proves{century}"
    day_first = _more_even(by_day, by_month, dotted="." in str(text.iloc[0]))
    chosen = by_day if day_first else by_month
    order = "day" if day_first else "month"
    return (
        chosen,
        f"{text.iloc[0]} may be day or month first; read as {order} first, {chosen.iloc[0]:%Y-%m-%d}{century}",
    )


def _more_even(by_day: pd.Series, by_month: pd.Series, *, dotted: bool) -> bool:
    """Whether day first gives the clearly more even steps, else the first day of every month; else dots decide a draw:
    they are a European habit, while slashes are read month first."""
    uneven = [_unevenness(dates) for dates in (by_day, by_month)]
    if abs(uneven[0] - uneven[1]) > 0.1:
        return uneven[0] < uneven[1]
    firsts = [bool((dates.dt.day == 1).all()) for dates in (by_day, by_month)]
    return firsts[0] if firsts[0] != firsts[1] else dotted


def _unevenness(dates: pd.Series) -> float:
    """Spread of the steps between distinct dates relative to their mean; about 0.03 for months."""
    steps = np.diff(np.unique(dates.dropna().to_numpy())).astype(np.float64)
    return float(steps.std() / steps.mean()) if len(steps) else 0.0


def _read_month_year(text: pd.Series) -> tuple[pd.Series, str]:
    parts = text.str.extract(rf"^{MONTH_YEAR.pattern}$")
    return _assemble(pd.to_numeric(parts["y"]), pd.to_numeric(parts["b"]), 1), "read as month/year"


def _read_quarter(text: pd.Series) -> tuple[pd.Series, str]:
    parts = text.str.extract(f"^(?:{QUARTER.pattern})$")
    quarter = pd.to_numeric(parts["q"].fillna(parts["q2"]))
    return _assemble(
        pd.to_numeric(parts["y"].fillna(parts["y2"])), 3 * quarter - 2, 1
    ), "quarters read as their first day"


def _read_week(text: pd.Series) -> tuple[pd.Series, str]:
    monday = text.str.replace("-", "") + "1"
    return pd.to_datetime(monday, format="%GW%V%u", errors="coerce"), "weeks read as their Monday (ISO 8601)"


def _read_named(text: pd.Series, sample: list[str]) -> tuple[pd.Series, str] | None:
    """Dates with an English month name, by the first of the usual patterns that reads the first values."""
    few = pd.Series(sample)
    for pattern in _NAMED:
        if pd.to_datetime(few, format=pattern, errors="coerce").notna().mean() >= _ENOUGH:
            dates = pd.to_datetime(text, format=pattern, errors="coerce")
            if "%y" not in pattern:
                return dates, ""
            late = dates.dt.year > _latest_year()
            return dates.mask(late, dates - pd.DateOffset(years=100)), _CENTURY.format(_latest_year() - 99)
    return None


_CENTURY = "two-digit years read as {} or later"


def _latest_year() -> int:
    return date.today().year + 10


def _four_digits(years: pd.Series) -> tuple[pd.Series, str]:
    """Years as numbers; two digits mean the last such year that is not beyond ten years from now."""
    numbers = pd.to_numeric(years)
    short = years.str.len() == 2
    if not short.any():
        return numbers, ""
    century = numbers + 2000 - 100 * (numbers + 2000 > _latest_year())
    return numbers.mask(short, century), f"; {_CENTURY.format(_latest_year() - 99)}"


def _clock(parts: pd.DataFrame) -> pd.Series:
    """Columns H, M, S, half (am, pm) as time since midnight; 0 where there is none."""
    hours = pd.to_numeric(parts["H"]).fillna(0)
    half = parts["half"].str.lower().str[0]
    hours = hours.mask(half.notna(), hours % 12 + 12 * (half == "p"))
    seconds = hours * 3600 + pd.to_numeric(parts["M"]).fillna(0) * 60 + pd.to_numeric(parts["S"]).fillna(0)
    return pd.to_timedelta((seconds * 1_000_000).round().astype("int64"), unit="us")


def _assemble(years: pd.Series, months: pd.Series, days: pd.Series | int) -> pd.Series:
    """Dates of numbers; NaT where there is no such day."""
    parts = pd.DataFrame({"year": years, "month": months, "day": days})
    return pd.to_datetime(parts, errors="coerce").astype("datetime64[us]")


_READERS: dict[re.Pattern[str], Any] = {
    YEAR_FIRST: _read_year_first,
    DAY_OR_MONTH_FIRST: _read_day_or_month_first,
    MONTH_YEAR: _read_month_year,
    QUARTER: _read_quarter,
    WEEK: _read_week,
}


def read_clock(column: pd.Series) -> pd.Series | None:
    """Times of day ("17:24:00", "5:24 pm") as time since midnight, or None if the column holds something else."""
    sample = [str(value).strip() for value in head_values(column)]
    if not sample or not all(CLOCK.fullmatch(value) for value in sample):
        return None
    codes, distinct = pd.factorize(column)
    parts = pd.Series(distinct).astype(str).str.strip().str.extract(rf"^{CLOCK.pattern}$")
    if parts["H"].isna().any() or (codes < 0).any():
        return None
    return _clock(parts).take(codes).set_axis(column.index)


def read_numbers_as_dates(column: pd.Series) -> tuple[pd.Series, str] | None:
    """Whole numbers as dates (20240131, 202401, seconds or milliseconds since 1970), or None; years stay numbers."""
    values = column.dropna()
    if not len(values) or not bool((values % 1 == 0).all()):
        return None
    low, high = int(values.min()), int(values.max())
    digits = {len(str(low)), len(str(high))}
    formats = {8: "%Y%m%d", 6: "%Y%m", 10: "%Y%m%d%H"}
    if len(digits) == 1 and (width := digits.pop()) in formats:
        text = column.astype("Int64").astype("str").where(column.notna())
        dates = pd.to_datetime(
            text + ("01" if width == 6 else ""), format=formats[width if width != 6 else 8], errors="coerce"
        )
        if (
            bool((dates.notna() == column.notna()).all())
            and 1800 <= dates.dt.year.min()
            and dates.dt.year.max() <= 2200
        ):
            return dates, f"numbers like {low} read as dates"
    for unit, scale in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        if 10**8 * scale <= low and high < 4 * 10**9 * scale:
            stamps = column.to_numpy(f"datetime64[{unit}]")
            seconds = pd.Series(stamps, index=column.index).dt.tz_localize("UTC")
            return seconds, f"numbers like {low} read as {unit} since 1970, UTC"
    return None
