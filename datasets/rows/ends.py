"""Where each series ends: at its last observed target.  Rows behind it carry covariates known ahead.

Dimension key: M packed rows, S series, C channels.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
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


def settle(panel: Panel, gaps: NDArray[np.bool_] | None) -> Panel:
    """The panel without series that have no target at all, and with notes on empty targets.

    gaps: (M,) rows that had none in the input, which have a note of their own; None: no gaps.
    """
    empty = panel.ends == 0
    if empty.all():
        raise DataError(
            f"the target has no value in any of {len(panel.target):,} rows",
            "Name another target (target, --target) or fill in its values.",
        )
    missing = np.isnan(panel.target).any(axis=1)
    if not empty.any() and not missing.any():
        return panel
    notes = list(panel.notes)
    if empty.any():
        notes.append(_note("{:,} series without any target value were left out", panel, np.flatnonzero(empty)))
    rows = np.flatnonzero(missing if gaps is None else missing & ~gaps)
    series = np.searchsorted(panel.offsets, rows, side="right") - 1
    rows, series = rows[~empty[series]], series[~empty[series]]
    behind = rows >= (panel.offsets[:-1] + panel.ends)[series]
    for chosen, message in (
        (behind, "{:,} rows after the last target of their series are taken as its future"),
        (~behind, "{:,} rows within the series have no target and count as unobserved"),
    ):
        if chosen.any():
            notes.append(_note(message, panel, series[chosen]))
    panel = panel.select(np.flatnonzero(~empty)) if empty.any() else panel
    return replace(panel, notes=tuple(notes))


def _note(message: str, panel: Panel, series: Ints) -> Note:
    """A note on as many cases as ``series`` has entries."""
    names = tuple(map(str, panel.ids[np.unique(series)[:20]]))
    return Note(topic="missing", message=message.format(len(series)), series=names, count=len(series))
