"""Where each row of a frame of forecasts belongs: its series, its window, its step.

Dimension key: N rows of the frame, S series, W windows, H horizon, C channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Ints
from forecast.datasets.output import CHANNEL, FORECAST, SERIES, level_of
from forecast.datasets.panel import Panel
from forecast.datasets.times.clock import ticks_of
from forecast.errors import DataError

ACTUAL, FOLD = "actual", "fold"
OWN = (FOLD, "origin", CHANNEL, ACTUAL, FORECAST)  # what ``Backtest.frame`` calls no column of the user
IDS, TIMES, ORIGINS = (SERIES, "unique_id", "id"), ("time", "ds", "date"), ("origin", "cutoff")
MOST_EMPTY = 50  # places per forecast, in windows of different lengths
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the columns of a frame of forecasts are; None where there is none.  levels: by column, rising."""

    id: str | None
    time: str
    fold: str | None
    origin: str | None
    target: str | None
    forecast: str
    levels: dict[str, float]

    @classmethod
    def find(
        cls,
        frame: pd.DataFrame,
        roles: Mapping[str, Any],
        panel: Panel | None,
        *,
        forecast: str,
        origin: str | None,
    ) -> Self:
        """As named, else as the data name them, else as usual.  ``DataError`` where a column is missing."""
        names = (None, None) if panel is None else (panel.schema.id, panel.schema.time)
        id_, time = (None if name in OWN else name for name in names)
        needless = () if panel is not None and len(panel) > 1 else ("",)
        channels = CHANNEL in frame and (panel is None or panel.channels > 1)
        levels = {str(name): level for name in frame if (level := level_of(str(name))) is not None}
        _require_numbers(frame, forecast, *levels, *(() if panel is not None else (ACTUAL,)))
        other = {*OWN, *levels, forecast, origin}
        rest = [str(name) for name in frame if name not in other]
        dated = [name for name in rest if frame[name].dtype.kind == "M"]
        found = _first(frame, "time", roles.get("time"), (time, *TIMES, *dated[:1]))
        words = [name for name in rest if panel is None and name != found and frame[name].dtype.kind not in "fM"]
        return cls(
            id=_first(frame, "id", roles.get("id"), (id_, *IDS, *words[:1], *needless)) or None,
            time=found,
            fold=FOLD if FOLD in frame else None,
            origin=_first(frame, "origin", origin, (*ORIGINS, "")) or None,
            target=CHANNEL if channels else None,
            forecast=forecast,
            levels=dict(sorted(levels.items(), key=lambda pair: pair[1])),
        )


def _first(frame: pd.DataFrame, kind: str, named: str | None, usual: tuple[str | None, ...]) -> str:
    """The first of the names that is a column; an empty one stands for none, where none is needed."""
    wanted = [name for name in ((named,) if named else usual) if name is not None]
    found = next((name for name in wanted if not name or name in frame), None)
    if found is None:
        _require(frame, wanted[0], kind)
    return str(found)


def _require_numbers(frame: pd.DataFrame, *columns: str) -> None:
    for column in columns:
        _require(frame, column, "actuals" if column == ACTUAL else "forecast")
        if frame[column].dtype.kind not in "iufb":
            raise DataError(f"column {column!r} of the forecasts does not hold numbers", "Correct it.", column=column)


