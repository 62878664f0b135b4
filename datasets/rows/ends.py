"""Where each series ends: at its last observed target.  Rows behind it carry covariates known ahead.

Dimension key: M packed rows, S series, C channels.
"""

from dataclasses import dataclass, replace

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


Cases = tuple[int, tuple[str, ...]]  # how many, and the first twenty series concerned
_NONE: Cases = (0, ())


@dataclass(frozen=True)
class Missing:
    """Empty targets.  empty: series that have no other ones; behind, within: rows after the last target of a series
    and before it, those left aside that had no row in the input."""

    empty: Cases = _NONE
    behind: Cases = _NONE
    within: Cases = _NONE

    def joined(self, other: "Missing") -> "Missing":
        """Those of two parts of a panel."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Missing(*((one[0] + two[0], (*one[1], *two[1])[:20]) for one, two in pairs))

    def notes(self) -> tuple[Note, ...]:
        """A note on each kind that there is."""
        messages = {
            "{:,} series without any target value were left out": self.empty,
            "{:,} rows after the last target of their series are taken as its future": self.behind,
            "{:,} rows within the series have no target and count as unobserved": self.within,
        }
        return tuple(
            Note(topic="missing", message=message.format(count), series=names, count=count)
            for message, (count, names) in messages.items()
            if count
        )


def settle(panel: Panel, gaps: NDArray[np.bool_] | None) -> Panel:
    """The panel without series that have no target at all, and with notes on empty targets.

    gaps: (M,) rows that had none in the input, which have a note of their own; None: no gaps.
    """
    if not panel.ends.any():
        raise no_target(len(panel.target))
    missing = find_missing(panel, gaps)
    return replace(with_target(panel), notes=(*panel.notes, *missing.notes()))


def no_target(rows: int) -> DataError:
    """The error for a panel without a single target."""
    cause = f"the target has no value in any of {rows:,} rows"
    return DataError(cause, "Name another target (target, --target) or fill in its values.")


def with_target(panel: Panel) -> Panel:
    """The series that have any target."""
    return panel if panel.ends.all() else panel.select(np.flatnonzero(panel.ends))


def find_missing(panel: Panel, gaps: NDArray[np.bool_] | None) -> Missing:
    """The empty targets of a panel; ``gaps`` as in ``settle``."""
    empty = panel.ends == 0
    missing = np.isnan(panel.target).any(axis=1)
    if not missing.any() and not empty.any():
        return Missing()
    rows = np.flatnonzero(missing if gaps is None else missing & ~gaps)
    series = np.searchsorted(panel.offsets, rows, side="right") - 1
    rows, series = rows[~empty[series]], series[~empty[series]]
    behind = rows >= (panel.offsets[:-1] + panel.ends)[series]
    return Missing(*(_cases(panel, some) for some in (np.flatnonzero(empty), series[behind], series[~behind])))


def _cases(panel: Panel, series: Ints) -> Cases:
    """As many cases as ``series`` has entries."""
    return len(series), tuple(map(str, panel.ids[np.unique(series)[:20]]))
