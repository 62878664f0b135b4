"""One series a row: the M competitions' V1, V2, ... and tables with a date in every column name, made long."""

from dataclasses import replace

import numpy as np
import pandas as pd

from forecast.datasets.reading.dates import read_dates
from forecast.datasets.schema import Note
from forecast.datasets.source import Source

_FEWEST_DATES = 3  # columns named by dates that make a table one of series in rows


def melt_rows(frame: pd.DataFrame, source: Source) -> tuple[pd.DataFrame, Source]:
    """A frame with one series a row as long frame; any other frame as it is."""
    numbered = _numbered(frame)
    if numbered:
        values = frame[numbered].to_numpy(np.float64)
        return _long(frame, values, np.arange(values.shape[1]), source, [frame.columns[0]])
    years = _years(frame)
    dated = years or [name for name in frame.columns if name[:1].isdigit() and len(name) >= 6]
    if len(dated) < _FEWEST_DATES or len(dated) < len(frame.columns) // 2:
        return frame, source
    rest = [name for name in frame.columns if name not in set(dated)]
    times = np.array([int(name) for name in years]) if years else _dates(dated)
    numeric = all(pd.api.types.is_numeric_dtype(dtype) for dtype in frame[dated].dtypes.unique())
    words = [name for name in rest if not pd.api.types.is_numeric_dtype(frame[name].dtype)]
    if times is None or not numeric or not words:
        return frame, source
    return _long(frame, frame[dated].to_numpy(np.float64), times, source, words)


def _years(frame: pd.DataFrame) -> list[str]:
    """Columns named by consecutive years, as statistical offices write them; their steps are whole numbers."""
    names = [name for name in frame.columns if len(name) == 4 and name.isdigit() and "1600" <= name <= "2200"]
    return names if names and [int(name) - int(names[0]) for name in names] == list(range(len(names))) else []


def _dates(names: list[str]) -> np.ndarray | None:
    read = read_dates(pd.Series(names))
    return None if read is None else read[0].to_numpy()


def _numbered(frame: pd.DataFrame) -> list[str]:
    """V2, V3, ... when the columns are V1, V2, ...: names without repetition, then numbers."""
    names = list(frame.columns)
    if len(names) < 3 or [name.lower() for name in names] != [f"v{k + 1}" for k in range(len(names))]:
        return []
    if pd.api.types.is_numeric_dtype(frame[names[0]].dtype) or not frame[names[0]].is_unique:
        return []
    return names[1:] if all(pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes.iloc[1:]) else []


def _long(
    frame: pd.DataFrame, values: np.ndarray, times: np.ndarray, source: Source, words: list[str]
) -> tuple[pd.DataFrame, Source]:
    """Long frame id, time, target.  values (S, T): what a series lacks at its right end is no row of it."""
    seen = ~np.isnan(values)
    lengths = np.where(seen.any(axis=1), values.shape[1] - np.argmax(seen[:, ::-1], axis=1), 0)
    kept = np.arange(values.shape[1]) < lengths[:, None]  # (S, T)
    ids = frame[words[0]].astype(str)
    if len(words) > 1 and not ids.is_unique:
        ids = frame[words].fillna("").astype(str).agg("/".join, axis=1)
    series, step = np.nonzero(kept)
    long = pd.DataFrame({"id": ids.take(series).to_numpy(), "time": times[step], "target": values[kept]})
    message = f"one series a row: {len(frame)} series of up to {values.shape[1]} steps, made long (id, time, target)"
    note = Note(topic="layout", message=message, count=len(frame))
    return long, replace(source, notes=(*source.notes, note))
