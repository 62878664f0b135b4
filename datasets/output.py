"""Forecasts as the user's own kind of frame.

Dimension key: S series, H horizon, C channels, Q levels.
"""

import re
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Schema
from forecast.errors import DataError

SERIES = "series"  # the id column of an answer whose input had none
FORECAST = "forecast"
PATH = "path"  # the number of a sample, from 1
CHANNEL = "target"  # says which target a row is of, where there are several
_LEVEL = re.compile(r"q0?\.\d+|q\d(\.\d+)?e-\d+")
ONE_ARRAY = "y"  # the id of a one-dimensional array's series; the columns of a two-dimensional one are numbered


def level_name(level: float) -> str:
    """The column of one quantile level: q0.05, q0.5."""
    return "q" + format(level, "g")


def level_of(column: str) -> float | None:
    """The level that a column is named by, None for any other column."""
    return float(column[1:]) if _LEVEL.fullmatch(column) else None


def require_free_names(schema: Schema) -> None:
    """``DataError`` where the time or id column has a name that a forecast gives to a column of its own."""
    own = {FORECAST, *({CHANNEL} if len(schema.target) > 1 else ())}
    times = [schema.time or ""]
    ids = [part.strip() for part in (schema.id or SERIES).split(",")]
    for role, names, taken in (("time", times, {*own, *ids}), ("id", ids, own)):
        for name in names:
            if name in taken or _LEVEL.fullmatch(name):
                cause = f"the {role} column is called {name!r}, as one of the forecasts' own columns is"
                raise DataError(cause, "Rename it.", column=name)


def to_frame(
    panel: Panel, values: Floats, levels: tuple[float, ...] | None = None, *, horizon: int
) -> pd.DataFrame | pd.Series | np.ndarray:
    """Forecasts of the ``horizon`` steps after each series' end.

    values: (S, H, C, 1 + Q) in the user's units: [..., 0] the point, the rest the levels, in the order of ``levels``.
    Without levels: points in the shape of the input.  With levels: a long frame id, time, ``target`` where C > 1,
    ``forecast``, one column per level; sorted by series (in the panel's order), target, time.
    """
    steps = (panel.starts + panel.ends)[:, None] + np.arange(horizon)  # (S, H)
    if levels is not None:
        return _with_levels(panel, values, levels, steps)
    points = np.asarray(values[..., 0], np.float64)  # (S, H, C)
    shape = panel.schema.shape
    if shape == "array":
        one = len(panel) == 1 and str(panel.ids[0]) == ONE_ARRAY
        return points[0, :, 0] if one else points[:, :, 0].T
    if shape == "series":
        name = panel.schema.target[0] if panel.schema.target else ""
        index = _index(panel, panel.timeline.times(steps[0]))
        return pd.Series(points[0, :, 0], index=index, name=panel.ids[0] if name else None)
    if shape == "wide":
        return _wide(panel, points[:, :, 0], steps)
    return _long(panel, points, steps)


def _index(panel: Panel, times: pd.Index) -> pd.Index:
    return times.rename(panel.schema.time)


def _ids(panel: Panel, repeats: int) -> dict[str, Any]:
    """Id columns of a long answer, each id ``repeats`` times; an id of several columns goes back into them."""
    name = panel.schema.id or SERIES
    parts = [part.strip() for part in name.split(",")]
    if len(parts) > 1:
        texts = pd.Series(panel.ids.astype(str)).str.split(",", expand=True)
        if texts.shape[1] == len(parts):
            columns = {part: _narrow(texts[k]) for k, part in enumerate(parts)}
            return {part: column.repeat(repeats) for part, column in columns.items()}
    return {name: panel.ids.repeat(repeats)}


