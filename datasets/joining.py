"""Panels put together along time: newer rows behind the context they continue."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.panel import Panel
from forecast.datasets.timeline import Timeline
from forecast.datasets.times.rowtimes import row_steps
from forecast.errors import DataError


def append(context: Panel, newer: Panel, *, steps: int = 0) -> tuple[Panel, Ints]:
    """Each series of ``newer`` with the rows of ``context`` that it continues in front of it.

    Returns the joined panel and, per series, the number of rows after which the first forecast starts: the rows taken
    from ``context``, or the first ``steps`` rows of a series that continues nothing.  With ``freq="rows"`` a series
    continues the context if it is later: there are no steps between rows.
    """
    known, familiar = _places(context, newer)
    joins = familiar & (_rows_between(context, newer, known) == 0)
    front = np.where(joins, context.ends[known], 0)
    joined = _in_front(context, newer, known, front, np.zeros_like(front))
    return joined, np.where(joins, front, np.minimum(steps, newer.ends))


def continued(context: Panel, newer: Panel, *, reach: int) -> tuple[Panel, Ints]:
    """Each series of ``newer`` with the rows of ``context`` before its first one in front of it.

    Steps that are missing between the two become unobserved rows; a series that begins more than ``reach`` steps after
    its context stands alone.  With ``freq="rows"`` there are no such steps.  Returns the joined panel and (S,) how many
    rows of each series, in front or repeated, do not lie after the end of ``context``.
    """
    known, familiar = _places(context, newer)
    between = _rows_between(context, newer, known)
    kept = np.maximum(context.ends[known] + np.minimum(between, 0), 0)
    joins = familiar & (kept > 0) & (between <= reach)
    gap = np.where(joins, np.maximum(between, 0), 0)
    joined = _in_front(context, newer, known, np.where(joins, kept, 0), gap)
    return joined, np.where(joins, kept + gap, 0) + rows_up_to(context, newer)


def renewed(context: Panel, newer: Panel) -> Panel:
    """``context`` with the series of ``newer`` in place of its own, and with those that it lacks behind them."""
    place = newer.ids.get_indexer(context.ids)
    own = np.arange(len(context))
    chosen = np.concatenate(
        [
            np.where(place >= 0, len(context) + place, own),
            len(context) + np.flatnonzero(context.ids.get_indexer(newer.ids) < 0),
        ]
    )
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(context, name), getattr(newer, name)]) for name in (*_PER_SERIES, *_PER_ROW)
    }
    both = replace(
        context,
        ids=context.ids.append(newer.ids).rename(context.ids.name),
        offsets=np.concatenate([context.offsets, context.offsets[-1] + newer.offsets[1:]]),
        timeline=_both_timelines(context, newer),
        **arrays,
    ).select(chosen)
    return _renumbered(both)


_PER_ROW = ("target", "past", "future", "past_codes", "future_codes")
_PER_SERIES = ("starts", "ends", "static", "static_codes")


def _places(context: Panel, newer: Panel) -> tuple[Ints, NDArray[np.bool_]]:
    """(S,) the number of each series of ``newer`` in ``context``, 0 where it is not there, and whether it is."""
    place = context.ids.get_indexer(newer.ids)
    return np.where(place >= 0, place, 0), place >= 0


def _in_front(context: Panel, newer: Panel, known: Ints, kept: Ints, gap: Ints) -> Panel:
    """``newer`` behind the first ``kept`` (S,) rows of series ``known`` of ``context`` and ``gap`` unobserved ones."""
    front = kept + gap
    lengths = front + newer.lengths
    offsets = np.concatenate([[0], lengths.cumsum()])
    position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    rows = position + np.repeat(len(context.target) + newer.offsets[:-1] - front, lengths)
    rows = np.where(position < np.repeat(front, lengths), len(context.target) + len(newer.target), rows)
    rows = np.where(position < np.repeat(kept, lengths), position + np.repeat(context.offsets[known], lengths), rows)
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(context, name), getattr(newer, name), _unobserved(getattr(newer, name))])[rows]
        for name in _PER_ROW
    }
    joined = replace(
        newer,
        timeline=_both_timelines(context, newer).select(rows),
        starts=newer.starts - front,
        offsets=offsets,
        ends=front + newer.ends,
        **arrays,
    )
    return _renumbered(joined)


def _unobserved(column: NDArray[Any]) -> NDArray[Any]:
    """One row (1, K) of what stands for nothing: NaN, or the code 0."""
    return np.full((1, *column.shape[1:]), 0 if column.dtype.kind == "i" else np.nan, column.dtype)


def _both_timelines(context: Panel, newer: Panel) -> Timeline:
    """The timeline of the rows of both, one after the other, numbered as they come."""
    one, two = context.timeline.rows, newer.timeline.rows
    if one is None or two is None:
        return newer.timeline
    ticks = np.concatenate([one.ticks, two.ticks])
    return replace(context.timeline, rows=replace(one, numbers=np.arange(len(ticks)), ticks=ticks))


def _renumbered(panel: Panel) -> Panel:
    """A panel with row times whose rows came from two: numbers that follow one another within each series."""
    if panel.timeline.rows is None:
        return panel
    starts = row_steps(panel.lengths)
    position = np.arange(len(panel.target)) - np.repeat(panel.offsets[:-1], panel.lengths)
    rows = replace(panel.timeline.rows, numbers=np.repeat(starts, panel.lengths) + position)
    return replace(panel, starts=starts, timeline=replace(panel.timeline, rows=rows))


def behind(context: Panel, newer: Panel) -> Panel:
    """``newer`` with each series moved to the step after the end of the same series in ``context``."""
    place = context.ids.get_indexer(newer.ids)
    return replace(newer, starts=np.where(place >= 0, (context.starts + context.ends)[place], newer.starts))


def rows_up_to(context: Panel, newer: Panel) -> Ints:
    """(S,) how many rows of each series of ``newer`` do not lie after the end of the same series in ``context``."""
    known, familiar = _places(context, newer)
    return np.where(familiar, np.clip(-_rows_between(context, newer, known), 0, newer.ends), 0)


def _rows_between(context: Panel, newer: Panel, known: Ints) -> Ints:
    """(S,) steps between the end of series ``known`` of the context and the start of ``newer``; negative: overlap."""
    if context.timeline.rows is None or newer.timeline.rows is None:
        gap: Ints = newer.starts - context.starts[known] - context.ends[known]
        return gap
    last = context.timeline.rows.ticks[context.offsets[known] + np.maximum(context.ends[known] - 1, 0)]
    shared = newer.timeline.rows.ticks <= np.repeat(last, newer.lengths)
    return -np.add.reduceat(shared, newer.offsets[:-1], dtype=np.int64)


def require_future(panel: Panel, horizon: int) -> None:
    """``DataError`` unless every series has ``horizon`` rows of covariates known ahead after its last target."""
    names = panel.schema.future + panel.schema.future_codes
    ahead = panel.lengths - panel.ends
    if not names or not len(panel) or ahead.min() >= horizon:
        return
    worst = int(ahead.argmin())
    raise DataError(
        f"series {panel.ids[worst]!r} has {ahead[worst]} rows of {', '.join(names)} after its last target, "
        f"the forecast needs {horizon}",
        "Add rows with an empty target, or give them as future_data (--future-data FILE).",
        series=panel.ids[worst],
    )
