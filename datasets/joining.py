"""Panels put together along time: newer rows behind the context they continue."""

from dataclasses import replace

import numpy as np

from forecast.datasets.arrays import Ints
from forecast.datasets.panel import Panel
from forecast.datasets.times.rowtimes import row_steps
from forecast.errors import DataError


def append(context: Panel, newer: Panel, *, steps: int = 0) -> tuple[Panel, Ints]:
    """Each series of ``newer`` with the rows of ``context`` that it continues in front of it.

    Returns the joined panel and, per series, the number of rows after which the first forecast starts: the rows taken
    from ``context``, or the first ``steps`` rows of a series that continues nothing.  With ``freq="rows"`` a series
    continues the context if it is later: there are no steps between rows.
    """
    place = context.ids.get_indexer(newer.ids)
    known = np.where(place >= 0, place, 0)
    joins = (place >= 0) & (_rows_between(context, newer, known) == 0)
    front = np.where(joins, context.ends[known], 0)
    lengths = front + newer.lengths
    offsets = np.concatenate([[0], lengths.cumsum()])
    position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    in_front = position < np.repeat(front, lengths)
    rows = position + np.repeat(
        np.where(joins, context.offsets[known], 0), lengths
    )  # rows of context; those behind it are replaced below
    shift = np.repeat(len(context.target) + newer.offsets[:-1] - front, lengths)
    rows = np.where(in_front, rows, position + shift)
    both = {
        name: np.concatenate([getattr(context, name), getattr(newer, name)])[rows]
        for name in ("target", "past", "future", "past_codes", "future_codes")
    }
    timeline, starts = newer.timeline, newer.starts - front
    if context.timeline.rows is not None and newer.timeline.rows is not None:
        starts = row_steps(lengths)
        ticks = np.concatenate([context.timeline.rows.ticks, newer.timeline.rows.ticks])[rows]
        numbers = np.repeat(starts, lengths) + position
        timeline = replace(context.timeline, rows=replace(context.timeline.rows, numbers=numbers, ticks=ticks))
    joined = Panel(
        schema=newer.schema,
        timeline=timeline,
        ids=newer.ids,
        starts=starts,
        offsets=offsets,
        ends=front + newer.ends,
        static=newer.static,
        static_codes=newer.static_codes,
        notes=newer.notes,
        **both,
    )
    return joined, np.where(joins, front, np.minimum(steps, newer.ends))


def behind(context: Panel, newer: Panel) -> Panel:
    """``newer`` with each series moved to the step after the end of the same series in ``context``."""
    place = context.ids.get_indexer(newer.ids)
    return replace(newer, starts=np.where(place >= 0, (context.starts + context.ends)[place], newer.starts))


def rows_up_to(context: Panel, newer: Panel) -> Ints:
    """(S,) how many rows of each series of ``newer`` do not lie after the end of the same series in ``context``."""
    place = context.ids.get_indexer(newer.ids)
    known = np.where(place >= 0, place, 0)
    return np.where(place >= 0, np.clip(-_rows_between(context, newer, known), 0, newer.ends), 0)


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
