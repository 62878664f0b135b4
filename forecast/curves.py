"""What a picture of a forecast shows of a series, apart from how it is drawn.

Dimension key: T shown steps, H horizon, Q levels, S series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel

LEAST_SHOWN = 48  # steps of history, where there are so many
NAME_LENGTH = 48


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A forecast over some steps.  times: (H,).  values: (H, 1 + Q), the point forecast first."""

    times: pd.Index
    values: Floats

    def band(self, coverage: float, levels: Sequence[float]) -> tuple[Floats, Floats] | None:
        """Lower and upper edge of the interval of that probability mass, (H,) each; None outside the levels.

        Edges between two levels are interpolated, which keeps their order.
        """
        low, high = (1 - coverage) / 2, (1 + coverage) / 2
        if len(levels) < 2 or low < levels[0] - 1e-9 or high > levels[-1] + 1e-9:
            return None
        rows = [np.interp((low, high), levels, row) for row in self.values[:, 1:]]
        edges = np.asarray(rows).reshape(-1, 2)
        return edges[:, 0], edges[:, 1]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One series in a picture.

    times, values: (T,) its recent history, NaN where unobserved.  ahead: the forecast after it.
    folds: forecasts of the backtest, made without the rows they are compared with, oldest first.
    error: MASE of the backtest, where it could be computed.  why: what made this series one of the selected.
    """

    name: str
    times: pd.Index
    values: Floats
    ahead: Stretch
    levels: tuple[float, ...]
    folds: tuple[Stretch, ...] = ()
    error: float | None = None
    why: str = ""


def curve_of(
    panel: Panel,
    s: int,
    channel: int,
    values: Floats,
    levels: tuple[float, ...],
    *,
    season: int,
    folds: Sequence[tuple[int, Floats]] = (),
    error: float | None = None,
    why: str = "",
    shown: int | None = None,
) -> Curve:
    """Series ``s`` with its forecast ``values`` (H, 1 + Q) and folds (first row, (H, 1 + Q)) in the panel's times."""
    end, horizon = int(panel.ends[s]), len(values)
    first = max(0, end - (shown or steps_shown(horizon, season=season, folds=len(folds))))
    rows = np.arange(first, end)
    offset = int(panel.offsets[s])
    return Curve(
        name=label(panel, s, channel),
        times=times_of(panel, s, rows),
        values=np.asarray(panel.target[offset + first : offset + end, channel], dtype=np.float64),
        ahead=Stretch(times=times_of(panel, s, np.arange(end, end + horizon)), values=values),
        levels=levels,
        folds=tuple(
            Stretch(times=times_of(panel, s, np.arange(row, row + len(made))), values=made)
            for row, made in folds
            if row >= first
        ),
        error=error,
        why=why,
    )


def steps_shown(horizon: int, *, season: int, folds: int) -> int:
    """Steps of history that put a forecast in proportion: four horizons, two seasons, and the backtested stretch."""
    return max(4 * horizon, 2 * season if season <= 400 else 0, min(folds + 1, 6) * horizon, LEAST_SHOWN)


def times_of(panel: Panel, s: int, rows: Ints) -> pd.Index:
    """The times of rows of series ``s``, those after its last row included; aware times become local clock times."""
    return local_times(panel.timeline.times(panel.starts[s] + rows))


def local_times(times: pd.Index) -> pd.Index:
    """Times without a zone, as the clock on the wall shows them."""
    if isinstance(times, pd.DatetimeIndex) and times.tz is not None:
        return times.tz_localize(None)
    return times


def label(panel: Panel, s: int, channel: int = 0) -> str:
    """What to call a channel of a series in a picture: its id, its target column, or both."""
    schema = panel.schema
    column = schema.target[channel] if channel < len(schema.target) else ""
    single = schema.id is None and schema.shape != "wide" and len(panel) == 1
    parts = [column or str(panel.ids[s])] if single else [str(panel.ids[s]), column if panel.channels > 1 else ""]
    return short(" · ".join(part for part in parts if part))


def short(name: Any, length: int = NAME_LENGTH) -> str:
    """A user's name on one line of bounded length."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(name)).split())
    return text if len(text) <= length else f"{text[: length - 1]}…"


def select_series(panel: Panel, errors: Floats, *, most: int) -> list[tuple[int, str]]:
    """Up to ``most`` series and why each was chosen: the largest, typical and worst ones of a panel.

    errors: (S,) MASE of each series in the backtest, NaN where unknown.
    """
    if len(panel) <= most:
        return [(s, "") for s in range(len(panel))]
    each = most // 3
    chosen: dict[int, str] = {}
    sizes = level_of(panel)
    known = np.flatnonzero(np.isfinite(errors))
    typical = (
        known[np.argsort(np.abs(errors[known] - np.median(errors[known])), kind="stable")] if len(known) else known
    )
    worst = known[np.argsort(-errors[known], kind="stable")]
    _take(chosen, np.argsort(-sizes, kind="stable"), most - 2 * each, "large")
    _take(chosen, typical, each, "typical")
    _take(chosen, worst, each, "worst")
    _take(chosen, np.arange(len(panel)), most - len(chosen), "")
    return list(chosen.items())


def _take(chosen: dict[int, str], ranked: Ints, count: int, why: str) -> None:
    fresh = [int(s) for s in ranked[: count + len(chosen)] if int(s) not in chosen]
    chosen.update(dict.fromkeys(fresh[:count], why))


def level_of(panel: Panel) -> Floats:
    """(S,) mean absolute target of each series over its observed steps; 0 for one without any."""
    size = np.nan_to_num(np.abs(panel.target.astype(np.float64, copy=False))).sum(1)
    seen = np.isfinite(panel.target).sum(1)
    first = panel.offsets[:-1]
    sums = np.add.reduceat(np.append(size, 0.0), first)[: len(panel)]
    counts = np.add.reduceat(np.append(seen, 0), first)[: len(panel)]
    sums[panel.lengths == 0] = 0
    return np.asarray(sums / np.maximum(counts, 1))
