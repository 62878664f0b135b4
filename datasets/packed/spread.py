"""From the files of a folder to a panel on disk, with a bounded part of either in memory.

1. Every row becomes a record of numbers (``intake``), and the rows of each series are counted.
2. Each record is moved to the rows of its series: files split by date hold every series.
3. Some series at a time: rows in order of time, repeated ones dropped, contradicting ones refused.
4. The grid is found from all times; then, some series at a time again, the panel is written.

All rules are those of a frame in memory, and most of the code is the same.

Dimension key: N rows, S series, C channels, M packed rows.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.output import require_free_names
from forecast.datasets.packed.folder import Origin, Writer
from forecast.datasets.packed.intake import CODES, NUMBERS, Again, Intake
from forecast.datasets.panel import Panel
from forecast.datasets.rows.ends import Missing, find_missing, no_target, observed_ends, with_target
from forecast.datasets.rows.grouping import Grouped
from forecast.datasets.rows.inference import find_timeline
from forecast.datasets.rows.layout import Layout, grid_notes, located, place_rows
from forecast.datasets.rows.repeats import conflict, repeat_note
from forecast.datasets.rows.spacing import Spacing, measure
from forecast.datasets.rows.values import constant
from forecast.datasets.scaling import blocks
from forecast.datasets.schema import Note, Roles, Schema
from forecast.datasets.stored import let_go
from forecast.datasets.timeline import Timeline
from forecast.datasets.times.clockchange import localise
from forecast.errors import DataError

PART_BYTES = 1 << 25  # of records in memory at a time
_SCATTERED = 1 << 16  # of them moved to their places before these are let go
Records = NDArray[Any]


def pack_files(files: list[Path], folder: Path, *, roles: Roles, schema: Schema | None, origin: Origin) -> None:
    """Write the panel of all files to ``folder``, which holds some files more on the way.

    In memory: a piece of a file, about ``PART_BYTES`` of records (or those of the longest series) with what is made of
    them, and some hundred bytes for each series.  On disk, until it is done: twice the numbers of all rows.
    """
    try:
        _pack(files, folder, roles=roles, schema=schema, origin=origin)
    except DataError as error:
        raise _in_file(error) from error


def _in_file(error: DataError) -> DataError:
    """The error with the name of its file in its words: a row alone says little where there are many files."""
    file = error.where.get("file")
    if not file or str(file) in error.cause:
        return error
    return DataError(f"{file}: {error.cause}", error.remedy, **error.where)


def _pack(files: list[Path], folder: Path, *, roles: Roles, schema: Schema | None, origin: Origin) -> None:
    intake, counts, path = _take_in(files, folder, roles, schema)
    records = _grouped(path, intake, counts)
    tidied = _Tidied(folder, intake, records, np.append(0, counts.cumsum()))
    writer = Writer(folder)
    try:
        _write(tidied, intake, writer, origin=origin)
    finally:
        writer.close()
        for name in ("records", "grouped", "tidied", "ticks", "ticks.wall"):
            (folder / name).unlink(missing_ok=True)


def _take_in(files: list[Path], folder: Path, roles: Roles, schema: Schema | None) -> tuple[Intake, Ints, Path]:
    """The first pass: the records of all rows in a file, and how many each series has."""
    words: frozenset[str] = frozenset()
    exact, path = False, folder / "records"
    while True:
        intake = Intake(roles, schema, words=words, exact=exact)
        counts = np.zeros(0, np.int64)
        try:
            with open(path, "wb") as out:
                for records in intake.read(files):
                    found = np.bincount(records["series"], minlength=len(counts))
                    found[: len(counts)] += counts
                    counts = found
                    out.write(records.data)
        except Again as again:
            words, exact = words | again.words, exact or again.exact
            continue
        return intake, counts, path


def _grouped(path: Path, intake: Intake, counts: Ints) -> Records:
    """The records with those of each series together, in order of the files."""
    shape, rows = (intake.rows,), max(1, PART_BYTES // intake.records.itemsize)
    taken = np.memmap(path, intake.records, "r", shape=shape)
    if intake.sorted:
        return taken
    cursor = counts.cumsum() - counts
    grouped = np.memmap(path.with_name("grouped"), intake.records, "w+", shape=shape)
    for first in range(0, intake.rows, rows):
        part = np.array(taken[first : first + rows])
        part = part[np.argsort(part["series"], kind="stable")]
        series = part["series"]
        here = np.bincount(series, minlength=len(counts))
        before = here.cumsum() - here
        places = (cursor - before)[series] + np.arange(len(part))
        for few in range(0, len(part), _SCATTERED):  # each may touch a page of its own
            grouped[places[few : few + _SCATTERED]] = part[few : few + _SCATTERED]
            let_go(grouped)
        cursor += here
        let_go(taken)
    path.unlink()
    return grouped


class _Tidied:
    """Third pass: records in order of time and without repeats, in the file ``tidied``; their times in ``ticks``."""

    def __init__(self, folder: Path, intake: Intake, records: Records, bounds: Ints) -> None:
        self.intake, self.ids = intake, intake.series_ids()
        self.counts, self.moved, self.dropped = np.diff(bounds), False, 0
        self.repeating: list[int] = []
        with open(folder / "tidied", "wb") as tidied, open(folder / "ticks", "wb") as times:
            for first, last, part in _parts(records, bounds, intake):
                part = self._dropped(self._ordered(self._localised(part)), first, last)
                tidied.write(part.data)
                times.write(np.ascontiguousarray(part["tick"]).data)
        self.bounds = np.append(0, self.counts.cumsum())
        shape = (int(self.bounds[-1]),)
        self.records = np.memmap(folder / "tidied", intake.records, "r", shape=shape)
        self.ticks = np.memmap(folder / "ticks", np.int64, "r", shape=shape)

    def all_rows(self) -> Grouped:
        """Every row, memory-mapped."""
        stamps = self.intake.stamps(self.ticks)
        return Grouped(ids=self.ids, bounds=self.bounds, order=self.records["row"], stamps=stamps)

    def some_rows(self, part: Records, first: int, last: int, bounds: Ints) -> Grouped:
        """The rows of series first … last − 1, in memory."""
        stamps = self.intake.stamps(np.ascontiguousarray(part["tick"]))
        return Grouped(ids=self.ids[first:last], bounds=bounds, order=part["row"], stamps=stamps)

    def _localised(self, part: Records) -> Records:
        intake = self.intake
        if intake.roles.timezone is None or intake.unit == "integer" or intake.aware:
            return part
        sources = replace(intake.sources, rows=part["row"])
        stamps = localise(intake.naive(part["tick"]), pd.Series(part["series"]), intake.roles.timezone, sources)
        intake.zone = stamps.zone
        part["tick"] = stamps.ticks()
        return part

    def _ordered(self, part: Records) -> Records:
        falls = (part["tick"][1:] < part["tick"][:-1]) & (part["series"][1:] == part["series"][:-1])
        if not falls.any():
            return part
        self.moved = True
        return np.asarray(part[np.lexsort((part["tick"], part["series"]))])

    def _dropped(self, part: Records, first: int, last: int) -> Records:
        same = (part["tick"][1:] == part["tick"][:-1]) & (part["series"][1:] == part["series"][:-1])
        if not same.any():
            return part
        places = np.flatnonzero(same) + 1
        bounds = np.append(0, self.counts[first:last].cumsum())
        schema = self.intake.schema_
        for kind in (*NUMBERS, *CODES):
            for k, name in enumerate(getattr(schema, kind)):
                here, there = part[kind][places, k], part[kind][places - 1, k]
                differs = (here != there) & ~((here != here) & (there != there))
                if differs.any():
                    aside = np.zeros(first, np.int64), np.full(len(self.ids) - last, len(part))
                    grouped = self.some_rows(part, 0, len(self.ids), np.concatenate([aside[0], bounds, aside[1]]))
                    values = (self.intake.spelled(name, here), self.intake.spelled(name, there))
                    raise conflict(grouped, places, int(differs.argmax()), name, values, self.intake.sources)
        series, often = np.unique(part["series"][places], return_counts=True)
        self.counts[series] -= often
        self.repeating = [*self.repeating, *series.tolist()][:20]
        self.dropped += len(places)
        return np.asarray(np.delete(part, places))


def _parts(records: Records, bounds: Ints, intake: Intake) -> Iterator[tuple[int, int, Records]]:
    """(first, last, records) of some series at a time, copied."""
    rows = max(1, PART_BYTES // intake.records.itemsize)
    for first, last in blocks(bounds, rows=rows):
        part = np.array(records[bounds[first] : bounds[last]])
        let_go(records)
        yield first, last, part


# ---------------------------------------------------------------------- the panel


def _write(tidied: _Tidied, intake: Intake, writer: Writer, *, origin: Origin) -> None:
    """Fourth pass: the grid, then all series on it."""
    grouped, given = tidied.all_rows(), bool(intake.schema_.freq)
    try:
        spacing = measure(grouped)
        timeline = find_timeline(grouped, spacing, intake.schema_.freq or None)
        timeline = replace(timeline, unit=intake.unit)
        schema, codes = intake.in_order()
        lengths, missing, kept = [], Missing(), 0
        for first, last, part in _parts(tidied.records, tidied.bounds, intake):
            some = tidied.some_rows(part, first, last, tidied.bounds[first : last + 1] - tidied.bounds[first])
            layout = _lay_out(some, spacing, timeline, given=given)
            panel = _panel(part, layout, schema, codes)
            missing = missing.joined(find_missing(panel, layout.gaps()))
            lengths.append(panel.lengths)
            if panel.ends.any():
                panel = with_target(panel)
                kept += len(panel)
                writer.add(panel)
        notes = grid_notes(grouped, spacing, timeline, np.concatenate(lengths), given=given)
    except DataError as error:
        raise located(error, intake.sources) from None
    if not kept:
        raise no_target(intake.rows)
    schema = replace(schema, freq=timeline.freq, timezone=timeline.timezone)
    require_free_names(schema)
    before = (Note(topic="order", message="the rows were put in order of time", count=1),) if tidied.moved else ()
    dropped = (repeat_note(tidied.dropped, tidied.ids[sorted(tidied.repeating)]),) if tidied.dropped else ()
    found = (*intake.remarks.values(), *intake.notes.values(), *before, *dropped, *notes, *missing.notes())
    writer.finish(schema=schema, timeline=timeline, notes=found, origin=origin)


def _lay_out(grouped: Grouped, spacing: Spacing, timeline: Timeline, *, given: bool) -> Layout:
    starts, lengths, place = place_rows(grouped, spacing, timeline, given=given)
    offsets = np.append(0, lengths.cumsum())
    return Layout(ids=grouped.ids, timeline=timeline, starts=starts, offsets=offsets, order=None, place=place, notes=())


def _panel(part: Records, layout: Layout, schema: Schema, codes: dict[str, NDArray[Any]]) -> Panel:
    """The panel of some series.  codes: the final code of each provisional one, by column."""

    def numbers(kind: str) -> NDArray[Any]:
        names = getattr(schema, kind)
        values = part[kind] if names else np.zeros((len(part), 0))
        out = np.empty((layout.rows, len(names)), values.dtype)
        return layout.pack(values, np.nan, out=out)

    def words(kind: str) -> Ints:
        names = getattr(schema, kind)
        packed = np.zeros((layout.rows, len(names)), np.int64)
        for k, name in enumerate(names):
            layout.pack(codes[name][part[kind][:, k]], 0, out=packed[:, k])
        return packed

    target = numbers("target")
    return Panel(
        schema=schema,
        timeline=layout.timeline,
        ids=layout.ids,
        starts=layout.starts,
        offsets=layout.offsets,
        ends=observed_ends(target, layout.offsets),
        target=target,
        past=numbers("past"),
        future=numbers("future"),
        static=constant(numbers("static"), schema.static, layout, missing=np.nan),
        past_codes=words("past_codes"),
        future_codes=words("future_codes"),
        static_codes=constant(words("static_codes"), schema.static_codes, layout, missing=0),
    )
