"""Where each row of the input lies in the packed panel.

Dimension key: N input rows, M packed rows (gaps included), S series.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.rows.grouping import Grouped, group_rows
from forecast.datasets.rows.inference import find_timeline
from forecast.datasets.rows.mixing import check_even
from forecast.datasets.rows.repeats import drop_repeats
from forecast.datasets.rows.spacing import Spacing, measure
from forecast.datasets.schema import Note
from forecast.datasets.source import Source
from forecast.datasets.timeline import Timeline
from forecast.datasets.times.rowtimes import RowTimes, row_steps
from forecast.datasets.times.stamps import BLOCK, Stamps
from forecast.errors import DataError

_GAP_LIMIT = 10_000  # steps without a row from which a single gap is weighed against the length of its series
_GAP_SHARE = 5  # times the rows of its series that such a gap may have
_FEW_EVEN, _MANY_MULTIPLES = 3, 8  # distances, all equal or all multiples, that show a longer step than the given one
_TOTAL_LIMIT, _TOTAL_SHARE = 1_000_000, 100  # grid steps of the whole panel: at most that many, plus so many per row

_DAY = 86_400_000_000  # microseconds
_FEWEST_DAYS = 28  # rows before a day of the week without any says something
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """ids: (S,), starts: (S,), offsets: (S + 1,) as in Panel.

    order: rows of the input in packed order, None: as they lie.  place: (N,) packed row of each, None: no gaps.
    """

    ids: pd.Index
    timeline: Timeline
    starts: Ints
    offsets: Ints
    order: Ints | None
    place: Ints | None
    notes: tuple[Note, ...]

    @property
    def rows(self) -> int:
        """M, the rows of the packed panel."""
        return int(self.offsets[-1])

    def gaps(self) -> NDArray[np.bool_] | None:
        """(M,) the packed rows without a row of the input; None if there are none."""
        if self.place is None:
            return None
        gaps = np.ones(self.rows, dtype=bool)
        gaps[self.place] = False
        return gaps

    def pack(self, values: NDArray[Any], empty: float, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """A column (N,) of the input as (M,), with ``empty`` in the gaps; written to ``out`` where given."""
        packed = np.empty(self.rows, values.dtype) if out is None else out
        if self.place is not None:
            packed[:] = empty
            packed[self.place] = values if self.order is None else values[self.order]
        elif self.order is None:
            packed[:] = values
        else:
            packed[:] = values[self.order]
        return packed


def lay_out(
    frame: pd.DataFrame,
    id_column: str | None,
    ids: pd.Index,
    stamps: Stamps,
    *,
    freq: str | None,
    used: tuple[str, ...],
    source: Source,
) -> Layout:
    """Order, grid and place of all rows.  used: columns in which rows at one time must agree to count as one."""
    grouped = group_rows(None if id_column is None else frame[id_column], ids, stamps, source)
    notes = [Note(topic="order", message="the rows were put in order of time", count=1)] if grouped.moved else []
    spacing = measure(grouped)
    if spacing.repeats:
        grouped, dropped = drop_repeats(grouped, frame, used, source, count=spacing.repeats)
        notes.append(dropped)
    if freq == "rows":
        return _by_rows(grouped, notes)
    try:
        timeline = find_timeline(grouped, spacing, freq)
        starts, lengths, place = place_rows(grouped, spacing, timeline, given=freq is not None)
    except DataError as error:  # the parts below know places in order, the user knows lines of his file
        raise located(error, source) from None
    offsets = np.concatenate([[0], lengths.cumsum()])
    notes += grid_notes(grouped, spacing, timeline, lengths, given=freq is not None)
    return Layout(
        ids=grouped.ids,
        timeline=timeline,
        starts=starts,
        offsets=offsets,
        order=grouped.order,
        place=place,
        notes=tuple(notes),
    )


def grid_notes(grouped: Grouped, spacing: Spacing, timeline: Timeline, lengths: Ints, *, given: bool) -> list[Note]:
    """On gaps, and on a frequency that no two rows show.  lengths: (S,) steps of each series."""
    notes = _gap_note(grouped, lengths, daily=timeline.freq == "D")
    if not spacing.pairs and not given and timeline.kind != "integer":
        message = "no series has two rows: daily steps are assumed, name another frequency by freq (--freq)"
        notes.append(Note(topic="frequency", message=message))
    return notes


def located(error: DataError, source: Source) -> DataError:
    """The error with the user's file and line in place of the number of the row."""
    if "row" not in error.where:
        return error
    where = source.where(error.where["row"])
    return DataError(f"row {where['row']}: {error.cause}", error.remedy, **error.where | where)


def place_rows(
    grouped: Grouped, spacing: Spacing, timeline: Timeline, *, given: bool
) -> tuple[Ints, Ints, Ints | None]:
    """(starts, lengths, place): place is None where no series has a gap."""
    counts = np.diff(grouped.bounds)
    heads, fits = timeline.locate(grouped.stamps.ticks(grouped.heads))
    if not fits.all():
        raise _off_grid(grouped, timeline, int(grouped.heads[fits.argmin()]))
    family = timeline.rule.family
    if not timeline.local and family in ("fixed", "integer") and spacing.distances == [timeline.rule.length]:
        return heads, counts, None
    steps = _steps(grouped, timeline)
    lengths = steps[grouped.bounds[1:] - 1] - heads + 1
    if lengths.sum() == len(steps):
        return heads, lengths, None
    if given:
        _check_given(grouped, timeline, steps)
    _check_span(grouped, timeline, steps, lengths)
    check_even(grouped, timeline, steps)
    offsets = np.cumsum(lengths) - lengths
    steps += np.repeat(offsets - heads, counts)
    return heads, lengths, steps


