"""The options that several commands share: declared once, so that they mean the same everywhere.

A command takes a group of options as one parameter; ``with_options`` spreads the group's fields over the command line.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from forecast.errors import ConfigError

DATA, JOB, OUTPUT = "Data", "Job", "Output"

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A file or a folder, - for standard input, or a built-in data set.")
]
Horizon = Annotated[int, typer.Option("--horizon", metavar="H", help="Steps to forecast.")]


def _option(*names: str, help: str, panel: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, metavar=metavar)


def _list(name: str, help: str) -> Any:
    return _option(name, help=f"{help}; repeat it or separate by commas.", panel=DATA, metavar="COLUMN,…")


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """What the columns mean, where it cannot be found or should be otherwise."""

    time: Annotated[str | None, _option("--time", help="Time column.", panel=DATA, metavar="COLUMN")] = None
    target: Annotated[list[str] | None, _list("--target", "Target column, or several for one multivariate series")] = (
        None
    )
    id: Annotated[list[str] | None, _list("--id", "Column that names the series, or several")] = None
    past: Annotated[list[str] | None, _list("--past", "Covariates known up to the origin")] = None
    future: Annotated[list[str] | None, _list("--future", "Covariates known ahead of time")] = None
    static: Annotated[list[str] | None, _list("--static", "Covariates constant per series")] = None
    future_data: Annotated[
        Path | None,
        _option("--future-data", help="File with the covariates known ahead.", panel=DATA, metavar="FILE"),
    ] = None
    freq: Annotated[
        str | None,
        _option("--freq", help="Time grid: h, D, W-SUN, MS, …; rows: each row is a step.", panel=DATA, metavar="FREQ"),
    ] = None
    season: Annotated[int | None, _option("--season", help="Steps per main cycle.", panel=DATA, metavar="STEPS")] = None
    timezone: Annotated[
        str | None, _option("--timezone", help="Zone of times that name none.", panel=DATA, metavar="ZONE")
    ] = None
    holidays: Annotated[
        str | None,
        _option("--holidays", help="Country whose holidays are known ahead: DE, US-CA, …", panel=DATA, metavar="CODE"),
    ] = None

    def settings(self) -> dict[str, Any]:
        """The given ones as settings of a forecaster; what was not given is not among them."""
        given = {
            "time": self.time,
            "id": ",".join(split_list(self.id)) or None,
            "target": _target(self.target),
            "past": split_list(self.past) or None,
            "future": split_list(self.future) or None,
            "static": split_list(self.static) or None,
            "freq": self.freq,
            "season": self.season,
            "timezone": self.timezone,
            "holidays": self.holidays,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """How the work is done."""

    seed: Annotated[int | None, _option("--seed", help="Seed of everything random.", panel=JOB, metavar="N")] = None
    device: Annotated[
        str | None, _option("--device", help="auto, cpu, cuda, cuda:1, mps.", panel=JOB, metavar="NAME")
    ] = None
    max_time: Annotated[
        float | None, _option("--max-time", help="Seconds that it may take.", panel=JOB, metavar="SECONDS")
    ] = None

    def settings(self) -> dict[str, Any]:
        """The given ones as settings of a forecaster."""
        given = {"seed": self.seed, "device": self.device, "max_time": self.max_time}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What is told, and how."""

    force: Annotated[bool, _option("--force", help="Replace what is there.", panel=OUTPUT)] = False
    quiet: Annotated[bool, _option("--quiet", "-q", help="No progress and no remarks.", panel=OUTPUT)] = False
    json: Annotated[bool, _option("--json", help="Print one JSON value.", panel=OUTPUT)] = False
    debug: Annotated[bool, _option("--debug", help="Show the traceback of a failure.", panel=OUTPUT)] = False


def split_list(given: list[str] | None) -> tuple[str, ...]:
    """A repeated, comma-separated option as one tuple; a comma that belongs to a name is written as ``\\,``."""
    parts: list[str] = []
    for text in given or ():
        for part in text.replace("\\,", "\0").split(","):
            name = part.replace("\0", ",").strip(" ")
            if name and name not in parts:
                parts.append(name)
    return tuple(parts)


def _target(given: list[str] | None) -> str | tuple[str, ...] | None:
    names = split_list(given)
    return names[0] if len(names) == 1 else names or None


def split_levels(given: list[str] | None) -> tuple[float, ...] | None:
    """Quantile levels such as ``0.1,0.5,0.9``."""
    parts = split_list(given)
    try:
        return tuple(float(part) for part in parts) or None
    except ValueError:
        bad = next(part for part in parts if not _is_number(part))
        raise ConfigError(f"level {bad!r} is not a number", "Give levels such as --levels 0.1,0.5,0.9.") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with every parameter that is a group of options replaced by the group's fields."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
    parameters: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        if parameter.name in groups:
            parameters += _parameters(groups[parameter.name])
        else:
            annotation = hints[parameter.name]
            parameters.append(parameter.replace(annotation=annotation, kind=Parameter.KEYWORD_ONLY))

    @wraps(command)
    def spread(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{f.name: given.pop(f.name) for f in fields(group)})
        command(**given)

    spread.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    spread.__annotations__ = {p.name: p.annotation for p in parameters}
    return spread


def _parameters(group: type) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(f.name, Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name]) for f in fields(group)
    ]