def _narrow(texts: pd.Series) -> pd.Index:
    """Whole numbers where all texts are, written as numbers are."""
    numbers = pd.to_numeric(texts, errors="coerce")
    whole = (
        numbers.notna().all()
        and bool((numbers % 1 == 0).all())
        and (numbers.astype("int64").astype(str) == texts).all()
    )
    return pd.Index(numbers.astype("int64") if whole else texts)


def _long(panel: Panel, points: Floats, steps: np.ndarray) -> pd.DataFrame:
    """points (S, H, C): columns id (if there is one), time, the targets by name."""
    schema = panel.schema
    times = panel.timeline.times(steps.ravel())
    columns: dict[str, Any] = {} if schema.id is None else _ids(panel, steps.shape[1])
    indexed = schema.indexed and schema.id is None
    if not indexed:
        columns[schema.time or "time"] = times
    for c, name in enumerate(schema.target):
        columns[name] = points[:, :, c].ravel()
    return pd.DataFrame(columns, index=_index(panel, times)) if indexed else pd.DataFrame(columns)


def _wide(panel: Panel, points: Floats, steps: np.ndarray) -> pd.DataFrame:
    """points (S, H): a column per series, rows from the first to the last step of any of them."""
    first = int(steps.min())
    table = np.full((int(steps.max()) - first + 1, len(panel)), np.nan)
    table[steps - first, np.arange(len(panel))[:, None]] = points
    seen = np.zeros(len(table), bool)
    seen[(steps - first).ravel()] = True
    times = panel.timeline.times(np.flatnonzero(seen) + first)
    frame = pd.DataFrame(table[seen], columns=panel.ids.rename(None))
    if panel.schema.indexed:
        return frame.set_axis(_index(panel, times), axis=0)
    frame.insert(0, panel.schema.time or "time", times)
    return frame


def _with_levels(panel: Panel, values: Floats, levels: tuple[float, ...], steps: np.ndarray) -> pd.DataFrame:
    count, horizon, channels = values.shape[:3]
    table = values.transpose(0, 2, 1, 3).reshape(count * channels * horizon, -1)  # rows by series, target, time
    every = np.broadcast_to(steps[:, None, :], (count, channels, horizon)).ravel()
    columns = _ids(panel, channels * horizon)
    columns[panel.schema.time or "time"] = panel.timeline.times(every)
    if channels > 1:
        columns[CHANNEL] = np.tile(np.repeat(np.asarray(panel.schema.target, dtype=object), horizon), count)
    numbers = dict(zip((FORECAST, *map(level_name, levels)), table.T, strict=True))
    return pd.DataFrame({**columns, **numbers})


def samples_to_frame(panel: Panel, values: Floats) -> pd.DataFrame:
    """Sampled paths of the steps after each series' end as a long frame.

    values: (S, n, H, C) in the user's units.  Columns id, time, ``target`` where C > 1, ``path`` (1 to n) and
    ``forecast``; sorted by series (in the panel's order), target, path, time.
    ``DataError`` where the time or id column is called ``path``.
    """
    schema, (count, paths, horizon, channels) = panel.schema, values.shape
    for role, name in (("time", schema.time or ""), ("id", schema.id or SERIES)):
        if PATH in [part.strip() for part in name.split(",")]:
            raise DataError(f"the {role} column is called {PATH!r}, as the samples' own is", "Rename it.", column=PATH)
    steps = (panel.starts + panel.ends)[:, None] + np.arange(horizon)  # (S, H)
    every = np.broadcast_to(steps[:, None, None], (count, channels, paths, horizon)).ravel()
    columns = _ids(panel, channels * paths * horizon)
    columns[schema.time or "time"] = panel.timeline.times(every)
    if channels > 1:
        columns[CHANNEL] = np.tile(np.repeat(np.asarray(schema.target, dtype=object), paths * horizon), count)
    columns[PATH] = np.tile(np.repeat(np.arange(1, paths + 1), horizon), count * channels)
    columns[FORECAST] = values.transpose(0, 3, 1, 2).ravel()
    return pd.DataFrame(columns)
