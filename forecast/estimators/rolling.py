"""Forecasts longer than the trained horizon: block after block, each from simulated paths of the ones before.

Dimension key: W windows, H trained horizon, C channels, V levels, K paths.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.estimators.base import DEFAULT_LEVELS

PATHS = 25

Once = Callable[[Panel, Ints, Ints, tuple[float, ...]], Floats]


class Roller(Protocol):
    """What rolling needs to know of a forecaster."""

    horizon: int
    levels: tuple[float, ...] | None
    seed: int

    def _context_steps(self) -> int | None: ...


def roll_forward(
    once: Once, panel: Panel, series: Ints, ends: Ints, forecaster: Roller, *, horizon: int, levels: tuple[float, ...]
) -> Floats:
    """(W, horizon, C, 1 + V).  Points feed back points; levels come from ``PATHS`` paths, each fed back to itself.

    All paths begin with one forecast, and each takes one rank per block, so that a block that starts high stays high
    and the spread grows with each block.
    Past covariates are unobserved beyond the origin, covariates known ahead are read from the panel.
    """
    context = forecaster._context_steps() or int(ends.max())
    trained = _trained_levels(forecaster)
    asked = tuple(sorted({*levels, *trained})) if levels else ()
    first = once(panel, series, ends, asked)  # the block that all paths begin with, and the only one with own levels
    points = _roll(
        once, _windows_as_panel(panel, series, ends, context, horizon), first[..., 0], forecaster, horizon, ranks=None
    )
    if not levels:
        return points[..., None]
    generator = np.random.default_rng(forecaster.seed)
    blocks = -(-horizon // forecaster.horizon)
    ranks = np.stack([generator.permuted((np.arange(PATHS) + 0.5) / PATHS) for _ in range(blocks)])  # (blocks, K)
    ranks = np.tile(ranks, (1, len(series)))
    copies = np.repeat(np.arange(len(series)), PATHS)
    many = _windows_as_panel(panel, series[copies], ends[copies], context, horizon)
    begun = _at_rank(first[..., _columns(asked, trained)][copies], trained, ranks[0])
    paths = _roll(once, many, begun, forecaster, horizon, ranks=ranks)  # (W·K, H, C)
    paths = paths.reshape(len(series), PATHS, *paths.shape[1:])
    spread = np.moveaxis(np.quantile(paths, levels, axis=1), 0, -1)
    spread += (points - np.median(paths, axis=1))[..., None]  # around the points, so that the 0.5 level is the forecast
    spread[:, : forecaster.horizon] = first[..., _columns(asked, levels)]
    return np.concatenate([points[..., None], np.maximum.accumulate(spread, axis=-1)], axis=-1)


def _trained_levels(forecaster: Roller) -> tuple[float, ...]:
    """Those that the paths are made of; with a distribution, which has any level, many of them."""
    dense = () if getattr(forecaster, "distribution", None) is None else DEFAULT_LEVELS
    return tuple(sorted({*(forecaster.levels or ()), *dense, 0.5}))


def _columns(asked: tuple[float, ...], levels: tuple[float, ...]) -> list[int]:
    """Where ``levels`` stand in a forecast of the levels ``asked``, behind its points."""
    return [1 + asked.index(level) for level in levels]


def _roll(once: Once, panel: Panel, begun: Floats, forecaster: Roller, horizon: int, *, ranks: Floats | None) -> Floats:
    """Append block after block to a panel: (W, horizon, C).  begun: the first block, (W, trained horizon, C).

    ranks: (blocks, W) levels to take, or None for points.
    """
    trained = _trained_levels(forecaster)
    everything = np.arange(len(panel))
    origin = panel.offsets[:-1] + panel.ends
    target = panel.target.copy()
    target[origin[:, None] + np.arange(forecaster.horizon)] = begun
    for done in range(forecaster.horizon, horizon, forecaster.horizon):
        steps = min(forecaster.horizon, horizon - done)
        now = replace(panel, target=target, ends=panel.ends + done)
        if ranks is None:
            block = once(now, everything, now.ends, ())[:, :steps, :, 0]
        else:
            block = _at_rank(
                once(now, everything, now.ends, trained)[:, :steps, :, 1:], trained, ranks[done // forecaster.horizon]
            )
        target[(origin + done)[:, None] + np.arange(steps)] = block
    made: Floats = target[origin[:, None] + np.arange(horizon)]
    return made


def _at_rank(values: Floats, levels: tuple[float, ...], rank: Floats) -> Floats:
    """(W, H, C) from levels (W, H, C, Q): each window at its own rank (W,), held at the outermost levels."""
    known = np.array(levels)
    rank = rank.clip(known[0], known[-1])
    place = (np.searchsorted(known, rank, side="right") - 1).clip(0, max(len(known) - 2, 0))
    if len(known) == 1:
        return values[..., 0]
    share = ((rank - known[place]) / (known[place + 1] - known[place]))[:, None, None]
    low = np.take_along_axis(values, place[:, None, None, None], -1)[..., 0]
    high = np.take_along_axis(values, place[:, None, None, None] + 1, -1)[..., 0]
    taken: Floats = low + share * (high - low)
    return taken


def _windows_as_panel(panel: Panel, series: Ints, ends: Ints, context: int, horizon: int) -> Panel:
    """A panel with one series per window: its last ``context`` rows, then ``horizon`` rows without a target."""
    first = np.maximum(ends - context, 0)
    length = ends - first + horizon
    offsets = np.concatenate([[0], length.cumsum()])
    position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
    relative = position + np.repeat(first, length)
    owner = np.repeat(series, length)
    exists = relative < panel.lengths[owner]
    rows = panel.offsets[owner] + np.minimum(relative, panel.lengths[owner] - 1)
    known = relative < np.repeat(ends, length)
    return replace(
        panel,
        ids=panel.ids[series],
        starts=panel.starts[series] + first,
        offsets=offsets,
        ends=ends - first,
        target=np.where(known[:, None], panel.target[rows].astype(np.float64), np.nan),
        past=np.where(known[:, None], panel.past[rows], np.nan),
        past_codes=np.where(known[:, None], panel.past_codes[rows], 0),
        future=np.where(exists[:, None], panel.future[rows], np.nan),
        future_codes=np.where(exists[:, None], panel.future_codes[rows], 0),
        static=panel.static[series],
        static_codes=panel.static_codes[series],
        timeline=panel.timeline.select(rows),
    )
