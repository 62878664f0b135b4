"""Columns as packed numbers: targets, numeric covariates with NaN where missing, categories as codes.

Dimension key: N input rows, M packed rows, C target columns, S series.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.rows.layout import Layout
from forecast.datasets.source import Source
from forecast.datasets.times.stamps import BLOCK
from forecast.errors import DataError

LARGEST = 1e150  # the square of what is larger is infinite


def numbers(column: pd.Series, source: Source) -> Floats:
    """A column as float32 where it is float32, else as float64, NaN where missing.  Refuses text and infinities."""
    if column.dtype in (np.float32, np.float64):
        values = column.to_numpy()
    elif pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind != "c":
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        values = _parsed(column, source)
    largest = min(LARGEST, float(np.finfo(values.dtype).max))
    for first in range(0, len(values), BLOCK):
        beyond = np.abs(values[first : first + BLOCK]) > largest
        if beyond.any():
            row = first + int(beyond.argmax())
            kind = "infinite" if np.isinf(values[row]) else "too large to calculate with"
            raise _refused(column, row, values[row], kind, source)
    return values


def _parsed(column: pd.Series, source: Source) -> Floats:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    text = np.isnan(values) & column.notna().to_numpy()
    if text.any():
        row = int(text.argmax())
        raise _refused(column, row, column.iloc[row], "text, not a number", source)
    return values


def _refused(column: pd.Series, row: int, value: object, kind: str, source: Source) -> DataError:
    where = source.where(row)
    value = value.item() if isinstance(value, np.generic) else value
    return DataError(
        f"row {where['row']}: column {column.name!r} is {kind}: {value!r}",
        "Correct the value, or leave the cell empty if it is unknown.",
        **where,
        column=column.name,
        value=value,
    )


def pack_numbers(frame: pd.DataFrame, names: Sequence[str], layout: Layout, source: Source) -> Floats:
    """(M, len(names)) numeric columns, NaN in gaps; float32 only if all of them are."""
    columns = [numbers(frame[name], source) for name in names]
    exact = any(values.dtype != np.float32 for values in columns) or not columns
    packed = np.empty((layout.rows, len(columns)), np.float64 if exact else np.float32)
    for k, values in enumerate(columns):
        layout.pack(values, np.nan, out=packed[:, k])
    return packed


def vocabulary(columns: Sequence[pd.Series]) -> tuple[str, ...]:
    """The categories that occur in text columns, in order of the alphabet."""
    return tuple(sorted({str(value) for column in columns for value in column.dropna().unique()}))


def pack_codes(
    frame: pd.DataFrame, names: Sequence[str], layout: Layout, categories: dict[str, tuple[str, ...]]
) -> Ints:
    """(M, len(names)) category codes: place in the vocabulary + 1, and 0 for unknown ones and gaps."""
    packed = np.zeros((layout.rows, len(names)), np.int64)
    for k, name in enumerate(names):
        layout.pack(encode(frame[name], categories[name]), 0, out=packed[:, k])
    return packed


def encode(column: pd.Series, categories: tuple[str, ...]) -> Ints:
    """(N,) codes of a column of categories."""
    codes, found = pd.factorize(column)
    known = pd.Index(categories, dtype=object).get_indexer(pd.Index([str(value) for value in found], dtype=object)) + 1
    return np.append(known, 0)[codes]  # a missing value has code −1, which takes the 0 at the end


def constant(values: NDArray[Any], names: Sequence[str], layout: Layout, *, missing: float) -> NDArray[Any]:
    """Rows (M, K) of static columns as (S, K); ``DataError`` for a series in which one of them changes.

    missing: what stands for no value (NaN or code 0); the other rows of the series then speak for it.
    """
    heads = layout.offsets[:-1]
    if not len(names):
        return np.zeros((len(heads), 0), values.dtype)
    unknown = np.isnan(values) if np.isnan(missing) else values == missing
    wide = values.astype(np.float64)
    lowest = np.minimum.reduceat(np.where(unknown, np.inf, wide), heads, axis=0)
    highest = np.maximum.reduceat(np.where(unknown, -np.inf, wide), heads, axis=0)
    changes = np.argwhere(lowest < highest)
    if len(changes):
        series, k = changes[0]
        raise DataError(
            f"static column {names[k]!r} changes within series {layout.ids[series]!r}",
            "Make it the same in all rows of a series, or name it under past or future instead.",
            column=names[k],
            series=layout.ids[series],
        )
    return np.where(np.isinf(lowest), missing, lowest).astype(values.dtype)
