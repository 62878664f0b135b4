"""What a data file means: which column plays which role, on which time grid.  Plain values that JSON can hold."""

from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["series", "wide", "long", "array"]


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What the user says about the columns; ``None`` or empty means: find it.  Every forecaster has the same fields."""

    time: str | None = None
    target: str | tuple[str, ...] | None = None
    id: str | None = None
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    freq: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Roles as resolved on training data.  Data at predict time are read by it, so that columns keep their meaning.

    shape: how the user holds the data: a Series, a wide frame, a long frame or a bare array.
    time, id: column names; None where there is none (arrays have no time, single series no id).
    indexed: the time came as the frame's index (named ``time``, or None if it had no name), and goes back so.
    target: target columns (C of them); in a wide frame one empty-named channel, as every column is a series.
    past, future, static: numeric covariates.  categories: vocabulary of each categorical covariate, by column;
    a category's code is its place in the vocabulary + 1, and 0 means unknown or missing.
    past_codes, future_codes, static_codes: the categorical columns of each kind (keys of ``categories``).
    freq: the grid, in the spelling of ``Timeline``.  timezone: zone in which daily and longer steps are counted.
    """

    shape: Shape
    time: str | None
    target: tuple[str, ...]
    id: str | None
    freq: str
    timezone: str | None = None
    indexed: bool = False
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    past_codes: tuple[str, ...] = ()
    future_codes: tuple[str, ...] = ()
    static_codes: tuple[str, ...] = ()
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Note:
    """One thing found or repaired while reading: what it is about, and a sentence for the report.

    ``topic`` is one of: role, layout, frequency, gap, duplicate, order, missing, short, constant, timezone, ignored,
    memory.
    """

    topic: str
    message: str
    series: tuple[str, ...] = ()  # the ids concerned, at most the first twenty
    count: int = 0  # how many steps, rows or series are concerned
