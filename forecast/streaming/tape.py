"""The rows that a stream holds: the lookback before each series' anchor, what came since, and what is known ahead.

Dimension key: S series, G some of them, L lookback, W columns of the tape, C channels, K columns of any kind, N rows.
"""

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.joining import require_future
from forecast.datasets.panel import Panel
from forecast.datasets.rows.ahead import extend
from forecast.datasets.scaling import Statistics, series_statistics
from forecast.datasets.windows import SCALE_FLOOR
from forecast.estimators.anchored import FAR, NEVER, steps_until_anchor

EMPTY: dict[str, float] = {"target": np.nan, "past": np.nan, "past_codes": 0, "future": np.nan, "future_codes": 0}
AHEAD = ("future", "future_codes")


class Tape:
    """Rows as they were given, in packed columns: column j of series s stands for grid step ``base[s] + j``.

    A series' anchor is the end of column L − 1 and its end that of column L + age − 1.  Columns before ``first`` lie
    before its first row, those from ``length`` on are not known yet.  Targets are in the transform's units.
    A new anchor comes after L steps, or earlier by the rules of ``estimators.anchored``: after ``wanted`` (S,) more
    observed steps, or after one outside of ``low`` … ``high`` (S, C).
    ``started``: (S,) the step of the first row that the stream has ever seen of each series.
    """

    def __init__(self, panel: Panel, *, lookback: int, horizon: int) -> None:
        self.lookback, self.horizon = lookback, horizon
        self.schema, self.timeline, self.ids = panel.schema, panel.timeline, panel.ids
        self.static, self.static_codes = panel.static, panel.static_codes
        self.started = panel.starts.copy()
        self.statistics: Statistics = series_statistics(panel)
        self.base = panel.starts + panel.ends - lookback
        self.age = np.zeros(len(panel), np.int64)
        self.first = np.maximum(lookback - panel.ends, 0)
        self.length = lookback + panel.lengths - panel.ends
        width = max(2 * lookback + horizon, int(self.length.max(initial=0)))
        place = np.arange(width) + (panel.ends - lookback)[:, None]  # (S, W) row of the panel
        exists = (place >= 0) & (place < panel.lengths[:, None])
        rows = np.where(exists, panel.offsets[:-1, None] + place, 0)
        exists_up_to_end = exists & (np.arange(width) < lookback)
        self.columns: dict[str, NDArray[Any]] = {}
        for name, empty in EMPTY.items():
            values = np.asarray(getattr(panel, name))
            values = values.astype(np.int64 if name.endswith("codes") else np.float64, copy=False)
            shown = exists if name in AHEAD else exists_up_to_end
            self.columns[name] = np.where(shown[..., None], values[rows], empty).astype(values.dtype)
        self.wanted = np.zeros(len(panel), np.int64)
        self.low, self.high = (np.zeros((len(panel), panel.channels)) for _ in range(2))
        self._judge(np.arange(len(panel)))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def next(self) -> Ints:
        """(S,) the step after each series' end."""
        return self.base + self.lookback + self.age

    def panel(self, chosen: Ints, *, first: Ints | None = None, ends: Ints | None = None) -> Panel:
        """Some series from column ``first`` on, by default from their first row, as known at ``ends`` (their end)."""
        first = self.first[chosen] if first is None else first[chosen]
        ends = (self.lookback + self.age)[chosen] if ends is None else ends[chosen]
        length = self.length[chosen]
        column = np.arange(self.columns["target"].shape[1])
        kept = (column >= first[:, None]) & (column < length[:, None])
        parts = {name: values[chosen][kept] for name, values in self.columns.items()}
        return self.labelled(chosen, self.base[chosen] + first, length - first, ends - first, **parts)

    def heads(self, chosen: Ints) -> Panel:
        """A panel without rows that ends where some series end: what a frame of forecasts is labelled by."""
        none = np.zeros(len(chosen), np.int64)
        empty = {name: values[0, :0] for name, values in self.columns.items()}
        return self.labelled(chosen, self.next[chosen], none, none, **empty)

    def labelled(self, chosen: Ints, starts: Ints, lengths: Ints, ends: Ints, **columns: Any) -> Panel:
        """A panel of some series with these rows, packed; kinds of columns that are not given are empty."""
        count = int(lengths.sum())
        for name, values in self.columns.items():
            if name not in columns:
                columns[name] = np.full((count, values.shape[2]), EMPTY[name], values.dtype)
        return Panel(
            schema=self.schema,
            timeline=self.timeline,
            ids=self.ids if len(chosen) == len(self) and (np.diff(chosen) > 0).all() else self.ids[chosen],
            starts=starts,
            offsets=np.concatenate([[0], np.cumsum(lengths)]),
            ends=ends,
            static=self.static[chosen],
            static_codes=self.static_codes[chosen],
            **columns,
        )

    # ------------------------------------------------------------------ what comes

    def with_ahead(self, future_data: object) -> "Tape":
        """A tape with more of the covariates known ahead, from a second file or frame; this one stays as it is.

        Raises ``DataError`` as ``extend`` does: missing columns, times off the grid, values that contradict.
        """
        everything = np.arange(len(self))
        longer = extend(self.panel(everything, first=self.lookback + self.age), future_data)
        other = copy(self)
        other.length = self.lookback + self.age + longer.lengths
        other.columns = dict(self.columns)
        other._make_room(int(other.length.max()))
        owner = np.repeat(everything, longer.lengths)
        column = np.arange(len(owner)) - np.repeat(longer.offsets[:-1] - self.lookback - self.age, longer.lengths)
        for name in AHEAD:
            other.columns[name] = other.columns[name].copy()
            other.columns[name][owner, column] = getattr(longer, name)
        return other

    def require_ahead(self, chosen: Ints, ends: Ints, length: Ints) -> None:
        """``DataError`` unless the horizon after column ``ends`` (G,) is known, with columns up to ``length`` (G,)."""
        if not self.schema.future and not self.schema.future_codes:
            return
        panel = self.heads(chosen)
        offsets = np.concatenate([[0], np.cumsum(np.maximum(length - ends, 0))])
        require_future(replace(panel, offsets=offsets), self.horizon)

    def add(self, chosen: Ints, newer: Panel, gap: Ints) -> NDArray[np.bool_]:
        """Put rows behind some series, ``gap`` (G,) unobserved steps after their ends.

        newer: their rows, in the transform's units.  Returns which of the series (G,) have a new anchor.
        """
        began, steps = self.next[chosen] + gap, gap + newer.ends
        owner = np.repeat(np.arange(len(chosen)), newer.lengths)
        nth = np.arange(len(owner)) - newer.offsets[:-1][owner]
        passing = nth < newer.ends[owner]  # rows that move the end; those after them tell what is known ahead
        target = np.full((len(chosen), int(steps.max(initial=0)), newer.channels), np.nan)
        target[owner[passing], (gap[owner] + nth)[passing]] = newer.target[passing]
        fresh = self._advance(chosen, target, steps)
        rows, column = chosen[owner], began[owner] + nth - self.base[chosen][owner]
        self._make_room(int(column.max(initial=0)) + 1)
        for name, values in self.columns.items():
            if name != "target" and values.shape[2]:
                kept = (column >= 0) if name in AHEAD else (column >= 0) & passing
                found, given = (rows[kept], column[kept]), getattr(newer, name)[kept]
                values[found] = np.where(is_empty(given), values[found], given)
        self.length[chosen] = np.maximum(self.length[chosen], self.lookback + self.age[chosen])
        np.maximum.at(self.length, rows, column + 1)
        return fresh

    def _advance(self, chosen: Ints, target: Floats, steps: Ints) -> NDArray[np.bool_]:
        """Move the ends of some series by ``steps`` (G,) with these targets (G, N, C), from anchor to anchor."""
        seen = np.asarray(~np.isnan(target).all(axis=2))
        done, fresh = np.zeros(len(chosen), np.int64), np.zeros(len(chosen), bool)
        while (done < steps).any():
            due = self._next_anchor(chosen, target, seen, done)
            until = np.minimum(due, steps)
            first = self.lookback + self.age[chosen]
            owner, column = cells(np.arange(len(chosen)), first, first + until - done)
            place = (owner, column - (first - done)[owner])
            self.columns["target"][chosen[owner], column] = target[place]
            self.wanted[chosen] -= np.bincount(owner, seen[place], len(chosen)).astype(np.int64)
            self.age[chosen] += until - done
            moved = (until == due) & (done < steps)
            if moved.any():
                self._move(chosen[moved])
            fresh, done = fresh | moved, until
        return fresh

    def _next_anchor(self, chosen: Ints, target: Floats, seen: NDArray[np.bool_], done: Ints) -> Ints:
        """(G,) after how many of the new steps, of which ``done`` were taken, the next anchor comes."""
        ahead = np.arange(seen.shape[1]) >= done[:, None]
        enough = np.cumsum(seen & ahead, axis=1) >= self.wanted[chosen][:, None]
        beyond = (target < self.low[chosen][:, None]) | (target > self.high[chosen][:, None])
        enough |= beyond.any(axis=2) & ahead
        early = np.where(enough.any(1), enough.argmax(1) + 1, NEVER)
        latest: Ints = np.minimum(done + self.lookback - self.age[chosen], early)
        return latest

    def _move(self, chosen: Ints) -> None:
        """Put the anchors of some series at their ends, and take the rows since into the statistics of the series."""
        age, width = self.age[chosen].copy(), self.columns["target"].shape[1]
        rows = self.columns["target"][chosen, self.lookback : self.lookback + int(age.max())]
        self.statistics = joined(self.statistics, chosen, rows)
        for steps in np.unique(age).tolist():
            moved = chosen[age == steps]
            for name, values in self.columns.items():
                part = values[moved]
                values[moved, : width - steps] = part[:, steps:]
                values[moved, width - steps :] = EMPTY[name]
        self.base[chosen] += age
        self.first[chosen] = np.maximum(self.first[chosen] - age, 0)
        self.length[chosen] -= age
        self.age[chosen] = 0
        self._judge(chosen)

    def _judge(self, chosen: Ints) -> None:
        """What brings the next anchors of some series early, by what the lookback before the present ones shows."""
        before = self.columns["target"][chosen, : self.lookback]
        seen = ~np.isnan(before)
        observed = seen.any(axis=2).sum(1)
        self.wanted[chosen] = steps_until_anchor(observed, self.lookback)
        count = np.maximum(seen.sum(1), 1)  # (G, C)
        location = np.where(seen, before, 0.0).sum(1) / count
        spread = np.where(seen, before - location[:, None], 0.0)
        floor = SCALE_FLOOR * self.statistics.scale()[chosen]
        reach = np.where(seen.any(1), FAR * np.sqrt(np.square(spread).sum(1) / count + floor**2), np.inf)
        self.low[chosen], self.high[chosen] = location - reach, location + reach

    def _make_room(self, width: int) -> None:
        """At least ``width`` columns; new ones are empty."""
        missing = width - self.columns["target"].shape[1]
        if missing > 0:
            for name, values in self.columns.items():
                empty = np.full((len(self), missing, values.shape[2]), EMPTY[name], values.dtype)
                self.columns[name] = np.concatenate([values, empty], axis=1)


