"""Where each series ends: at its last observed target.  Rows behind it carry covariates known ahead.

Dimension key: M packed rows, S series, C channels.
"""

import numpy as np

from forecast.datasets.panel import Floats, Ints, Panel
from forecast.datasets.schema import Note
from forecast.errors import DataError


def observed_ends(target: Floats, offsets: Ints) -> Ints:
    """(S,) rows of each series up to and including its last observed one; 0 for a series without any."""
    lengths = np.diff(offsets)
    last = target[np.maximum(offsets[1:] - 1, 0)]
    ends = np.where((lengths > 0) & ~np.isnan(last).all(axis=1), lengths, 0)
    open_ended = np.flatnonzero(ends < lengths)
    if not len(open_ended):
        return ends
    if len(open_ended) > 1000:  # many: look at all rows at once
        seen = np.flatnonzero(~np.isnan(target).all(axis=1))
        before = np.searchsorted(seen, offsets)  # observed rows before each series
        has = before[1:] > before[:-1]
        ends[has] = seen[before[1:][has] - 1] - offsets[:-1][has] + 1
        return ends
    for s in open_ended:
        seen = np.flatnonzero(~np.isnan(target[offsets[s] : offsets[s + 1]]).all(axis=1))
        ends[s] = seen[-1] + 1 if len(seen) else 0
    return ends


def settle(panel: Panel) -> Panel:
    """The panel without series that have no target at all, and with notes on empty and constant targets."""
    empty = panel.ends == 0
    if empty.all():
        raise DataError(
            f"the target has no value in any of {len(panel.target):,} rows",
            "Name another target (target, --target) or fill in its values.",
        )
    if not empty.any() and not np.isnan(panel.target).any():
        return panel
    notes = list(panel.notes)
    if empty.any():
        names = tuple(map(str, panel.ids[empty][:20]))
        message = f"{empty.sum():,} series without any target value were left out"
        notes.append(Note(topic="missing", message=message, series=names, count=int(empty.sum())))
        panel = panel.select(np.flatnonzero(~empty))
    return _counted(panel, notes)


def _counted(panel: Panel, notes: list[Note]) -> Panel:
    from dataclasses import replace

    missing = np.isnan(panel.target).any(axis=1)
    rows = np.flatnonzero(missing)
    series = np.searchsorted(panel.offsets, rows, side="right") - 1
    behind = rows >= (panel.offsets[:-1] + panel.ends)[series]
    if behind.any():
        concerned = np.unique(series[behind])
        message = f"{behind.sum():,} rows after the last target of {len(concerned):,} series are taken as their future"
        names = tuple(map(str, panel.ids[concerned[:20]]))
        notes.append(Note(topic="missing", message=message, series=names, count=int(behind.sum())))
    inside = len(rows) - int(behind.sum()) - sum(note.count for note in notes if note.topic == "gap")
    if inside > 0:
        message = f"{inside:,} rows within the series have no target and count as unobserved"
        concerned = np.unique(series[~behind])
        names = tuple(map(str, panel.ids[concerned[:20]]))
        notes.append(Note(topic="missing", message=message, series=names, count=inside))
    return replace(panel, notes=tuple(notes))