def _require(frame: pd.DataFrame, column: str, kind: str) -> None:
    if column not in frame:
        there = ", ".join(map(str, frame.columns))
        raise DataError(
            f"the forecasts have no column {column!r} for the {kind}", f"They have: {there}.", column=column
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Windows of a frame's rows, fold after fold, and the place of each row among their values.

    shape: (W, H, C).  fold, series, ends: (W,).  gap: rows from the origins to the first step that is forecast.
    cells: (N,) places in a flattened array of that shape; None where the rows stand in that order, all of them.
    """

    shape: tuple[int, int, int]
    fold: Ints
    series: Ints
    ends: Ints
    gap: int
    cells: Ints | None

    @classmethod
    def find(cls, frame: pd.DataFrame, names: Names, panel: Panel, *, history: bool) -> Self:
        """history: whether the panel holds more than the steps that are forecast; else a gap before these is not seen.

        Rows of a window mostly follow one another: all but the steps is worked out once for each such run.
        Raises ``DataError`` for rows of unknown series, off the grid, before their origin, or twice there.
        """
        series = _series(frame, names.id, panel)
        first = _runs(frame, names, series)  # (R,) the row with which each run begins
        lengths = np.diff(first, append=len(frame))
        of = series[first]
        key = _folds(frame, names, first) * len(panel) + of
        seen = np.bincount(key) > 0
        window, number = (np.cumsum(seen) - 1)[key], np.flatnonzero(seen)
        ahead = _steps(frame[names.time], panel, series)  # (N,) on the grid; in a moment, after the origin
        ends = _ends(frame, names, panel, first, ahead, window, of)
        ahead -= np.repeat(panel.starts[of] + ends[window], lengths)
        gap = int(ahead.min())
        if gap < 0:
            row = int(ahead.argmin())
            raise DataError(f"row {row} forecasts a time that is not later than its origin", "Correct it.", row=row)
        shape = len(number), int(ahead.max()) - gap + 1, panel.channels
        _require_dense(shape, len(frame))
        cells = ahead + np.repeat(window * shape[1] - gap, lengths)
        if names.target is not None:
            cells = cells * shape[2] + _channels(frame[names.target], panel)
        fold, of = np.divmod(number, len(panel))
        if not history:
            ends, gap = ends + gap, 0
        _require_known(panel, of, ends)
        return cls(shape=shape, fold=fold, series=of, ends=ends, gap=gap, cells=_require_once(cells, shape))

    def first(self, series: int) -> Ints:
        """(S,) the first origin of each series, 0 where it has none."""
        first = np.full(series, NEVER)
        np.minimum.at(first, self.series, self.ends)
        return np.where(first == NEVER, 0, first)

    def step(self) -> int:
        """The usual number of rows between the origins of a series; the horizon where each has one only."""
        order = np.lexsort((self.ends, self.series))
        apart = np.diff(self.ends[order])[np.diff(self.series[order]) == 0]
        return int(np.median(apart[apart > 0])) if (apart > 0).any() else self.shape[1]


def _series(frame: pd.DataFrame, id_: str | None, panel: Panel) -> Ints:
    """(N,) the series of each row."""
    if id_ is None:
        return np.zeros(len(frame), np.int64)
    codes, ids = pd.factorize(frame[id_])
    place = panel.ids.get_indexer(pd.Index(ids))
    if (place < 0).any():  # numbers in one of the two, and text in the other
        place = pd.Index(panel.ids.astype(str)).get_indexer(pd.Index(ids).astype(str))
    if (place < 0).any() or (codes < 0).any():
        unknown = ids[int(np.argmin(place))] if (place < 0).any() else None
        cause = f"series {unknown!r} of the forecasts is not among the actuals"
        raise DataError(cause, "Give the data of all series that are forecast.", series=unknown)
    return np.asarray(place[codes], np.int64)


def _runs(frame: pd.DataFrame, names: Names, series: Ints) -> Ints:
    """(R,) the rows before which the series, the fold or the origin changes."""
    told = [frame[name].to_numpy() for name in (names.fold, names.origin) if name is not None]
    changes = np.ones(len(series), bool)
    changes[1:] = series[1:] != series[:-1]
    for column in told:
        changes[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changes)


def _steps(times: pd.Series, panel: Panel, series: Ints) -> Ints:
    """(N,) the step on the panel's grid of each time."""
    codes, distinct = pd.factorize(times)
    if codes.min(initial=0) < 0:
        row = int(np.argmin(codes))
        raise DataError(f"row {row} of the forecasts has no {times.name}", "Fill it in.", row=row)
    if panel.timeline.rows is None:
        return np.asarray(_on_grid(distinct, panel, str(times.name))[codes])
    ticks = ticks_of(distinct, integers=panel.timeline.integers)[codes]  # rows have times of their own, by series
    moments, place = np.unique(np.concatenate([panel.timeline.rows.ticks, ticks]), return_inverse=True)
    owner = np.repeat(np.arange(len(panel)), panel.lengths)
    rows = pd.Index(owner * len(moments) + place[: len(owner)])
    found = rows.get_indexer(pd.Index(series * len(moments) + place[len(owner) :]))
    if (found < 0).any():
        row = int(np.argmin(found))
        raise DataError(f"time {times.iloc[row]} of row {row} is that of no row of the actuals", "Correct it.", row=row)
    return np.asarray(found - panel.offsets[series] + panel.starts[series])


def _on_grid(times: Any, panel: Panel, column: str) -> Ints:
    """Steps of distinct times; ``DataError`` where they are none, or lie off the grid."""
    try:
        return panel.timeline.steps(times)
    except DataError:
        raise
    except (ValueError, TypeError) as error:
        cause = f"column {column!r} of the forecasts does not hold times ({error})"
        raise DataError(cause, "Write them as the data do.", column=column) from None


def _folds(frame: pd.DataFrame, names: Names, first: Ints) -> Ints:
    """(R,) the fold of each run, from 0: by its column, else by origin, else all in one."""
    column = names.fold or names.origin
    if column is None:
        return np.zeros(len(first), np.int64)
    return np.asarray(pd.factorize(frame[column].iloc[first], sort=True)[0], np.int64)


def _ends(frame: pd.DataFrame, names: Names, panel: Panel, first: Ints, steps: Ints, window: Ints, of: Ints) -> Ints:
    """(W,) rows that each window knows: up to its origin, else up to its first forecast.

    first, window, of: (R,) first row, window and series of each run.  steps: (N,) of all rows.
    """
    ends = np.full(int(window.max()) + 1, NEVER)
    if names.origin is None:
        np.minimum.at(ends, window, np.minimum.reduceat(steps, first) - panel.starts[of])
        return ends
    last = _steps(frame[names.origin].iloc[first], panel, of) - panel.starts[of]
    ends[window] = last + 1
    if not np.array_equal(ends[window], last + 1):
        raise DataError("a fold has several origins of one series", f"Correct the column {FOLD!r}, or leave it out.")
    return ends


def _require_dense(shape: tuple[int, int, int], rows: int) -> None:
    """Refuse what takes far more places than there are forecasts: several windows were taken for one."""
    if np.prod(shape, dtype=np.float64) > MOST_EMPTY * (rows + 1_000):
        raise DataError(
            f"some windows span {shape[1]:,} steps, on average they hold {rows / shape[0]:,.0f} forecasts",
            f"Say which forecasts belong together, by a column {FOLD!r} or {ORIGINS[0]!r}.",
        )


def _require_known(panel: Panel, series: Ints, ends: Ints) -> None:
    outside = (ends < 0) | (ends > panel.lengths[series])
    if outside.any():
        worst = panel.ids[series[outside.argmax()]]
        cause = f"the actuals of series {worst!r} begin after an origin of its forecasts, or end before it"
        raise DataError(cause, "Give the actuals from before the first origin to the last.", series=worst)


def _channels(target: pd.Series, panel: Panel) -> Ints:
    """(N,) the target that each row is of."""
    codes, names = pd.factorize(target)
    place = pd.Index(panel.schema.target).get_indexer(pd.Index(names))
    if (place < 0).any():
        cause = f"target {names[int(np.argmin(place))]!r} of the forecasts is not among the actuals"
        raise DataError(cause, f"They have: {', '.join(panel.schema.target)}.", column=target.name)
    return np.asarray(place[codes], np.int64)


def _require_once(cells: Ints, shape: tuple[int, int, int]) -> Ints | None:
    """The cells, None where they are all there in order; ``DataError`` where two are the same."""
    size = int(np.prod(shape))
    if bool((cells[1:] > cells[:-1]).all()):
        return None if len(cells) == size else cells
    there = np.zeros(size, bool)
    there[cells] = True
    if np.count_nonzero(there) == len(cells):
        return cells
    row = int(np.flatnonzero(pd.Series(cells).duplicated())[0])
    raise DataError(
        f"row {row} forecasts a step that another row has forecast from the same origin",
        f"Tell them apart by a column {FOLD!r} or {ORIGINS[0]!r}, and evaluate one forecaster at a time.",
        row=row,
    )
