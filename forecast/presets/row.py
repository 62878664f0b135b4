"""A row of the table of forecasters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Family = Literal["recurrent", "transformer", "hybrid", "baseline", "ensemble", "extension"]
NETWORKS: tuple[Family, ...] = ("recurrent", "transformer", "hybrid")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One row.  ``target`` is ``module:Class``; ``settings`` are what the row changes of the class's defaults.

    description: what it is, in a line.  mechanism: what it does differently, and how.  strengths: when to choose it.
    """

    name: str
    family: Family
    target: str
    description: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    paper: str = ""
    mechanism: str = ""
    strengths: str = ""
