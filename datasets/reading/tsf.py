"""Monash ``.tsf`` files: series with attributes, one a line, as long frame id, time, target."""

from typing import Any, NoReturn

import numpy as np
import pandas as pd

from forecast.datasets.schema import Note
from forecast.datasets.source import Source
from forecast.errors import DataError

_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
_SECONDS = {
    "secondly": 1,
    "minutely": 60,
    "half_hourly": 1800,
    "hourly": 3600,
    "daily": 86400,
    "weekly": 604800,
}
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}


def read_tsf(text: str, *, file: str) -> tuple[pd.DataFrame, Source]:
    """Columns id, time, target and every further attribute, which are static.

    Time is a timestamp by the file's start and frequency, or an integer from 0 where the file lacks one of them.
    """
    attributes: list[tuple[str, str]] = []
    frequency = ""
    lines = text.splitlines()
    first = len(lines)
    for number, line in enumerate(lines):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].lower() == "@data":
            first = number + 1
            break
        if words[0].lower() == "@attribute" and len(words) >= 3:
            attributes.append((" ".join(words[1:-1]), words[-1].lower()))
        elif words[0].lower() == "@frequency" and len(words) > 1:
            frequency = words[1].lower()
        elif not words[0].startswith("@"):
            _fail(file, number + 1, "stands before @data")
    rows = [(n + 1, line) for n, line in enumerate(lines[first:], first) if line.strip() and line.lstrip()[0] != "#"]
    if not rows:
        raise DataError(f"{file} holds no series", "A .tsf file has one series a line after the line @data.", file=file)
    heads, values = _split(rows, len(attributes), file=file)
    return _long(attributes, heads, values, frequency, file=file, first_line=rows[0][0])


def _fail(file: str, row: int, what: str) -> NoReturn:
    remedy = "A .tsf file has its attributes, then @data, then one series a line: attributes:values."
    raise DataError(f"{file}: row {row} {what}", remedy, file=file, row=row)


def _split(rows: list[tuple[int, str]], count: int, *, file: str) -> tuple[list[list[str]], list[np.ndarray]]:
    heads, values = [], []
    for number, line in rows:
        head, found, tail = line.rpartition(":")
        cells = head.split(":")
        if not found or len(cells) != count:
            _fail(file, number, f"has {len(cells) if found else 0} attributes, @attribute names {count}")
        heads.append([cell.strip() for cell in cells])
        texts = tail.strip().rstrip(",").split(",")
        try:
            values.append(np.array(["nan" if cell.strip() in ("?", "NaN", "") else cell for cell in texts], np.float64))
        except ValueError as error:
            _fail(file, number, f"holds a value that is no number ({error})")
    return heads, values


def _long(
    attributes: list[tuple[str, str]],
    heads: list[list[str]],
    values: list[np.ndarray],
    frequency: str,
    *,
    file: str,
    first_line: int,
) -> tuple[pd.DataFrame, Source]:
    lengths = np.array([len(one) for one in values])
    offsets = np.concatenate([[0], lengths.cumsum()])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)  # (N,) steps since the start of its series
    table = {name: pd.Series([head[k] for head in heads]) for k, (name, _) in enumerate(attributes)}
    kinds = dict(attributes)
    starts = [table.pop(name) for name in kinds if kinds[name] == "date"]
    id_name = next((name for name in table if name.lower() in ("series_name", "id", "name")), next(iter(table), None))
    ids = table.pop(id_name) if id_name is not None else pd.Series([f"T{k + 1}" for k in range(len(values))])
    time, notes = _times(starts[0] if starts else None, frequency, within, lengths)
    columns: dict[str, Any] = {
        "id": ids.take(np.repeat(np.arange(len(values)), lengths)).to_numpy(),
        "time": time,
        "target": np.concatenate(values),
    }
    for name, column in table.items():
        column = pd.to_numeric(column, errors="coerce") if kinds[name] in ("numeric", "integer") else column
        columns[name] = column.take(np.repeat(np.arange(len(values)), lengths)).to_numpy()
    message = f"Monash file of {len(values)} series, {frequency or 'no frequency'} (id, time, target)"
    notes.insert(0, Note(topic="layout", message=message, count=len(values)))
    source = Source(
        time="time",
        id="id",
        target=("target",),
        static=tuple(table),
        file=file,
        first_line=first_line,
        notes=tuple(notes),
    )
    return pd.DataFrame(columns), source


def _times(starts: pd.Series | None, frequency: str, within: np.ndarray, lengths: np.ndarray) -> tuple[Any, list[Note]]:
    """(N,) timestamps, or integers with the reason why."""
    months, seconds = _MONTHS.get(frequency), _SECONDS.get(frequency)
    if "_" in frequency and seconds is None:
        number, unit = frequency.split("_", 1)
        seconds = int(number) * _UNITS[unit] if number.isdigit() and unit in _UNITS else None
    dates = None if starts is None else pd.to_datetime(starts, format="%Y-%m-%d %H-%M-%S", errors="coerce")
    if dates is None or dates.isna().any() or (months is None and seconds is None):
        lacking = "start" if dates is None or dates.isna().any() else f"frequency that is known ({frequency!r})"
        return within, [Note(topic="role", message=f"time counts the steps from 0: the file holds no {lacking}")]
    first = np.repeat(dates.to_numpy("datetime64[us]"), lengths)
    if seconds is not None:
        return first + within * np.timedelta64(seconds, "s"), []
    assert months is not None
    month = first.astype("datetime64[M]")
    later = month + within * np.timedelta64(months, "M")
    room = (later + np.timedelta64(1, "M")).astype("datetime64[D]") - later.astype("datetime64[D]")
    date = first.astype("datetime64[D]")
    day = np.minimum(date - month.astype("datetime64[D]"), room - np.timedelta64(1, "D"))  # the 31st, or the last
    return (later.astype("datetime64[D]") + day).astype("datetime64[us]") + (first - date.astype("datetime64[us]")), []
