"""Names of time grids: what ``15min``, ``W-FRI``, ``QE-DEC`` or ``monthly`` stand for, and how a grid is spelled.

The spelling is that of pandas (``MS`` month start, ``ME`` month end); its older aliases (``M``, ``H``, ``T``) and plain
words are understood too.
"""

import re
from dataclasses import dataclass
from typing import Literal

from forecast.errors import ConfigError, unknown_name

SECOND = 1_000_000  # times are counted in microseconds: the range of dates is then no limit
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
WEEK = 7 * DAY
_FIXED = {"us": 1, "ms": 1_000, "s": SECOND, "min": 60 * SECOND, "h": 3_600 * SECOND, "D": DAY}
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHLY = {"M": 1, "Q": 3, "Y": 12}
_WORDS = {
    "secondly": "s", "second": "s", "seconds": "s", "sec": "s", "S": "s", "minutely": "min", "minute": "min",
    "minutes": "min", "T": "min", "half_hourly": "30min", "hourly": "h", "hour": "h", "hours": "h", "H": "h",
    "daily": "D", "day": "D", "days": "D", "d": "D", "weekly": "W", "week": "W", "weeks": "W", "w": "W",
    "business": "B", "b": "B", "monthly": "M", "month": "M", "months": "M", "quarterly": "Q", "quarter": "Q",
    "q": "Q", "yearly": "Y", "annual": "Y", "year": "Y", "years": "Y", "A": "Y", "y": "Y", "AS": "YS", "BA": "BYE",
    "BM": "BME", "BQ": "BQE", "BY": "BYE", "L": "ms", "U": "us",
}  # fmt: skip
_FORMS = {"start": "S", "first-business": "S", "end": "E", "last-business": "E"}
_KNOWN = (*_FIXED, "W", "W-SUN", "B", "MS", "ME", "QS", "QE", "YS", "YE", "BMS", "BME", "rows")

Family = Literal["fixed", "month", "business", "integer", "rows"]


@dataclass(frozen=True)
class Rule:
    """What a frequency says by itself.

    family: how steps are counted.  length: of a step in microseconds (fixed), months (month) or integers (integer).
    anchor: month number modulo ``length`` (month), microseconds modulo ``length`` (weeks with a named day); None: free.
    day: within the month: "start", "end", "first-business", "last-business"; "" where the frequency leaves it open.
    """

    family: Family
    length: int = 1
    anchor: int | None = None
    day: str = ""


def parse_freq(freq: str) -> Rule:
    """The rule that a frequency stands for; ``ConfigError`` with the nearest known one if there is none."""
    text = str(freq).strip()
    if text == "rows":
        return Rule("rows")
    if text.isdecimal() and int(text) > 0:
        return Rule("integer", int(text))
    match = re.fullmatch(r"(\d*)[ _]?([A-Za-z_]+)(?:-([A-Za-z]{3}))?", text)
    if not match or match[1] == "0" * len(match[1]) != "":
        raise unknown_name("frequency", text, _KNOWN)
    multiple, name, anchor = int(match[1] or 1), _known(match[2]), (match[3] or "").upper()
    if name[0].isdigit():  # half_hourly
        multiple, name = multiple * 30, "min"
    if name in _FIXED and not anchor:
        return Rule("fixed", multiple * _FIXED[name])
    if name == "W" and anchor in ("", *_WEEKDAYS):
        return Rule("fixed", multiple * WEEK, _weekday_phase(anchor, multiple) if anchor else None)
    if name == "B" and not anchor:
        if multiple > 1:
            raise ConfigError(f"frequency {text!r} counts several business days", "Use B, or rows.", name=text)
        return Rule("business")
    rule = _monthly(multiple, name, anchor)
    if rule is None:
        raise unknown_name("frequency", text, _KNOWN)
    return rule


def _known(name: str) -> str:
    """The name as it stands in the tables: aliases and words resolved, ``MIN`` and ``Min`` read as ``min``."""
    if name in _WORDS:
        return _WORDS[name]
    lowered = name.lower()
    return _WORDS[lowered] if lowered in _WORDS and len(name) > 1 else lowered if lowered == "min" else name


def _weekday_phase(anchor: str, multiple: int) -> int | None:
    """Microseconds from the epoch, a Thursday, to the first such weekday; None where several weeks leave it open."""
    return (_WEEKDAYS.index(anchor) - 3) % 7 * DAY if multiple == 1 else None


def _monthly(multiple: int, name: str, anchor: str) -> Rule | None:
    match = re.fullmatch(r"(B?)([MQY])([SE]?)", name)
    if not match or (anchor and (match[2] == "M" or anchor not in _MONTHS)):
        return None
    length = _MONTHLY[match[2]]
    month = _MONTHS.index(anchor) % length if anchor and multiple == 1 else None
    if match[1]:
        return Rule("month", multiple * length, month, "first-business" if match[3] == "S" else "last-business")
    return Rule("month", multiple * length, month, {"S": "start", "E": "end", "": ""}[match[3]])


def spell_freq(rule: Rule) -> str:
    """The spelling of a rule whose anchor is resolved: ``15min``, ``W-FRI``, ``MS``, ``QE-DEC``, ``3`` (integers)."""
    if rule.family in ("rows", "business"):
        return {"rows": "rows", "business": "B"}[rule.family]
    if rule.family == "integer":
        return str(rule.length)
    if rule.family == "fixed":
        return _spell_fixed(rule)
    letter = "Y" if rule.length % 12 == 0 else "Q" if rule.length % 3 == 0 else "M"
    multiple = rule.length // _MONTHLY[letter]
    form = _FORMS.get(rule.day, "")  # none for a day such as the 15th, which the data name
    business = "B" if rule.day.endswith("business") else ""
    return f"{_count(multiple)}{business}{letter}{form}{_spell_month(letter, form, rule.anchor)}"


def _spell_fixed(rule: Rule) -> str:
    if rule.length % WEEK == 0:
        weekday = _WEEKDAYS[((rule.anchor or 0) // DAY + 3) % 7]
        return f"{_count(rule.length // WEEK)}W-{weekday}"
    unit = next(name for name in reversed(_FIXED) if rule.length % _FIXED[name] == 0)
    return f"{_count(rule.length // _FIXED[unit])}{unit}"


def _spell_month(letter: str, form: str, anchor: int | None) -> str:
    if letter == "M":
        return ""
    month = (anchor or 0) % _MONTHLY[letter]
    if letter == "Q" and form == "E":
        month += 9  # quarters are named by the last one of the year: QE-DEC
    return f"-{_MONTHS[month]}"


def _count(number: int) -> str:
    return str(number) if number > 1 else ""
