"""Location and scale of each series, and its targets in those units.

Dimension key: S series, N rows of all series together, C channels, M rows of a block.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel

BLOCK_ROWS = 1_000_000  # rows taken at a time, which bounds the float64 copies
ROUNDING = 1e-12  # of its level: a smaller deviation is a rounding error, and the series constant
CONSTANT = 1e-6  # of its level: the deviation of a constant series, whose forecasts then stay at that level
GRID = 1024  # steps per deviation to which training may round
_CANCELLED = 1e-6  # share of the squares that must be left when a tail's are taken off, or digits are lost


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistics:
    """Of each series (S, C), from its observed steps: how many there are, the first of them, the mean of the
    differences to it and the sum of their squares around that mean; all in float64.

    Differences to a value of the series are exact where sums of 1e9 are not.
    """

    count: Ints
    base: Floats
    mean: Floats
    squares: Floats

    @property
    def location(self) -> Floats:
        """(S, C) the mean."""
        return self.base + self.mean

    def scale(self, given: Floats | None = None) -> Floats:
        """(S, C) the deviation, never 0; what is ``given`` is taken where it is not NaN."""
        scale = np.sqrt(self.squares / np.maximum(self.count, 1))
        level = np.abs(self.location)
        scale = np.where(scale > ROUNDING * level, scale, CONSTANT * np.where(level > 0, level, 1.0))
        return scale if given is None else np.where(np.isnan(given), scale, given)


def series_statistics(panel: Panel, known: Ints | None = None) -> Statistics:
    """The statistics over rows [0, known) of each series, by default up to its end.

    Nothing after the first origin of a backtest then reaches a forecast through them.  Of a panel on disk only the
    rows between ``known`` and the series' stored end are read, and their share is taken off.
    """
    known = panel.ends if known is None else known
    if panel.on_disk is not None:
        return _without_tails(panel, known)
    parts = [_differences(panel, known, *part)[2] for part in blocks(panel.offsets, columns=panel.channels)]
    return _joined(parts, panel.channels)


def standardise(
    panel: Panel, known: Ints, given: Floats | None = None, *, centred: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Targets (N, C) in float32 with mean 0 and deviation 1 per series, the mask, and location and scale (S, C).

    In float64 until then: a level of 1e9 with variation 1 keeps all of its variation.  A scale that is ``given`` (S, C)
    is taken where it is not NaN.  Not ``centred``, they stay as they are, with location 0 and scale 1.
    """
    values = np.zeros(panel.target.shape, np.float32)
    observed = np.zeros(panel.target.shape, bool)
    location, scale = (np.zeros((len(panel), panel.channels)) for _ in range(2))
    for first, last in blocks(panel.offsets, columns=panel.channels):
        rows = slice(int(panel.offsets[first]), int(panel.offsets[last]))
        differences, observed[rows], found = _differences(panel, known, first, last)
        if not centred:
            values[rows] = np.where(observed[rows], panel.target[rows], 0)
            continue
        location[first:last] = found.location
        scale[first:last] = found.scale(None if given is None else given[first:last])
        values[rows] = differences / np.repeat(scale[first:last], panel.lengths[first:last], axis=0)
    return values, observed, location, scale if centred else np.ones_like(scale)


