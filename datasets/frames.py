"""Any accepted input as one pandas frame of plain columns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.files import read_file
from forecast.datasets.reading.dates import read_dates
from forecast.datasets.reading.tidy import tidy
from forecast.datasets.source import Source
from forecast.errors import DataError

_ACCEPTED = (
    "Give a path, a data frame (pandas, polars, pyarrow, ...), a Series, an array of one or two dimensions, or a list."
)


def as_frame(data: Any, y: Any = None) -> tuple[pd.DataFrame, Source]:
    """``data`` as plain columns with text names and a fresh row index, and how the user held it.

    data: path (``-``: standard input), frame of any library, Series, 1-D or 2-D array, list.  Dates are datetime64
    (aware where the data are), numbers numpy numbers, everything else text.  With ``y``: its columns are the target.
    Columns are shared with the user's, not copied: never write into them.
    Raises DataError for anything that cannot be read.
    """
    if data is None and y is not None:
        data, y = y, None
    frame, source = _held(data)
    if not len(frame.columns) or not len(frame):
        what = "columns" if not len(frame.columns) else "rows"
        raise DataError(f"the data have no {what}", "Give one row per time step.", file=source.file)
    frame, source = tidy(frame, source)
    return (frame, source) if y is None else _beside(frame, source, y)


def _held(data: Any) -> tuple[pd.DataFrame, Source]:
    """The data as a pandas frame, its index made columns, and how they were held."""
    if isinstance(data, str | Path) or hasattr(data, "read"):
        return _indexed(*read_file(data))
    if isinstance(data, pd.DataFrame):
        return _from_pandas(data, Source())
    if isinstance(data, pd.Series):
        return _from_series(data)
    if isinstance(data, dict):
        return _from_pandas(_made_frame(data), Source())
    if isinstance(data, list | tuple) and len(data) and isinstance(data[0], dict):
        return _from_pandas(_made_frame(list(data)), Source())
    if isinstance(data, list | tuple | np.ndarray):
        return _from_array(data)
    return _from_other(data)


def plain_piece(frame: pd.DataFrame, source: Source) -> tuple[pd.DataFrame, Source]:
    """Some rows of a file as ``as_frame`` gives all of them."""
    return tidy(*_indexed(frame, source))


def _indexed(frame: pd.DataFrame, source: Source) -> tuple[pd.DataFrame, Source]:
    return (frame, source) if isinstance(frame.index, pd.RangeIndex) else _from_pandas(frame, source)


def _made_frame(data: Any) -> pd.DataFrame:
    try:
        return pd.DataFrame(data)
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"the data make no frame: {error}", "Give columns of equal length by name.") from error


def _from_pandas(frame: pd.DataFrame, source: Source) -> tuple[pd.DataFrame, Source]:
    """A meaningful index becomes columns: dates, periods, several levels, or anything with a name."""
    index = frame.index
    if isinstance(index, pd.MultiIndex):
        dated = [_is_time(index.levels[k]) for k in range(index.nlevels)]
        names = [
            str(n) if n is not None else ("time" if d else f"id{k or ''}")
            for k, (n, d) in enumerate(zip(index.names, dated, strict=True))
        ]
        plain = frame.reset_index(names=names)
        time = names[dated.index(True)] if sum(dated) == 1 else None
        other = [name for name in names if name != time]
        only = other[0] if time is not None and len(other) == 1 else None
        return plain, replace(source, time=time, id=only)
    if _is_time(index):
        name = "time" if index.name is None else str(index.name)
        if name in frame.columns:
            raise DataError(f"{name!r} is the name of the index and of a column", "Rename one of them.", column=name)
        return frame.reset_index(names=name), replace(source, time=name, indexed=True)
    dates = read_dates(pd.Series(index)) if index.dtype.kind == "O" and len(index) else None
    if dates is not None:
        return _from_pandas(frame.set_axis(pd.DatetimeIndex(dates[0], name=index.name), axis=0), source)
    if index.name is not None and index.name not in frame.columns:
        return frame.reset_index(), source
    if index.dtype.kind == "O" and "index" not in frame.columns:
        return frame.reset_index(names="index"), source  # words without a name may be ids
    return frame.reset_index(drop=True), source


def _is_time(index: pd.Index) -> bool:
    return isinstance(index, pd.DatetimeIndex | pd.PeriodIndex)


def _from_series(series: pd.Series) -> tuple[pd.DataFrame, Source]:
    name = "y" if series.name is None else str(series.name)
    labels = {name: series.name} if series.name is not None and not isinstance(series.name, str) else {}
    index = series.index
    if isinstance(index, pd.MultiIndex):
        frame, source = _from_pandas(series.rename(name).to_frame(), Source())
        return frame, replace(source, target=(name,), labels=labels)
    time = "time" if index.name is None or str(index.name) == name else str(index.name)
    frame = series.rename(name).to_frame().reset_index(names=time)
    return frame, Source(kind="series", time=time, indexed=True, target=(name,), labels=labels)


def _from_array(data: Any) -> tuple[pd.DataFrame, Source]:
    """(T,) one series called y; (T, S) series 0 to S - 1."""
    try:
        values = np.asarray(data)
        if values.dtype.kind == "c":
            raise TypeError("complex numbers have no order")
        if values.dtype.kind not in "iufb":
            values = values.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"the array is not numeric: {error}", _ACCEPTED) from error
    if values.ndim == 1:
        return pd.DataFrame({"y": values}), Source(kind="array", target=("y",))
    if values.ndim != 2:
        raise DataError(f"the array has {values.ndim} dimensions", "Give one of time, or one of time by series.")
    names = tuple(map(str, range(values.shape[1])))
    frame = pd.DataFrame(values, columns=list(names))
    return frame, Source(kind="array", target=names, labels=dict(zip(names, range(len(names)), strict=True)))


def _from_other(data: Any) -> tuple[pd.DataFrame, Source]:
    """Frames and Series of other libraries through narwhals; whatever can become an array as an array."""
    import narwhals.stable.v1 as nw

    try:
        native = nw.from_native(data, allow_series=True)
        if isinstance(native, nw.LazyFrame):
            native = native.collect()
        plain = native.to_pandas()
    except ModuleNotFoundError as error:
        cause = f"reading a frame of {type(data).__module__.split('.')[0]} needs {error.name}"
        raise DataError(cause, "pip install 'seqcast[parquet]'") from error
    except TypeError:
        if hasattr(data, "__array__"):
            return _from_array(np.asarray(data))
        raise DataError(f"{type(data).__name__} is no data that can be read", _ACCEPTED) from None
    return _from_series(plain) if isinstance(plain, pd.Series) else _from_pandas(plain, Source())


def _beside(frame: pd.DataFrame, source: Source, y: Any) -> tuple[pd.DataFrame, Source]:
    """The frame with the columns of ``y`` as its target, row by row; with an array for X, ``y`` alone is the data."""
    other, held = _held(y)
    if held.kind == "frame" and held.time is None and not held.target and len(other.columns) > 1:
        held = replace(held, target=tuple(map(str, other.columns)))
    names = held.target or tuple(str(name) for name in other.columns if str(name) != held.time)
    if len(other) != len(frame):
        remedy = "Give one value of y for every row of X."
        raise DataError(f"X has {len(frame)} rows and y has {len(other)}", remedy)
    if source.kind == "array":
        return as_frame(y)
    if source.time is not None and held.time is not None and held.indexed and other[held.time].dtype.kind == "M":
        if not bool((other[held.time].to_numpy() == frame[source.time].to_numpy()).all()):
            raise DataError("the times of X and y differ", "Give X and y with the same index.")
    values = {name: other[label].to_numpy() for name, label in zip(names, _labels(other, held), strict=True)}
    return tidy(frame.assign(**values), replace(source, kind="frame", target=names))


def _labels(other: pd.DataFrame, held: Source) -> list[Any]:
    return [label for label in other.columns if str(label) != held.time]
