"""Values that JSON can hold."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np


def to_plain(value: Any) -> Any:
    """The same value in what JSON can hold; NaN and infinities become ``{"number": "nan"}``: see ``from_plain``."""
    if isinstance(value, np.generic | np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, date | Path):
        return value.isoformat() if isinstance(value, date) else str(value)
    raise TypeError(f"a saved model cannot hold a {type(value).__name__}: {value!r}")


def from_plain(value: dict[str, Any]) -> Any:
    """``object_hook`` of the JSON reader: turns ``{"number": "nan"}`` back into a float."""
    if value.keys() == {"number"} and value["number"] in ("nan", "inf", "-inf"):
        return float(value["number"])
    return value


def as_tuples(value: Any) -> Any:
    """Lists as tuples, all the way down: settings hold tuples, JSON only knows lists."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, list) else value


def round_or_none(value: float, digits: int = 6) -> float | None:
    """A float with ``digits`` significant digits that JSON can hold; None for NaN and infinity."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def rounded(value: Any) -> Any:
    """What a reader wants of a value, as JSON can hold it: six digits, None for NaN, text for what it does not know."""
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [rounded(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return round_or_none(float(value))
    return str(value)
