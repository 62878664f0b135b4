"""One row of the catalogue: what a named data set is, and how to get it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from inspect import Parameter, signature
from typing import Any, Literal

import pandas as pd

from forecast.datasets.schema import Roles

Kind = Literal["real", "synthetic", "public"]


@dataclass(frozen=True, kw_only=True)
class PublicFile:
    """A file as its publishers name it; ``.gz`` and ``.zip`` forms of it are the same file.

    marker: text that its first line holds, so that another ``train.csv`` is not taken for this one.
    folders: where publishers put it below their base address, besides the top.
    sha256: checksum of each exact form that is known, by file name.
    """

    name: str
    marker: str = ""
    folders: tuple[str, ...] = ()
    sha256: tuple[tuple[str, str], ...] = ()

    @property
    def forms(self) -> tuple[str, ...]:
        """The file names that are looked for; forms with a known checksum first."""
        known = tuple(name for name, _ in self.sha256)
        others = (self.name, f"{self.name}.gz", f"{self.name}.zip")
        return known + tuple(name for name in others if name not in known)


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """A named data set.  ``season`` is in steps (1: none); ``horizon`` is the usual number of steps to forecast.

    freq: the grid in words of pandas ("h", "W-SAT", "MS"), or "steps" for an integer axis.
    """

    name: str
    kind: Kind
    freq: str
    season: int
    horizon: int
    roles: Roles
    description: str
    source: str
    licence: str
    load: Callable[..., pd.DataFrame]
    files: tuple[PublicFile, ...] = ()

    @property
    def target(self) -> tuple[str, ...]:
        """Target columns; empty where every numeric column is a series of its own."""
        target = self.roles.target
        return (target,) if isinstance(target, str) else (target or ())

    @property
    def options(self) -> tuple[str, ...]:
        """Names that ``load_dataset`` takes for this data set besides ``ahead``."""
        return tuple(p.name for p in signature(self.load).parameters.values() if p.kind is Parameter.KEYWORD_ONLY)

    def summary(self) -> dict[str, Any]:
        """The row as plain values, for a listing or JSON."""
        shown = ("name", "kind", "freq", "season", "horizon", "description", "source", "licence")
        roles = {role: value for role, value in asdict(self.roles).items() if value}
        return {name: getattr(self, name) for name in shown} | {"roles": roles, "options": list(self.options)}
