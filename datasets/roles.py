"""Which column plays which role: what the user named, and what can be told from the columns themselves."""

from dataclasses import dataclass

import pandas as pd

from forecast.datasets.schema import Note, Roles, Shape
from forecast.datasets.source import Source


@dataclass(frozen=True, kw_only=True)
class Found:
    """The roles of a plain frame's columns.

    shape: as in Schema.  time: None means that the rows are the steps.  id: None means one series, or a wide frame.
    target: the target columns; in a wide frame and an array every one of them is a series of its own.
    past, future, static: covariates of every kind; those in ``text`` are categorical.  ignored: columns without a role.
    ids: what to call the series where no id column says it, as many as there are (wide: the user's column labels).
    """

    shape: Shape
    time: str | None
    id: str | None
    target: tuple[str, ...]
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    ids: pd.Index


def find_roles(frame: pd.DataFrame, roles: Roles, source: Source) -> tuple[Found, tuple[Note, ...]]:
    """The role of every column, each discovery with a note.  ``frame`` comes from ``as_frame`` and ``join_id``.

    Raises DataError when a role has several candidates or none, a named column is absent or has two roles, or a target
    holds text.
    """
    raise NotImplementedError


def join_id(frame: pd.DataFrame, name: str | None) -> pd.DataFrame:
    """An id that names several columns ("Store,Dept") as one text column of that name; else the frame as it is."""
    raise NotImplementedError


def numeric_target(frame: pd.DataFrame, columns: tuple[str, ...], source: Source) -> None:
    """Refuse text in a target, naming its first bad row and value (also to be called at predict time)."""
    raise NotImplementedError
