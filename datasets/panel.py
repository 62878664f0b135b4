"""Many series in a few arrays.

Dimension key: S series, N rows of all series together, C channels (target dimensions), P / F / K past / future / static
covariates.  Row i of series s lies at ``offsets[s] + i`` and stands for grid step ``starts[s] + i``: the grid has no
holes, a missing step is a row whose target is NaN.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.schema import Note, Schema
from forecast.datasets.stored import Stored
from forecast.datasets.timeline import Timeline


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """All series packed end to end.  Nothing in it is changed after it was built; cuts share its memory.

    ids: (S,) in order of first appearance.  starts: (S,).  offsets: (S + 1,).
    ends: (S,) rows of each series up to and including its last observed target; rows after it carry future covariates.
    target: (N, C), NaN where unobserved; float32 where the input was float32, else float64.
    past: (N, P), future: (N, F), static: (S, K): numeric covariates in float64, NaN where missing.
    past_codes, future_codes: (N, …), static_codes: (S, …): int64 category codes, 0 = unknown.
    stored: of a panel on disk, what is known of it; its arrays with N rows are then memory-mapped.
    """

    schema: Schema
    timeline: Timeline
    ids: pd.Index
    starts: Ints
    offsets: Ints
    ends: Ints
    target: Floats
    past: Floats
    future: Floats
    static: Floats
    past_codes: Ints
    future_codes: Ints
    static_codes: Ints
    notes: tuple[Note, ...] = ()
    stored: Stored | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def channels(self) -> int:
        return int(self.target.shape[1])

    @cached_property
    def lengths(self) -> Ints:
        """(S,) rows of each series, those after the last target included."""
        return np.diff(self.offsets)

    @property
    def on_disk(self) -> Stored | None:
        """What is known of the rows where they lie on disk as they are, at most cut; None for a panel in memory."""
        return self.stored if self.stored is not None and self.target is self.stored.arrays["target"] else None

    def series(self, s: int) -> Floats:
        """(ends[s], C): the target of series ``s`` up to its end, in the user's units."""
        return self.target[self.offsets[s] : self.offsets[s] + self.ends[s]]

    def cut(self, ends: Ints) -> "Panel":
        """The same panel as it was known when each series ended at ``ends`` (S,); covariates known ahead stay."""
        return replace(self, ends=np.minimum(ends, self.ends))

    def select(self, chosen: Ints) -> "Panel":
        """The panel of the series numbered ``chosen``, in that order, copied."""
        lengths = self.lengths[chosen]
        offsets = np.concatenate([[0], lengths.cumsum()])
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        return replace(
            self,
            ids=self.ids[chosen],
            starts=self.starts[chosen],
            offsets=offsets,
            ends=self.ends[chosen],
            target=self._rows("target", rows),
            past=self._rows("past", rows),
            future=self._rows("future", rows),
            static=self.static[chosen],
            past_codes=self._rows("past_codes", rows),
            future_codes=self._rows("future_codes", rows),
            static_codes=self.static_codes[chosen],
            timeline=self.timeline.select(rows),
            stored=None,
        )

    def _rows(self, name: str, rows: Ints) -> NDArray[Any]:
        """Rows of an array, copied."""
        array: NDArray[Any] = getattr(self, name)
        if self.stored is not None and array is self.stored.arrays[name]:
            return self.stored.take(name, rows)
        return array[rows]

    def between(self, first: int, last: int) -> "Panel":
        """The panel of series ``first`` … ``last − 1``, which shares this one's memory."""
        rows = slice(int(self.offsets[first]), int(self.offsets[last]))
        return replace(
            self,
            ids=self.ids[first:last],
            starts=self.starts[first:last],
            offsets=self.offsets[first : last + 1] - self.offsets[first],
            ends=self.ends[first:last],
            target=self.target[rows],
            past=self.past[rows],
            future=self.future[rows],
            static=self.static[first:last],
            past_codes=self.past_codes[rows],
            future_codes=self.future_codes[rows],
            static_codes=self.static_codes[first:last],
            timeline=self.timeline
            if self.timeline.rows is None
            else self.timeline.select(np.arange(*rows.indices(len(self.target)))),
            stored=None,
        )

    def tail(self, steps: int | Ints) -> "Panel":
        """The last ``steps`` (or (S,)) rows before each end, and all rows after it: the context of a forecast."""
        first = np.maximum(self.ends - steps, 0)
        lengths = self.lengths - first
        offsets = np.concatenate([[0], lengths.cumsum()])
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1] + first - offsets[:-1], lengths)
        return replace(
            self,
            starts=self.starts + first,
            offsets=offsets,
            ends=self.ends - first,
            target=self._rows("target", rows),
            past=self._rows("past", rows),
            future=self._rows("future", rows),
            past_codes=self._rows("past_codes", rows),
            future_codes=self._rows("future_codes", rows),
            timeline=self.timeline.select(rows),
            stored=None,
        )

    def with_target(self, target: Floats) -> "Panel":
        """The same panel with other target values (N, C), as a transform makes them."""
        return replace(self, target=target)
