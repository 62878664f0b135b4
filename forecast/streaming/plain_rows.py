"""The next steps of a stream as plain numbers: no frame is made, no column is guessed.

Dimension key: S series, G some of them, n steps, C channels, K columns.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.roles import id_parts
from forecast.datasets.rows.values import LARGEST
from forecast.errors import ConfigError, DataError, unknown_name
from forecast.streaming.tape import Tape


def from_array(tape: Tape, values: Any) -> Panel:
    """Targets of the next steps: (n, S·C), time along the first axis as in the data; flat ones are one step of S·C
    values, or n steps of the only one.  NaN is an unobserved step."""
    schema, channels = tape.schema, len(tape.schema.target)
    if schema.past or schema.past_codes:
        raise ConfigError(
            "plain numbers are targets, and this forecaster reads past covariates too",
            "Give a mapping of column names to values, or a frame.",
        )
    table = numbers(values, "the new row")
    each = len(tape) * channels
    if table.ndim < 2:
        table = table.reshape(-1, each) if table.size == each or each == 1 else table[None]
    if table.ndim > 2 or table.shape[1] != each or not len(table):
        raise ConfigError(
            f"new values of shape {np.shape(values)} do not fit {len(tape)} series of {channels} channels",
            f"Give {each} values for one step, or a row of {each} for each of several steps.",
        )
    target = table.reshape(len(table), len(tape), channels).swapaxes(0, 1).reshape(-1, channels)
    return _panel(tape, np.arange(len(tape)), len(table), target=target)


def from_mapping(tape: Tape, row: Mapping[Any, Any], *, time: Any = None) -> Panel:
    """One row of the data: column names with a value, or with one value per series.

    The time may be left out: it is the step after the end.  The id may be left out where there is one series, or where
    every column has a value for each series in the stream's order.
    """
    schema, given = tape.schema, dict(row)
    time = given.pop(schema.time, time) if schema.time is not None else time
    if schema.shape == "wide":
        series = _series(tape, list(given))
        if not len(series):
            raise DataError("the new row has no value of any series", f"Give one, such as of {tape.ids[0]!r}.")
        target = _column(list(given.values()), len(series), "target")[:, None]
        return _panel(tape, series, 1, target=target, time=time)
    names = _names(schema.id, given)
    series = np.arange(len(tape)) if names is None else _series(tape, names)
    if names is None and len(tape) > 1 and any(np.ndim(given.get(name, 0)) == 0 for name in schema.target):
        raise DataError(
            f"the new row does not say which of {len(tape)} series it continues", f"Give its {schema.id or 'id'!r} too."
        )
    known = {*schema.target, *schema.past, *schema.past_codes, *schema.future, *schema.future_codes}
    known |= {*schema.static, *schema.static_codes, *schema.ignored}
    for name in given:
        if name not in known:
            raise unknown_name("column", name, known)
    columns: dict[str, np.ndarray] = {}
    for kind in ("target", "past", "past_codes", "future", "future_codes"):
        parts = [_values(schema.categories, given, name, len(series), kind) for name in getattr(schema, kind)]
        if parts:
            columns[kind] = np.stack(parts, axis=1)
    panel = _panel(tape, series, 1, time=time, **columns)
    constant: dict[str, Any] = {}
    for kind in ("static", "static_codes"):
        constant[kind] = getattr(panel, kind).copy()
        for k, name in enumerate(getattr(schema, kind)):
            if name in given:
                constant[kind][:, k] = _values(schema.categories, given, name, len(series), kind)
    return replace(panel, **constant)


def _names(column: str | None, given: dict[str, Any]) -> list[Any] | None:
    """The series of a mapping by its id, which may be made of several columns, taken out of it; None without."""
    parts = id_parts(column)
    if not parts or not all(part in given for part in parts):
        return None
    values = [given.pop(part) for part in parts]
    rows = list(zip(*([value] if np.ndim(value) == 0 else value for value in values), strict=False))
    return [row[0] if len(row) == 1 else ",".join(map(str, row)) for row in rows]


def _values(
    categories: Mapping[str, tuple[str, ...]], given: Mapping[str, Any], name: str, count: int, kind: str
) -> np.ndarray:
    """(G,) one column of a mapping.  What is known ahead may have been given before; all else has to be there."""
    if name not in given:
        if not kind.startswith("future"):
            raise DataError(f"the new row has no {name!r}", "Give a value, or NaN where there is none.", column=name)
        return np.zeros(count, np.int64) if kind == "future_codes" else np.full(count, np.nan)
    if name not in categories:
        return _column(given[name], count, name)
    values = [given[name]] * count if np.ndim(given[name]) == 0 else list(given[name])
    codes = {text: code for code, text in enumerate(categories[name], 1)}
    return np.array([0 if value is None else codes.get(str(value), 0) for value in values], np.int64)


def _column(values: Any, count: int, name: str) -> Floats:
    column = numbers(values, f"column {name!r}")
    if column.ndim > 1 or column.size not in (1, count):
        raise DataError(f"column {name!r} has {column.size} values for {count} series", "Give one for each series.")
    return np.broadcast_to(column.ravel(), count)


def numbers(values: Any, what: str) -> Floats:
    """Values as float64, NaN where missing; ``DataError`` for text, infinities and what is too large to square."""
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{what} holds something that is no number: {values!r}", "Give numbers.") from None
    if (np.abs(found) > LARGEST).any():
        raise DataError(f"{what} holds a value that is infinite or too large: {values!r}", "Correct the value.")
    return found


def _series(tape: Tape, names: list[Any]) -> Ints:
    place = np.asarray(tape.ids.get_indexer(pd.Index(names)), dtype=np.int64)
    if (place < 0).any():
        raise DataError(
            f"series {names[int(place.argmin())]!r} is not in this stream",
            "Begin a stream with a frame that holds it: forecaster.stream(frame).",
        )
    if len(np.unique(place)) < len(place):
        raise DataError("a series is named twice in one new row", "Give one row of each series, or a frame.")
    return place


def _panel(tape: Tape, series: Ints, steps: int, *, time: Any = None, **columns: np.ndarray) -> Panel:
    """Rows of ``steps`` steps behind each of some series, which all move the end."""
    starts = tape.next[series]
    if time is not None:
        steps_given = [_step(tape, time)] if np.ndim(time) == 0 else [_step(tape, one) for one in time]
        starts = np.asarray(_column(steps_given, len(series), "time"), np.int64)
    each = np.full(len(series), steps)
    return tape.labelled(series, starts, each, each, **columns)


def _step(tape: Tape, time: Any) -> int:
    """The step of one time."""
    timeline = tape.timeline
    try:
        if timeline.integers:
            return int(timeline.steps(pd.Index([int(time)]))[0])
        stamp = pd.Timestamp(time)
    except (TypeError, ValueError):
        raise DataError(f"{time!r} is no time", "Write it as in the data, or leave it out.") from None
    if timeline.timezone is None and stamp.tz is not None:
        raise DataError(f"time {time} has a zone, the data have none", "Leave the zone out.")
    if timeline.timezone is not None and stamp.tz is None:
        stamp = stamp.tz_localize(timeline.timezone)
    return int(timeline.steps(pd.DatetimeIndex([stamp]))[0])
