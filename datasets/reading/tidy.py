"""A frame of any columns made plain: text names, dates as datetime64, numbers as numpy numbers, the rest text."""

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import pandas as pd

from forecast.datasets.reading.columns import kinds_of
from forecast.datasets.reading.dateparts import join_dates
from forecast.datasets.reading.dates import head_values, read_dates, read_numbers_as_dates
from forecast.datasets.schema import Note
from forecast.datasets.source import Source
from forecast.errors import DataError

TIME_NAMES = ("time", "date", "datetime", "date_time", "timestamp", "ds", "year", "period", "step", "t", "day", "month")


def tidy(frame: pd.DataFrame, source: Source) -> tuple[pd.DataFrame, Source]:
    """The frame with plain columns; columns that are plain already are shared, not copied.

    Dates in several columns are joined into a new column ``time``, and the columns they came from are kept.
    """
    frame, labels = _text_names(frame)
    notes: list[Note] = []
    columns: dict[str, pd.Series] = {}
    for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if isinstance(dtype, np.dtype) and dtype.kind in "iufbMm":
            continue
        column = frame[name]
        plain, remark = _plain(column)
        if plain is not column:
            columns[name] = plain
        if remark:
            notes.append(Note(topic="timezone" if "UTC" in remark else "layout", message=f"{name}: {remark}"))
    frame = _with(frame, columns)
    source = replace(source, labels={**source.labels, **labels})
    if source.time is not None:
        frame = _with_whole(frame, source.time)
    elif source.kind == "frame":
        frame, source = _find_time(frame, source, notes)
    return frame, replace(source, notes=(*source.notes, *notes))


def _with(frame: pd.DataFrame, columns: dict[str, pd.Series]) -> pd.DataFrame:
    return frame.assign(**columns) if columns else frame


def _text_names(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Hashable]]:
    """Names as text, and the user's own labels of those that were not."""
    if isinstance(frame.columns, pd.MultiIndex):
        remedy = "Stack the upper level into an id column, or join the levels into one name."
        raise DataError("the frame's columns have several levels", remedy)
    names = [str(name) for name in frame.columns]
    twice = pd.Index(names)[pd.Index(names).duplicated()]
    if len(twice):
        raise DataError(
            f"the column {twice[0]!r} is there twice", "Give every column a name of its own.", column=twice[0]
        )
    labels: dict[str, Hashable] = {
        name: label for name, label in zip(names, frame.columns, strict=True) if not isinstance(label, str)
    }
    return (frame.set_axis(pd.Index(names, dtype=object), axis=1) if labels else frame), labels


def _plain(column: pd.Series) -> tuple[pd.Series, str]:
    """One column as datetime64, numpy numbers or text, with a remark where its reading was a choice."""
    dtype = column.dtype
    if isinstance(dtype, pd.PeriodDtype):
        return column.dt.to_timestamp(), ""
    if isinstance(dtype, pd.CategoricalDtype):
        found = read_dates(pd.Series(dtype.categories)) if dtype.categories.dtype.kind in "OT" else None
        if found is None:
            return column, ""
        dates = found[0].array.take(column.cat.codes.to_numpy(), allow_fill=True)  # one reading per category, not row
        return pd.Series(dates, index=column.index, name=column.name), found[1]
    if isinstance(dtype, pd.DatetimeTZDtype):
        return column, ""
    if pd.api.types.is_numeric_dtype(dtype):  # pandas' nullable and Arrow's numbers, and nullable booleans
        return _numpy_numbers(column), ""
    if pd.api.types.is_datetime64_any_dtype(dtype):  # Arrow's timestamps
        return pd.Series(pd.DatetimeIndex(column), index=column.index, name=column.name), ""
    return _from_objects(column)


def _numpy_numbers(column: pd.Series) -> pd.Series:
    whole = pd.api.types.is_integer_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
    kind = np.int64 if whole and not column.hasnans else np.float64
    return pd.Series(
        column.to_numpy(kind, na_value=np.nan) if kind is np.float64 else column.to_numpy(kind), column.index
    )


def _from_objects(column: pd.Series) -> tuple[pd.Series, str]:
    """Text and Python objects: dates, numbers, truth values where all of them are; else as they are."""
    sample = head_values(column)
    if not sample:
        return column.astype(np.float64), ""  # nothing in it: a number that is always missing
    kind = pd.api.types.infer_dtype(sample)
    if kind in ("date", "datetime", "datetime64"):
        dates = pd.to_datetime(column, errors="coerce")
        return (dates, "") if bool((dates.isna() == column.isna()).all()) else (column, "")
    if kind in ("integer", "floating", "mixed-integer-float", "decimal", "boolean"):
        try:
            return pd.Series(pd.to_numeric(column).astype(np.float64), index=column.index), ""
        except (ValueError, TypeError):
            return column, ""
    if kind == "string":
        dates_and_remark = read_dates(column)
        return dates_and_remark if dates_and_remark is not None else (column, "")
    return column, ""


def _with_whole(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Years and steps that came as floating numbers (1749.0) as integers."""
    column = frame[name]
    if column.dtype.kind != "f" or not bool((column % 1 == 0).all()):
        return frame
    return frame.assign(**{name: column.astype(np.int64)})


def _find_time(frame: pd.DataFrame, source: Source, notes: list[Note]) -> tuple[pd.DataFrame, Source]:
    """Dates written in several columns, or as whole numbers where nothing else is a date."""
    kinds = kinds_of(frame)
    dates = [name for name, kind in kinds.items() if kind == "M"]
    joined = join_dates(frame, found=dates)
    if joined is not None:
        time, parts = joined
        name = next(
            name for name in ("time", "datetime", "time (joined)") if name not in frame.columns or name in parts
        )
        notes.append(Note(topic="role", message=f"time: joined from the columns {', '.join(parts)}"))
        if name in parts:  # Date and Time: the joined column takes the place of the time of day
            parts = tuple(part for part in parts if part != name)
        return frame.assign(**{name: time}), replace(source, time=name, parts=parts)
    if dates:
        return frame, source
    for name, kind in kinds.items():
        if name.lower() in TIME_NAMES and kind in "iuf":
            frame = _with_whole(frame, name)
            read = read_numbers_as_dates(frame[name]) if frame[name].dtype.kind != "f" else None
            if read is not None:
                notes.append(Note(topic="role", message=f"{name}: {read[1]}"))
                return frame.assign(**{name: read[0]}), source
    return frame, source