def _steps(grouped: Grouped, timeline: Timeline) -> Ints:
    """(N,) step number of each row in order."""
    steps = np.empty(len(grouped.stamps), np.int64)
    for first, ticks in grouped.stamps.blocks():
        part, fits = timeline.locate(ticks)
        if not fits.all():
            raise _off_grid(grouped, timeline, first + int(fits.argmin()))
        steps[first : first + BLOCK] = part
    apart = np.diff(steps) == 0
    if apart.any() and (apart & grouped.inner(0, len(apart))).any():
        place = int((apart & grouped.inner(0, len(apart))).argmax()) + 1
        raise _off_grid(grouped, timeline, place)
    return steps


def _off_grid(grouped: Grouped, timeline: Timeline, place: int) -> DataError:
    series = grouped.series_at(place)
    return DataError(
        f"mixed frequencies: series {series!r} has a row at {grouped.stamps.label(place)}, which is not on the grid "
        f"{timeline.freq} of the other rows",
        'Correct that time, or name the frequency (freq, --freq; "rows" takes each row as one step).',
        row=grouped.row(place),
        series=series,
    )


def _check_given(grouped: Grouped, timeline: Timeline, steps: Ints) -> None:
    """Refuse a frequency that the user (or training) names if the rows keep to a longer one throughout."""
    distances = np.diff(steps)
    distances = distances[grouped.inner(0, len(distances))]
    divisor = int(np.gcd.reduce(distances)) if len(distances) else 1
    if divisor > 1 and len(distances) >= (_FEW_EVEN if (distances == divisor).all() else _MANY_MULTIPLES):
        raise DataError(
            f"frequency {timeline.freq} does not fit the data, whose rows lie {divisor:,} steps of it apart: "
            f"{grouped.stamps.label(0)}, {grouped.stamps.label(1)}, …",
            "Leave the frequency out to have it found, or bring the data to that of training.",
            value=timeline.freq,
        )


def _check_span(grouped: Grouped, timeline: Timeline, steps: Ints, lengths: Ints) -> None:
    """Refuse a gap out of all proportion before memory is asked for it: a mistyped year is the usual reason."""
    counts = np.diff(grouped.bounds)
    suspects = np.flatnonzero(lengths > counts * (1 + _GAP_SHARE) + _GAP_LIMIT)
    overall = int(lengths.sum()) > _TOTAL_SHARE * len(steps) + _TOTAL_LIMIT
    if not len(suspects) and not overall:
        return
    series = int((lengths - counts).argmax())
    first, last = int(grouped.bounds[series]), int(grouped.bounds[series + 1])
    gaps = np.diff(steps[first:last])
    widest = int(gaps.argmax())
    if not overall and (gaps[widest] <= _GAP_LIMIT or gaps[widest] <= _GAP_SHARE * (last - first)):
        return
    place = first + widest + (1 if widest + 1 > (last - first) // 2 else 0)  # the lone side of the gap is the suspect
    raise DataError(
        f"series {grouped.ids[series]!r} has {gaps[widest] - 1:,} steps ({timeline.freq}) without a row between "
        f"{grouped.stamps.label(first + widest)} and {grouped.stamps.label(first + widest + 1)}",
        'Correct the mistyped time, drop that row, or take each row as one step with freq="rows" (--freq rows).',
        row=grouped.row(place),
        series=grouped.ids[series],
    )


def _gap_note(grouped: Grouped, lengths: Ints, *, daily: bool) -> list[Note]:
    missing = lengths - np.diff(grouped.bounds)
    total = int(missing.sum())
    if not total:
        return []
    concerned = np.flatnonzero(missing)
    message = f"{total:,} steps without a row in {len(concerned):,} series were filled in as unobserved"
    if total > int(lengths.sum()) // 3:
        message += ': if the gaps are nights or weekends, freq="rows" (--freq rows) takes each row as one step'
    elif daily and (closed := _closed_days(grouped)):
        message += f': no row lies on a {closed}, freq="rows" (--freq rows) leaves such days out of the forecast too'
    return [Note(topic="gap", message=message, series=tuple(map(str, grouped.ids[concerned[:20]])), count=total)]


def _closed_days(grouped: Grouped) -> str:
    """The days of the week on which no series ever has a row: shops that close on Sundays."""
    open_days = np.zeros(7, dtype=bool)
    for _, ticks in grouped.stamps.on_wall().blocks():
        open_days[(ticks // _DAY + _EPOCH_WEEKDAY) % 7] = True
    closed = [name for name, seen in zip(_WEEKDAYS, open_days, strict=True) if not seen]
    return " or a ".join(closed) if len(closed) <= 2 and len(grouped.stamps) >= _FEWEST_DAYS else ""


def _by_rows(grouped: Grouped, notes: list[Note]) -> Layout:
    """Each row one step: the times travel with the rows."""
    counts = np.diff(grouped.bounds)
    starts = row_steps(counts)
    numbers = np.arange(len(grouped.stamps)) + np.repeat(starts - grouped.heads, counts)
    stamps = grouped.stamps
    rows = RowTimes.learn(numbers, stamps.ticks(), zone=stamps.zone, weekly=stamps.unit != "integer")
    timeline = Timeline(freq="rows", timezone=stamps.zone, unit=stamps.unit, rows=rows)
    return Layout(
        ids=grouped.ids,
        timeline=timeline,
        starts=starts,
        offsets=grouped.bounds,
        order=grouped.order,
        place=None,
        notes=tuple(notes),
    )
