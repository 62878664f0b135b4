"""Calendar features: what the date alone says about a step.  Computed once per grid step, not per row.

Dimension key: G grid steps, K features.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.timeline import Timeline
from forecast.datasets.times.clock import to_wall
from forecast.datasets.times.frequency import DAY, HOUR, WEEK
from forecast.errors import ConfigError, unknown_name

Feature = tuple[str, NDArray[np.floating]]

CYCLES = {  # microseconds until a feature comes round again; holidays are not among them
    "minute of hour": HOUR,
    "hour of day": DAY,
    "day of week": WEEK,
    "day of month": 31 * DAY,
    "month of quarter": 92 * DAY,
    "month": 366 * DAY,
    "day of year": 366 * DAY,
}
SEEN = 3  # times that a series should have gone round a cycle before its place in it says more than the date


def calendar_features(
    timeline: Timeline, first: int, last: int, holidays: str | None = None
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names (K,) and values float32 (last − first + 1, K), within −0.5 … 0.5, of the steps ``first`` to ``last``.

    Times of day and days count on the wall clock of the timeline's zone.  The frequency alone decides which features
    there are: those that never change at it are left out, and integer axes have none.
    holidays: a country such as ``DE`` or a part of one such as ``DE-BY``; adds whether a step lies on, before or after
    one of its public holidays, up to weekly steps.  Raises ConfigError for unknown countries.
    """
    steps = np.arange(first, last + 1, dtype=np.int64)
    length = _length(timeline)
    if length == 0:
        return (), np.zeros((len(steps), 0), np.float32)
    ticks = timeline.ticks(steps)
    wall = to_wall(ticks, timeline.timezone) if timeline.timezone else ticks
    features = list(_clock_and_date(wall, length))
    if holidays is not None and length <= WEEK:
        features += _holiday_features(wall, max(length // DAY, 1), holidays)
    values = np.empty((len(steps), len(features)), np.float32)
    for k, (_, column) in enumerate(features):
        values[:, k] = column
    return tuple(name for name, _ in features), values


def familiar(names: tuple[str, ...], timeline: Timeline, steps: float) -> tuple[str, ...]:
    """The features whose cycle fits ``SEEN`` times into ``steps`` steps, in their order.

    A network learns by heart what happened at a date it saw once (Walmart's two years of weeks: MASE 1.26 with the day
    of the year, 1.07 without).
    """
    span = steps * _length(timeline)
    return tuple(name for name in names if SEEN * CYCLES.get(name.split(" (")[0], 0) <= span)


def _length(timeline: Timeline) -> int:
    """About how long a step is, in microseconds; 0 on an axis without a calendar."""
    rule = timeline.rule
    if timeline.rows is not None:
        return 0 if timeline.integers else max(timeline.rows.gap, 1)
    return {"fixed": rule.length, "month": rule.length * 30 * DAY, "business": DAY}.get(rule.family, 0)


def _clock_and_date(wall: Ints, length: int) -> Iterator[Feature]:
    days = np.floor_divide(wall, DAY)
    if length < HOUR:
        yield "minute of hour", _line(np.mod(wall, HOUR), HOUR)
    if length < DAY:
        yield "hour of day", _line(np.mod(wall, DAY), DAY)
        yield from _circle("hour of day", np.mod(wall, DAY) / DAY)
    if length < WEEK:
        weekday = np.mod(days + 3, 7)
        yield "day of week", _line(weekday, 6)
        yield from _circle("day of week", weekday / 7)
    if length < 360 * DAY:
        dates = days.view("M8[D]")
        months = dates.astype("M8[M]")
        if length < 28 * DAY:
            yield "day of month", _line((dates - months.astype("M8[D]")).astype(np.int64), 30)
            into_year = (dates - dates.astype("M8[Y]").astype("M8[D]")).astype(np.int64)
            yield "day of year", _line(into_year, 365)
            yield from _circle("day of year", into_year / 365.25)
        else:
            month = np.mod(months.astype(np.int64), 12)
            yield "month", _line(month, 11)
            yield from _circle("month", month / 12)
        if length == 30 * DAY:
            yield "month of quarter", _line(np.mod(month, 3), 2)


def _line(values: Ints, highest: int) -> NDArray[np.floating]:
    """0 … highest as −0.5 … 0.5."""
    return values / highest - 0.5


def _circle(name: str, share: NDArray[np.floating]) -> Iterator[Feature]:
    """The share of a cycle that has passed, as a point on a circle of diameter 1."""
    yield f"{name} (sine)", 0.5 * np.sin(2 * np.pi * share)
    yield f"{name} (cosine)", 0.5 * np.cos(2 * np.pi * share)


def _holiday_features(wall: Ints, span: int, country: str) -> list[Feature]:
    """Whether one of the ``span`` days from each step on is a holiday; the same of the span after and before it."""
    days = np.floor_divide(wall, DAY)
    first, last = int(days.min()) - span, int(days.max()) + 2 * span
    free = np.zeros(last - first + 2, dtype=np.int64)
    free[[day - first for day in holiday_days(country, first, last)]] = 1
    before = np.concatenate([[0], free.cumsum()])
    begin = days - first

    def held(start: Ints) -> NDArray[np.floating]:
        return np.where(before[start + span] > before[start], 0.5, -0.5)

    return [
        (f"holiday {country}", held(begin)),
        (f"holiday {country} (eve)", held(begin + span)),
        (f"holiday {country} (after)", held(begin - span)),
    ]


def holiday_days(country: str, first: int, last: int) -> list[int]:
    """The public holidays of a country (``DE``) or a part of it (``DE-BY``), as days since 1970, from first to last.

    Raises ConfigError for a country or part that the package ``holidays`` does not know, or without that package.
    """
    try:
        import holidays as package
    except ModuleNotFoundError:
        raise ConfigError(
            f"holidays={country!r} needs the package holidays", "Install it: pip install 'seqcast[holidays]'."
        ) from None
    name, _, part = country.partition("-")
    name = name.upper()
    known = package.list_supported_countries(include_aliases=True)
    if name not in known:
        raise unknown_name("country of holidays", name, package.list_supported_countries(include_aliases=False))
    if part and part not in known[name]:
        raise unknown_name(f"part of {name}", part, known[name])
    years = (np.array([first, last]).view("M8[D]").astype("M8[Y]").astype(int) + 1970).tolist()
    dates = package.country_holidays(name, subdiv=part or None, years=range(years[0], years[1] + 1))
    days = pd.DatetimeIndex(sorted(dates)).to_numpy().astype("M8[D]").astype(np.int64)
    return [int(day) for day in days if first <= day <= last]
