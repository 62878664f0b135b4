"""What is known of a panel on disk without reading its rows, and its rows taken without filling memory with them.

Dimension key: S series, N rows of all series together, C channels, K columns.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Floats, Ints

RESIDENT = 1 << 27  # bytes of a panel's files that may lie in this process' memory before they are let go
_AT_ONCE = 1 << 17  # rows or stretches counted at a time
_AROUND = 1 << 16  # bytes that the system maps around a place that is touched


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Of K columns, from many rows: how many values there are, their mean, the squares around it, and gaps."""

    count: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    squares: tuple[float, ...] = ()
    gaps: tuple[bool, ...] = ()

    @classmethod
    def of(cls, columns: Floats) -> "Moments":
        """From (N, K), NaN where missing."""
        seen = ~np.isnan(columns)
        count = seen.sum(0)
        columns = columns.astype(np.float64, copy=False)  # a float32 sum over millions of rows is no mean
        mean = np.where(seen, columns, 0.0).sum(0) / np.maximum(count, 1)
        squares = np.square(np.where(seen, columns - mean, 0.0)).sum(0)
        gaps = np.logical_not(seen.all(0))
        return cls(
            count=tuple(count.tolist()),
            mean=tuple(mean.tolist()),
            squares=tuple(squares.tolist()),
            gaps=tuple(gaps.tolist()),
        )

    def joined(self, other: "Moments") -> "Moments":
        """Of the rows of both (Chan, Golub and LeVeque 1983)."""
        if not self.count:
            return other
        n, m = np.array(self.count), np.array(other.count)
        both = np.maximum(n + m, 1)
        apart = np.array(other.mean) - np.array(self.mean)
        mean = np.array(self.mean) + apart * m / both
        squares = np.array(self.squares) + np.array(other.squares) + np.square(apart) * n * m / both
        return Moments(
            count=tuple((n + m).tolist()),
            mean=tuple(mean.tolist()),
            squares=tuple(squares.tolist()),
            gaps=tuple(a or b for a, b in zip(self.gaps, other.gaps, strict=True)),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """A panel's files.  arrays: those with a row per step, by the name of the panel's field.

    ends: (S,) up to which the rest was taken.  steps: (S,) observed steps, with a value in any channel.
    count, base, mean, squares: (S, C) as in ``scaling.Statistics``.  past: of the rows up to ``ends``; future: of all.
    """

    folder: Path
    arrays: Mapping[str, NDArray[Any]]
    ends: Ints
    steps: Ints
    count: Ints
    base: Floats
    mean: Floats
    squares: Floats
    past: Moments
    future: Moments
    fingerprint: str
    _touched: list[int] = field(default_factory=lambda: [0])

    def take(self, name: str, rows: Ints) -> NDArray[Any]:
        """Rows (M,), or B stretches (B, M) of rising numbers, of an array, copied: (…, K)."""
        array = self.arrays[name]
        taken = np.empty((*rows.shape, array.shape[1]), array.dtype)
        if not taken.size:
            return taken
        for first in range(0, len(rows), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            self._take(array, rows[some], taken[some])
        return taken

    def _take(self, array: NDArray[Any], rows: Ints, out: NDArray[Any]) -> None:
        """Let go whenever as much as may lie in memory was touched."""
        touched = self._reach(rows, array.itemsize * array.shape[1]).cumsum()
        first = 0
        while first < len(rows):
            done = touched[first - 1] if first else 0
            last = max(int(np.searchsorted(touched, done + RESIDENT, side="right")), first + 1)
            np.take(np.asarray(array), rows[first:last], axis=0, out=out[first:last], mode="clip")
            self._touched[0] += int(touched[last - 1] - done)
            if self._touched[0] > RESIDENT:
                self.release()
            first = last

    def _reach(self, rows: Ints, width: int) -> Ints:
        """Bytes that the system maps for each row, or for each stretch."""
        if rows.ndim > 1:
            return np.asarray(_AROUND + (rows[:, -1] - rows[:, 0] + 1) * width)
        places = rows * width // _AROUND
        return np.where(np.diff(places, prepend=-1) != 0, _AROUND + width, 0)

    def release(self) -> None:
        """Let go of the pages that this process holds; the system may still keep them for the next reader."""
        self._touched[0] = 0
        for array in self.arrays.values():
            let_go(array)


def taken(array: NDArray[Any], rows: slice | NDArray[Any]) -> NDArray[Any]:
    """Some rows of a mapped array, copied, with no more of the rest in memory than is needed on the way."""
    if isinstance(rows, slice):
        found = np.array(array[rows])
        let_go(array)
        return found
    numbers = np.flatnonzero(rows) if rows.dtype == bool else rows
    found = np.empty((len(numbers), *array.shape[1:]), array.dtype)
    few = RESIDENT // _AROUND
    for first in range(0, len(numbers), few):
        found[first : first + few] = array[numbers[first : first + few]]
        let_go(array)
    return found


def let_go(array: NDArray[Any]) -> None:
    """Give back the memory through which a mapped array was read or written; what was written is not lost."""
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