def blocks(offsets: Ints, *, columns: int = 1, rows: int | None = None) -> list[tuple[int, int]]:
    """(first, last) series of stretches of at most ``rows`` (``BLOCK_ROWS`` of so many columns together); a longer
    series is one of its own."""
    rows = rows or max(1, BLOCK_ROWS // max(columns, 1))
    found, first = [], 0
    while first < len(offsets) - 1:
        last = int(np.searchsorted(offsets, offsets[first] + rows, side="right")) - 1
        last = min(max(last, first + 1), len(offsets) - 1)
        found.append((first, last))
        first = last
    return found


def rounded(values: np.ndarray) -> np.ndarray:
    """Standardised values on a grid of small fractions of the deviation, in place, for training.

    The last bits of a level of 1e9 differ from those of the same series around 0, and two trainings that see them
    would drift apart.
    """
    np.multiply(values, GRID, out=values)
    np.divide(np.rint(values, out=values), GRID, out=values)
    return values


def _differences(panel: Panel, known: Ints, first: int, last: int) -> tuple[Floats, NDArray[np.bool_], Statistics]:
    """Of series first … last − 1: targets less their mean (M, C), 0 where unobserved, the mask, and the statistics."""
    begin = panel.offsets[first]
    lengths, ends, known = panel.lengths[first:last], panel.ends[first:last], known[first:last]
    starts = panel.offsets[first:last] - begin
    raw = panel.target[begin : panel.offsets[last]].astype(np.float64)
    position = np.arange(len(raw)) - np.repeat(starts, lengths)
    seen = ~np.isnan(raw) & (position < np.repeat(ends, lengths))[:, None]
    counted = seen & (position < np.repeat(known, lengths))[:, None] if (known < ends).any() else seen

    def sums(values: Floats) -> Floats:  # of values that are 0 where nothing was seen
        total: Floats = np.add.reduceat(values if counted is seen else np.where(counted, values, 0.0), starts, axis=0)
        return total

    count = np.add.reduceat(counted, starts, axis=0, dtype=np.int64)
    base = _first_seen(raw, seen, starts)
    raw = np.where(seen, raw - np.repeat(base, lengths, axis=0), 0.0)
    mean = sums(raw) / np.maximum(count, 1)
    centred = np.where(seen, raw - np.repeat(mean, lengths, axis=0), 0.0)
    squares = sums(np.square(centred))
    return centred, seen, Statistics(count=count, base=base, mean=mean, squares=squares)


def _first_seen(raw: np.ndarray, seen: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(S, C) the first observed value of each series, 0 where there is none."""
    if seen[starts].all():
        return np.ascontiguousarray(raw[starts])
    rows = np.arange(len(raw))[:, None]
    first = np.minimum.reduceat(np.where(seen, rows, len(raw)), starts, axis=0)
    found = np.take_along_axis(raw, np.minimum(first, len(raw) - 1), axis=0)
    return np.where(first < len(raw), found, 0.0)


def _joined(parts: list[Statistics], channels: int) -> Statistics:
    empty = np.zeros((0, channels))
    names = ("count", "base", "mean", "squares")
    joined = {name: np.concatenate([empty, *(getattr(part, name) for part in parts)]) for name in names}
    return Statistics(**joined | {"count": joined["count"].astype(np.int64)})


# ---------------------------------------------------------------------- panels on disk


def _without_tails(panel: Panel, known: Ints) -> Statistics:
    """The stored statistics less the rows from ``known`` to each series' stored end, by the formula for joining two
    samples (Chan, Golub and LeVeque 1983) solved for one of them."""
    stored = panel.on_disk
    assert stored is not None
    whole = Statistics(count=stored.count, base=stored.base, mean=stored.mean, squares=stored.squares)
    if np.array_equal(known, stored.ends):
        return whole
    tails = _joined([tail for _, tail in _tails(panel, known, whole.base)], panel.channels)
    left = whole.count - tails.count
    mean = (whole.count * whole.mean - tails.count * tails.mean) / np.maximum(left, 1)
    between = np.square(tails.mean - mean) * left * tails.count / np.maximum(whole.count, 1)
    squares = np.where(tails.count > 0, np.maximum(whole.squares - tails.squares - between, 0.0), whole.squares)
    doubtful = ((left == 0) | (squares < _CANCELLED * whole.squares)) & (tails.count > 0)
    found = Statistics(count=left, base=whole.base.copy(), mean=np.where(left > 0, mean, 0.0), squares=squares)
    _look_again(panel, known, np.flatnonzero(doubtful.any(axis=1)), found)
    return found


def _tails(panel: Panel, known: Ints, base: Floats) -> "list[tuple[Ints, Statistics]]":
    """Observed steps (any channel) and statistics of rows [known, stored end) of each series, block by block."""
    stored = panel.on_disk
    assert stored is not None
    counts = np.maximum(stored.ends - known, 0)
    bounds = np.concatenate([[0], counts.cumsum()])
    found = []
    for first, last in blocks(bounds, columns=panel.channels):
        part = counts[first:last]
        local = bounds[first:last] - bounds[first]
        rows = np.arange(part.sum()) + np.repeat(panel.offsets[first:last] + known[first:last] - local, part)
        raw = stored.take("target", rows).astype(np.float64)
        seen = ~np.isnan(raw)
        owner = np.repeat(np.arange(last - first), part)
        raw = np.where(seen, raw - base[first:last][owner], 0.0)
        count = _sums(owner, seen, last - first).astype(np.int64)
        mean = _sums(owner, raw, last - first) / np.maximum(count, 1)
        squares = _sums(owner, np.where(seen, np.square(raw - mean[owner]), 0.0), last - first)
        steps = np.bincount(owner, seen.any(axis=1), last - first).astype(np.int64)
        found.append((steps, Statistics(count=count, base=base[first:last], mean=mean, squares=squares)))
    return found


def _sums(owner: Ints, values: np.ndarray, count: int) -> np.ndarray:
    """(count, C) the sums of rows (M, C) by owner (M,)."""
    return np.stack([np.bincount(owner, column, count) for column in values.T], axis=1)


def _look_again(panel: Panel, known: Ints, chosen: Ints, found: Statistics) -> None:
    """Take the statistics of some series from all of their rows: too few digits were left."""
    for first in range(0, len(chosen), 256):
        few = chosen[first : first + 256]
        exact = series_statistics(panel.select(few), known[few])
        for name in ("count", "base", "mean", "squares"):
            getattr(found, name)[few] = getattr(exact, name)


def steps_behind(panel: Panel) -> Ints:
    """(S,) observed steps of a panel on disk between its ends and the stored ones."""
    stored = panel.on_disk
    assert stored is not None
    parts = [steps for steps, _ in _tails(panel, panel.ends, stored.base)]
    return np.concatenate([np.zeros(0, np.int64), *parts])
