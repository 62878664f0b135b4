"""Small questions about one column, answered by its head where that is enough."""

from collections.abc import Iterable
from difflib import get_close_matches

import pandas as pd

from forecast.datasets.reading.dates import head_values
from forecast.datasets.schema import Roles
from forecast.errors import DataError

_MOSTLY = 0.5  # share of values that read as numbers in a column of numbers with something wrong in it
_CURRENCIES = "EUR|USD|GBP|CHF|JPY|CNY|INR|AUD|CAD|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|KRW|TRY"  # SKU-0012 is a name


def kinds_of(frame: pd.DataFrame) -> dict[str, str]:
    """NumPy's letter for the kind of every column: i, u, f, b numbers, M dates, O text and categories."""
    return {name: dtype.kind for name, dtype in zip(frame.columns, frame.dtypes, strict=True)}


def is_text(column: pd.Series) -> bool:
    """Words or categories: neither numbers nor dates."""
    return isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind not in "iufbMm"


def spoiled_numbers(column: pd.Series) -> bool:
    """Whether text would be numbers but for a few values (units, thousands separators, words)."""
    if isinstance(column.dtype, pd.CategoricalDtype) or not is_text(column):
        return False
    values = pd.Series(head_values(column), dtype=object).astype(str).str.strip()
    codes = values.str.fullmatch(r"\d+").all() and values.str.startswith("0").any()  # 007 is a name
    bare = values.str.replace(rf"[$€£¥%,'\s]|\b({_CURRENCIES})\b", "", regex=True)
    return not codes and bool(pd.to_numeric(bare, errors="coerce").notna().mean() > _MOSTLY)


def has_repeats(column: pd.Series) -> bool:
    """Whether a value stands twice, looked for in longer and longer heads: panels show it soon."""
    size = 1000
    while size < len(column):
        if column.iloc[:size].duplicated().any():
            return True
        size *= 8
    return not column.is_unique


def names_of(frame: pd.DataFrame, value: object, role: str) -> tuple[str, ...]:
    """Column names given as None, one name, a comma-separated list, or a sequence of names.  Each must be there."""
    if value is None:
        return ()
    given: Iterable[object] = (value,) if isinstance(value, str) else value  # type: ignore[assignment]
    names: list[str] = []
    for one in given:
        text = str(one)
        parts = [text] if text in frame.columns else [part.strip() for part in text.split(",") if part.strip()]
        names += [part for part in parts if part not in names]
    for name in names:
        known(frame, name, role)
    return tuple(names)


def known(frame: pd.DataFrame, name: str, role: str) -> None:
    """Refuse a name that is no column, with the nearest one."""
    if name in frame.columns:
        return
    columns = list(map(str, frame.columns))
    lower = {column.strip().lower(): column for column in columns}
    close = get_close_matches(name.strip().lower(), lower, n=1)
    hint = f"Did you mean {lower[close[0]]!r}? " if close else ""
    listed = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    raise DataError(f"there is no column {name!r} for {role}", f"{hint}Columns: {listed}.", column=name)


def covers(roles: Roles) -> bool:
    """Whether the user named any covariate."""
    return bool(roles.past or roles.future or roles.static)
