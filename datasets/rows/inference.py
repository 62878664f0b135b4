"""The time grid of a panel, found from its timestamps or fitted to a frequency that the user names.

The grid found is the coarsest that holds every timestamp of every series; it must be borne out by the rows, so that one
stray second does not turn hours into seconds with 3,599 gaps each.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from forecast.datasets.arrays import Ints
from forecast.datasets.rows.grouping import Grouped
from forecast.datasets.rows.spacing import Spacing, measure
from forecast.datasets.timeline import Timeline
from forecast.datasets.times.clock import from_wall
from forecast.datasets.times.frequency import DAY, HOUR, WEEK, Rule, parse_freq, spell_freq
from forecast.datasets.times.months import day_pattern, month_numbers
from forecast.datasets.times.stamps import Stamps
from forecast.errors import DataError

_ROWS_REMEDY = 'Correct those times, or name the frequency (freq, --freq; "rows" takes each row as one step).'
_BORNE_OUT = 0.05  # share of distances that must be as short as the step, where the usual distance is longer
_PATTERNED = 0.8  # share of multiples of the usual distance from which the others are strays, not a pattern
_THINNEST = 4  # grid steps per row at which an irregular pattern still counts as a grid with gaps


def find_timeline(grouped: Grouped, spacing: Spacing, freq: str | None) -> Timeline:
    """The grid of all rows: the one named by ``freq``, else the one that the times show.

    grouped: rows in order, no two of a series at one time.  Raises DataError for mixed or contradicted frequencies.
    """
    stamps = grouped.stamps
    zone = stamps.zone
    integers = stamps.unit == "integer"
    rule = None if freq is None else _asked(freq, integers=integers)
    days = zone is not None and _counts_days(rule, spacing)
    hours = zone is not None and not days and _counts_hours_on_wall(grouped, spacing)
    if days or hours:
        grouped = replace(grouped, stamps=_on_wall(stamps) if days else stamps.on_wall())
    rule = rule or _found(grouped, spacing, integers=integers, local=days or hours)
    timeline = _fitted(rule, grouped, given=freq is not None, zone=zone, unit=stamps.unit)
    return replace(timeline, wall_clock=hours)


def _counts_hours_on_wall(grouped: Grouped, spacing: Spacing) -> bool:
    """Whether rows come at the same hours of every day, as in 0, 6, 12, 18 h, and clock changes break that in UTC."""
    usual = spacing.usual
    if usual < 2 * HOUR or DAY % usual or usual == spacing.divisor:
        return False
    wall = grouped.stamps.on_wall()
    first = wall.ticks(slice(0, 1))
    return all(bool((np.mod(ticks - first, usual) == 0).all()) for _, ticks in wall.blocks())


def _on_wall(stamps: Stamps) -> Stamps:
    """Daily stamps by the clock on the wall; where it skipped one, that is put back to the others' time of day."""
    wall = stamps.on_wall()
    counts: Counter[int] = Counter()
    for _, ticks in wall.blocks():
        values, often = np.unique(np.mod(ticks, DAY), return_counts=True)
        counts.update(dict(zip(values.tolist(), often.tolist(), strict=True)))
    time = min(counts, key=lambda value: (-counts[value], value), default=0)
    for first, ticks in wall.blocks() if len(counts) > 1 else ():
        odd = np.flatnonzero(np.mod(ticks, DAY) != time)
        usual = np.floor_divide(ticks[odd], DAY) * DAY + time
        skipped = from_wall(usual, str(stamps.zone)) == stamps.ticks(odd + first)
        wall.raw[odd[skipped] + first] = usual[skipped]
    return wall


def _asked(freq: str, *, integers: bool) -> Rule:
    rule = parse_freq("1" if freq == "integer" else freq)  # the steps of arrays and of rows without a time
    if integers != (rule.family == "integer"):
        kind = "whole numbers" if integers else "dates"
        raise DataError(
            f"frequency {freq!r} does not suit a time column of {kind}",
            "Name the column of dates (time, --time), or leave the frequency out.",
            value=freq,
        )
    return rule


def _counts_days(rule: Rule | None, spacing: Spacing) -> bool:
    """Whether steps are of a day or longer; across a clock change the shortest day has 23 hours."""
    if rule is not None:
        return rule.family in ("month", "business") or (rule.family == "fixed" and rule.length % DAY == 0)
    return bool(spacing.distances) and spacing.distances[0] >= DAY * 22 // 24


def _found(grouped: Grouped, spacing: Spacing, *, integers: bool, local: bool) -> Rule:
    if local:
        spacing = measure(grouped)
    distances = spacing.distances
    if integers:
        return Rule("integer", _step(grouped, spacing) if distances else 1)
    if not distances:
        return Rule("fixed", DAY)
    if distances[0] >= 28 * DAY:
        rule = _months(grouped, spacing)
        if rule is not None:
            return rule
    step = _step(grouped, spacing)
    if step == DAY and distances[-1] > DAY and _skips_weekends(grouped):
        return Rule("business")
    return Rule("fixed", step)


