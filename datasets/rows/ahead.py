"""Covariates known ahead that come as a second file or frame, joined to a panel on id and time.

Dimension key: N rows of the second frame, M packed rows, S series.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.frames import as_frame
from forecast.datasets.panel import Panel
from forecast.datasets.roles import join_id
from forecast.datasets.rows.values import encode, numbers
from forecast.datasets.schema import Note, Roles, Schema
from forecast.datasets.source import Source
from forecast.datasets.times.clockchange import localise
from forecast.datasets.times.rowtimes import RowTimes
from forecast.datasets.times.stamps import Stamps, read_times
from forecast.errors import DataError

_UNNAMED = ("y", "target", "value", "unique_id", "series_id", "item_id", "ts_id", "series", "id")
_MOST_STEPS = 100_000  # behind the last row of a series; more are the work of a mistyped time


@dataclass(frozen=True, kw_only=True, eq=False)
class Ahead:
    """A second frame that was read: its plain columns, and where they came from."""

    frame: pd.DataFrame
    source: Source


def read_ahead(
    future_data: Any, frame: pd.DataFrame, roles: Roles, schema: Schema | None
) -> tuple[Ahead, pd.DataFrame, Roles]:
    """The second frame; the first one with empty columns for what only the second has; the roles with its covariates.

    Where no role names covariates known ahead, all numeric columns of the second frame without another role are.
    """
    second, source = as_frame(future_data)
    second = join_id(second, roles.id if schema is None else schema.id)
    if schema is not None:
        names: tuple[str, ...] = schema.future + schema.future_codes
    else:
        names = _listed(roles.future) or _unlisted(second, roles)
        roles = replace(roles, future=names)
    added = {name: pd.Series(np.nan, index=frame.index) for name in names if name in second and name not in frame}
    for name in added:
        if not pd.api.types.is_numeric_dtype(second[name].dtype):
            added[name] = pd.Series([None] * len(frame), index=frame.index, dtype="str")
    return Ahead(frame=second, source=source), frame.assign(**added), roles


def _listed(names: object) -> tuple[str, ...]:
    if isinstance(names, str):
        return tuple(name.strip() for name in names.split(","))
    return tuple(names) if isinstance(names, tuple | list) else ()


def _unlisted(second: pd.DataFrame, roles: Roles) -> tuple[str, ...]:
    taken = {roles.time, roles.id, *_listed(roles.target), *_listed(roles.past), *_listed(roles.static), *_UNNAMED}
    free = [name for name in second.columns if name not in taken]
    return tuple(name for name in free if pd.api.types.is_numeric_dtype(second[name].dtype))


def extend(panel: Panel, future_data: Any) -> Panel:
    """The panel with the covariates known ahead of a second file or frame (or an ``Ahead``): new rows behind each
    series' last one, and values for rows that had none.

    Rows before a series' start and rows of series that the panel does not have are left out, with a note.  Raises
    DataError for missing columns, times off the grid, and values that contradict the panel's.
    """
    ahead = future_data if isinstance(future_data, Ahead) else _read(future_data, panel.schema)
    schema = panel.schema
    names = schema.future + schema.future_codes
    missing = [name for name in names if name not in ahead.frame]
    if not names or missing:
        cause = f"the second frame has no column {missing[0]!r}" if missing else "no covariate is known ahead"
        remedy = "Name the columns known ahead when fitting (future, --future), and give all of them here."
        raise DataError(cause, remedy, file=ahead.source.file, column=missing[0] if missing else None)
    series = _series(panel, ahead)
    stamps = _stamps(panel, ahead, series)
    known = series >= 0
    rows = np.flatnonzero(known)
    panel, position = _room(panel, series[rows], stamps.take(rows), ahead, rows)
    inside = position >= 0
    columns = {name: _column(panel, ahead, name)[rows][inside] for name in names}
    position, rows = position[inside], rows[inside]
    for kind, empty in (("future", np.nan), ("future_codes", 0)):
        values = getattr(panel, kind).copy()
        for k, name in enumerate(getattr(schema, kind)):
            _write(values[:, k], position, columns[name], empty=empty, place=(panel, ahead, rows, name))
        panel = replace(panel, **{kind: values})
    left = len(known) - len(rows)
    if not left:
        return panel
    message = f"{left:,} rows of the second frame belong to no series of the data, or lie before its start"
    return replace(panel, notes=(*panel.notes, Note(topic="ignored", message=message, count=left)))


def _read(future_data: Any, schema: Schema) -> Ahead:
    frame, source = as_frame(future_data)
    return Ahead(frame=join_id(frame, schema.id), source=source)


def _series(panel: Panel, ahead: Ahead) -> Ints:
    """(N,) the series of each row, −1 for those that the panel does not have."""
    name = panel.schema.id if ahead.source.id is None else ahead.source.id
    if name is not None and name in ahead.frame:
        column = ahead.frame[name]
        found = panel.ids.get_indexer(pd.Index(column))
        if len(found) and (found < 0).all():  # numbers in one file, text in the other
            found = panel.ids.astype(str).get_indexer(pd.Index(column.astype(str)))
        return np.asarray(found, dtype=np.int64)
    if name is None and len(panel) == 1:
        return np.zeros(len(ahead.frame), np.int64)
    raise DataError(
        f"the second frame has no id column {name!r}" if name else "the second frame cannot be matched to the series",
        "Give it the same id and time columns as the data.",
        file=ahead.source.file,
        column=name,
    )


def _stamps(panel: Panel, ahead: Ahead, series: Ints) -> Stamps:
    time = panel.schema.time if panel.schema.time in ahead.frame else ahead.source.time
    if time is None:
        dates = [name for name in ahead.frame.columns if ahead.frame[name].dtype.kind == "M"]
        if len(dates) != 1:
            raise DataError(
                f"the second frame has no time column {panel.schema.time!r}",
                "Give it the same id and time columns as the data.",
                file=ahead.source.file,
                column=panel.schema.time,
            )
        time = dates[0]
    stamps = read_times(ahead.frame, time, ahead.source, timezone=panel.timeline.timezone)
    if panel.timeline.timezone is None or stamps.zone is not None or stamps.unit == "integer":
        return replace(stamps.on_wall(), zone=None) if panel.timeline.timezone is None else stamps
    return localise(stamps, pd.Series(series), panel.timeline.timezone, ahead.source)


def _room(panel: Panel, series: Ints, stamps: Stamps, ahead: Ahead, rows: Ints) -> tuple[Panel, Ints]:
    """The panel with rows for all stamps behind its own, and the packed row of each stamp, −1 for those before."""
    if panel.timeline.rows is not None:
        relative, ticks = _relative_rows(panel, series, stamps.ticks())
    else:
        steps, fits = panel.timeline.locate(stamps.ticks())
        if not fits.all():
            row = int(fits.argmin())
            where = ahead.source.where(int(rows[row]))
            raise DataError(
                f"row {where['row']} of the second frame: {stamps.label(row)} is not on the grid {panel.timeline.freq}",
                "Give rows at the frequency of the data.",
                **where,
            )
        relative, ticks = steps - panel.starts[series], None
    lengths = panel.lengths.copy()
    np.maximum.at(lengths, series, relative + 1)
    if (lengths - panel.lengths).max(initial=0) > _MOST_STEPS:
        row = int(relative.argmax())
        where = ahead.source.where(int(rows[row]))
        raise DataError(
            f"row {where['row']} of the second frame lies {relative[row] - panel.lengths[series[row]]:,} steps behind "
            f"the data: {stamps.label(row)}",
            "Correct the mistyped time or drop that row.",
            **where,
        )
    panel = _lengthened(panel, lengths)
    position = np.where(relative >= 0, panel.offsets[series] + relative, -1)
    if ticks is not None and panel.timeline.rows is not None:
        own = panel.timeline.rows.ticks.copy()
        own[position[position >= 0]] = ticks[position >= 0]
        panel = replace(panel, timeline=replace(panel.timeline, rows=replace(panel.timeline.rows, ticks=own)))
    return panel, position


def _relative_rows(panel: Panel, series: Ints, ticks: Ints) -> tuple[Ints, Ints]:
    """Row of each stamp within its series where every row is a step: that of the same time, else behind the last."""
    assert panel.timeline.rows is not None
    owner = np.repeat(np.arange(len(panel)), panel.lengths)
    own = pd.MultiIndex.from_arrays([owner, panel.timeline.rows.ticks])
    found = own.get_indexer(pd.MultiIndex.from_arrays([series, ticks]))
    last = panel.timeline.rows.ticks[panel.offsets[1:] - 1]
    later = (found < 0) & (ticks > last[series])
    rank = pd.DataFrame({"series": series[later], "tick": ticks[later]}).groupby("series")["tick"].rank("dense")
    relative = np.where(found >= 0, found - panel.offsets[series], -1)
    relative[later] = panel.lengths[series[later]] + rank.to_numpy(np.int64) - 1
    return relative, ticks


def _lengthened(panel: Panel, lengths: Ints) -> Panel:
    """The panel with room for ``lengths`` (S,) rows of each series; new rows are empty."""
    if (lengths == panel.lengths).all():
        return panel
    offsets = np.concatenate([[0], lengths.cumsum()])
    rows = np.arange(panel.offsets[-1]) + np.repeat(offsets[:-1] - panel.offsets[:-1], panel.lengths)

    def spread(values: NDArray[Any], empty: float) -> NDArray[Any]:
        longer = np.full((offsets[-1], *values.shape[1:]), empty, values.dtype)
        longer[rows] = values
        return longer

    timeline = panel.timeline
    if timeline.rows is not None:
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        row_numbers = np.repeat(panel.starts, lengths) + within
        own: RowTimes = replace(timeline.rows, numbers=row_numbers, ticks=spread(timeline.rows.ticks, 0))
        timeline = replace(timeline, rows=own)
    return replace(
        panel,
        timeline=timeline,
        offsets=offsets,
        target=spread(panel.target, np.nan),
        past=spread(panel.past, np.nan),
        future=spread(panel.future, np.nan),
        past_codes=spread(panel.past_codes, 0),
        future_codes=spread(panel.future_codes, 0),
    )


def _column(panel: Panel, ahead: Ahead, name: str) -> NDArray[Any]:
    categories = panel.schema.categories.get(name)
    column = ahead.frame[name]
    return numbers(column, ahead.source).astype(np.float64) if categories is None else encode(column, categories)


def _write(
    values: NDArray[Any],
    position: Ints,
    given: NDArray[Any],
    *,
    empty: float,
    place: tuple[Panel, Ahead, Ints, str],
) -> None:
    """Put the given values into a packed column; what stands there already must agree."""
    panel, ahead, rows, name = place

    def is_empty(part: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray(np.isnan(part) if np.isnan(empty) else part == empty)

    filled = ~is_empty(given)
    fresh = position[filled & is_empty(values[position])]
    before = values.copy()
    values[fresh] = given[filled & is_empty(before[position])]
    differs = filled & ~np.isclose(values[position], given, rtol=1e-9, atol=0, equal_nan=True)
    if differs.any():
        row = int(differs.argmax())
        where = ahead.source.where(int(rows[row]))
        series = int(np.searchsorted(panel.offsets, position[row], side="right")) - 1
        raise DataError(
            f"row {where['row']} of the second frame contradicts the data: {name!r} of series {panel.ids[series]!r} is "
            f"{given[row]:g} there and {values[position[row]]:g} in the data",
            "Correct one of the two, or leave it out of one of them.",
            **where,
            column=name,
        )
