"""Numbers whose thousands are set apart: 1.234,56 and 1,234.56."""

import numpy as np
import pandas as pd

from forecast.datasets.reading.columns import is_text
from forecast.datasets.reading.dates import head_values
from forecast.datasets.schema import Note

_STYLES = tuple(
    (group, decimal, rf"[+-]?(\d{{1,3}}([{group}]\d{{3}})+|\d+)([{decimal}]\d+)?")
    for group, decimal in ((".", ","), (",", "."))
)


def ungroup(frame: pd.DataFrame, notes: list[Note], *, decimal: str) -> pd.DataFrame:
    """The frame with columns of grouped digits as numbers, each reported in ``notes``.

    Only what can be read in one way is read: every value fits one style, and one of them shows it by both marks or by
    two groups, or the file's decimal mark is the other one.  Elsewhere 1,234 may be 1.234, and stays text.
    """
    numbers = {}
    for name in frame.columns:
        if is_text(frame[name]) and (column := _read(frame[name], decimal)) is not None:
            numbers[name] = column
            notes.append(Note(topic="layout", message=f"{name}: marks between thousands removed"))
    return frame.assign(**numbers) if numbers else frame


def _read(column: pd.Series, known: str) -> pd.Series | None:
    head = pd.Series(head_values(column), dtype="str").str.strip()
    for group, decimal, style in _STYLES:
        if not len(head) or not head.str.fullmatch(style).all():
            continue
        texts = column.dropna().astype("str").str.strip()
        proof = rf"[{group}]\d{{3}}[{decimal}{group}]"
        sure = (decimal == known == ",") or bool(texts.str.contains(proof).any())
        if sure and bool(texts.str.fullmatch(style).all()):
            plain = texts.str.replace(group, "", regex=False).str.replace(decimal, ".", regex=False)
            return pd.to_numeric(plain).astype(np.float64).reindex(column.index)
    return None