def _step(grouped: Grouped, spacing: Spacing) -> int:
    """The step that every distance is a multiple of, if the rows bear it out."""
    step, usual = spacing.divisor, spacing.usual
    if step == usual or spacing.counts.get(step, 0) >= _BORNE_OUT * spacing.pairs:
        return step
    multiples = sum(n for distance, n in spacing.counts.items() if distance and distance % usual == 0)
    thin = spacing.total // step > _THINNEST * (spacing.pairs + len(grouped.ids))
    if multiples < _PATTERNED * spacing.pairs and not thin:
        return step
    raise _stray(grouped, usual, share=multiples / spacing.pairs)


def _stray(grouped: Grouped, usual: int, *, share: float) -> DataError:
    """The error for times that lie off the usual grid, naming the first."""
    name = _length_name(usual, integers=grouped.stamps.unit == "integer")
    for first, ticks in grouped.stamps.blocks(overlap=1):
        odd = (np.diff(ticks) % usual != 0) & grouped.inner(first, len(ticks) - 1)
        if odd.any():
            place = first + int(odd.argmax()) + 1
            break
    series = grouped.series_at(place)
    if share < 0.5:
        cause = (
            f"the times lie on no regular grid: series {series!r} steps from {grouped.stamps.label(place - 1)} to "
            f"{grouped.stamps.label(place)}, other steps differ from that"
        )
        remedy = 'Round or resample the times, or take each row as one step with freq="rows" (--freq rows).'
        return DataError(cause, remedy, row=grouped.row(place), series=series)
    ticks = grouped.stamps.ticks(slice(place - 1, place + 1))
    by_an_hour = grouped.stamps.unit != "integer" and int(np.diff(ticks)[0]) % usual in (HOUR, usual - HOUR)
    remedy = "If clocks were changed there, name the zone (timezone, --timezone Europe/Berlin)." if by_an_hour else ""
    return DataError(
        f"mixed frequencies: {share:.0%} of the steps are whole multiples of {name}, but series {series!r} steps from "
        f"{grouped.stamps.label(place - 1)} to {grouped.stamps.label(place)}",
        remedy or _ROWS_REMEDY,
        row=grouped.row(place),
        series=series,
    )


def _length_name(length: int, *, integers: bool) -> str:
    return str(length) if integers else spell_freq(Rule("fixed", length)) if length % WEEK else f"{length // WEEK}W"


def _skips_weekends(grouped: Grouped) -> bool:
    """Whether no row lies on a Saturday or Sunday; called for days with gaps, so that weeks were spanned."""
    return all((np.mod(np.floor_divide(ticks, DAY) + 3, 7) < 5).all() for _, ticks in grouped.stamps.blocks())


def _months(grouped: Grouped, spacing: Spacing) -> Rule | None:
    """The monthly rule of rows that all lie on one day of the month; None if they do not."""
    moments = np.unique(np.concatenate([np.unique(ticks) for _, ticks in grouped.stamps.blocks()]))
    day = day_pattern(moments)
    if day is None:
        return None
    apart = [round(distance / (30.436875 * DAY)) for distance in spacing.distances]
    return Rule("month", int(np.gcd.reduce(apart)), None, day)


def _fitted(rule: Rule, grouped: Grouped, *, given: bool, zone: str | None, unit: str) -> Timeline:
    """The rule with phase, anchor and day as the rows have them; the first row of each series must agree."""
    heads = grouped.stamps.ticks(grouped.heads)
    timeline = Timeline(freq=spell_freq(rule), timezone=zone, unit=unit)
    if rule.family in ("fixed", "integer"):
        phase = _common(np.mod(heads, rule.length))
        if rule.anchor is not None and phase // DAY * DAY != rule.anchor:
            raise _contradicted(timeline.freq, grouped, 0)
        spelled = spell_freq(replace(rule, anchor=phase))
        return replace(timeline, freq=spelled, phase=phase)
    phase = _common(np.mod(heads, DAY))
    if rule.family == "business":
        return replace(timeline, phase=phase)
    moments = np.unique(np.concatenate([np.unique(ticks) for _, ticks in grouped.stamps.blocks()]))
    day = rule.day if rule.day and not given else day_pattern(moments, wanted=rule.day)
    anchor = _common(np.mod(month_numbers(heads), rule.length))
    if day is None or (rule.anchor is not None and rule.anchor != anchor):
        raise _contradicted(timeline.freq, grouped, 0)
    spelled = spell_freq(replace(rule, anchor=anchor, day=day))
    return replace(timeline, freq=spelled, phase=phase, anchor=anchor, day=day)


def _common(values: Ints) -> int:
    """The most frequent value."""
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])


def _contradicted(freq: str, grouped: Grouped, place: int) -> DataError:
    return DataError(
        f"frequency {freq} does not fit the data: series {grouped.series_at(place)!r} has a row at "
        f"{grouped.stamps.label(place)}",
        "Leave the frequency out to have it found, or correct the times.",
        row=grouped.row(place),
        value=freq,
    )