def cells(chosen: Ints, first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """(series, column), both (N,), of columns first … last − 1 (G,) of some series."""
    counts = np.maximum(last - first, 0)
    owner = np.repeat(np.arange(len(chosen)), counts)
    nth = np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
    return chosen[owner], first[owner] + nth


def is_empty(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where nothing is known: NaN, or code 0."""
    return np.asarray(values == 0 if values.dtype.kind == "i" else np.isnan(values))


def joined(before: Statistics, chosen: Ints, rows: Floats) -> Statistics:
    """The statistics once some series (G,) have these rows (G, N, C) more (Chan, Golub & LeVeque 1983)."""
    count, mean, squares = before.count.copy(), before.mean.copy(), before.squares.copy()
    seen = ~np.isnan(rows)
    more = seen.sum(1)  # (G, C)
    differences = np.where(seen, rows - before.base[chosen][:, None], 0.0)
    middle = differences.sum(1) / np.maximum(more, 1)
    spread = np.where(seen, differences - middle[:, None], 0.0)
    total = np.maximum(count[chosen] + more, 1)
    apart = middle - mean[chosen]
    squares[chosen] += np.square(spread).sum(1) + np.square(apart) * count[chosen] * more / total
    mean[chosen] += apart * more / total
    count[chosen] += more
    return Statistics(count=count, base=before.base, mean=mean, squares=squares)
