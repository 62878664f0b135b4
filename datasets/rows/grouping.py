"""Rows put in order: by series in order of first appearance, and by time within each.

Dimension key: N rows, S series.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.source import Source
from forecast.datasets.times.stamps import Stamps
from forecast.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False)
class Grouped:
    """ids: (S,).  bounds: (S + 1,) where each series' rows begin.  order: (N,) rows in order, None: as they lie.

    stamps: times in that order.  moved: whether times within a series had to be put in order.
    """

    ids: pd.Index
    bounds: Ints
    order: Ints | None
    stamps: Stamps
    moved: bool = False

    @property
    def heads(self) -> Ints:
        """(S,) the first row of each series."""
        return self.bounds[:-1]

    def row(self, place: int) -> int:
        """The user's row number (from 0) of the row at ``place``."""
        return place if self.order is None else int(self.order[place])

    def series_at(self, place: int) -> object:
        """The id of the series whose row lies at ``place``."""
        return self.ids[int(np.searchsorted(self.bounds, place, side="right")) - 1]

    def inner(self, first: int, length: int) -> NDArray[np.bool_]:
        """Of the ``length`` pairs (row, next row) from ``first`` on, those that lie within one series."""
        inside = np.ones(length, dtype=bool)
        low, high = np.searchsorted(self.bounds, (first + 1, first + length + 1))
        inside[self.bounds[low:high] - first - 1] = False
        return inside

    def keep(self, kept: NDArray[np.bool_]) -> "Grouped":
        """Without the rows that are not ``kept``; no series may lose all of its rows."""
        order = np.flatnonzero(kept) if self.order is None else self.order[kept]
        bounds = np.concatenate([[0], kept.cumsum()])[self.bounds]
        return Grouped(
            ids=self.ids,
            bounds=bounds,
            order=order,
            stamps=self.stamps.take(np.flatnonzero(kept)),
            moved=self.moved,
        )


def group_rows(column: pd.Series | None, ids: pd.Index, stamps: Stamps, source: Source) -> Grouped:
    """Rows by series and time.  Sorted input is recognised and left where it lies.

    column: (N,) ids, or None for one series called ``ids[0]``.
    """
    if column is None:
        bounds = np.array([0, len(stamps)])
        return _sorted(Grouped(ids=ids, bounds=bounds, order=None, stamps=stamps))
    begins, codes, names = id_runs(column, source)
    if len(names) == len(begins):
        bounds = np.append(begins, len(column))
        return _sorted(Grouped(ids=names, bounds=bounds, order=None, stamps=stamps))
    rows = np.repeat(codes.astype(np.int32), np.diff(begins, append=len(column)))
    order = np.argsort(rows, kind="stable")
    bounds = np.concatenate([[0], np.bincount(rows, minlength=len(names)).cumsum()])
    return _sorted(Grouped(ids=names, bounds=bounds, order=order, stamps=stamps.take(order)))


def id_runs(column: pd.Series, source: Source) -> tuple[Ints, Ints, pd.Index]:
    """The rows at which a run of one id begins, the number of its id, and the ids in order of first appearance."""
    begins = _changes(column)
    codes, names = pd.factorize(column.iloc[begins])
    if (codes < 0).any():
        row = int(begins[(codes < 0).argmax()])
        where = source.where(row)
        raise DataError(
            f"row {where['row']}: column {column.name!r} has no id", "Fill in the id or drop the row.", **where
        )
    names = names.astype(names.categories.dtype) if isinstance(names, pd.CategoricalIndex) else names
    return begins, codes, pd.Index(names)


def _changes(column: pd.Series) -> Ints:
    """The rows at which a new id begins, the first included."""
    if not len(column):
        return np.zeros(0, np.int64)
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = column.cat.codes.to_numpy()
        differ = values[1:] != values[:-1]
    elif hasattr(column.array, "_pa_array"):  # compared where the text lies, which spares a Python object per row
        import pyarrow.compute

        text = column.array._pa_array
        differ = pyarrow.compute.not_equal(text[1:], text[:-1]).fill_null(True).to_numpy(zero_copy_only=False)
    else:
        values = column.to_numpy()
        differ = np.asarray(values[1:] != values[:-1], dtype=bool)
    return np.concatenate([[0], np.flatnonzero(differ) + 1]).astype(np.int64)


def _sorted(grouped: Grouped) -> Grouped:
    """The same with the rows of each series in order of time."""
    if _is_ordered(grouped):
        return grouped
    ticks = grouped.stamps.raw
    lengths = np.diff(grouped.bounds)
    series = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    within = np.lexsort((ticks, series))
    order = within if grouped.order is None else grouped.order[within]
    return Grouped(ids=grouped.ids, bounds=grouped.bounds, order=order, stamps=grouped.stamps.take(within), moved=True)


def _is_ordered(grouped: Grouped) -> bool:
    for first, ticks in grouped.stamps.blocks(overlap=1):
        falls = ticks[1:] < ticks[:-1]
        if falls.any() and (falls & grouped.inner(first, len(falls))).any():
            return False
    return True
