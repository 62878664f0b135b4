"""Panels put together along time: newer rows behind the context they continue."""

import numpy as np

from forecast.datasets.panel import Ints, Panel
from forecast.errors import DataError


def append(context: Panel, newer: Panel, *, steps: int = 0) -> tuple[Panel, Ints]:
    """Each series of ``newer`` with the rows of ``context`` that it continues in front of it.

    Returns the joined panel and, per series, the number of rows after which the first forecast starts: the rows taken
    from ``context``, or the first ``steps`` rows of a series that continues nothing.
    """
    place = context.ids.get_indexer(newer.ids)
    known = np.where(place >= 0, place, 0)
    joins = (place >= 0) & (context.starts[known] + context.ends[known] == newer.starts)
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
    joined = Panel(
        schema=newer.schema,
        timeline=newer.timeline,
        ids=newer.ids,
        starts=newer.starts - front,
        offsets=offsets,
        ends=front + newer.ends,
        static=newer.static,
        static_codes=newer.static_codes,
        notes=newer.notes,
        **both,
    )
    return joined, np.where(joins, front, np.minimum(steps, newer.ends))


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
