"""A forecaster's fields: one declaration gives the constructor, the CLI's ``--set``, the search space and the docs."""

import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from numbers import Integral, Real
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from forecast.errors import ConfigError, unknown_name


@dataclass(frozen=True, kw_only=True)
class Range:
    """Values that a search may try: from ``low`` to ``high`` (both included), on a log scale or in steps."""

    low: float
    high: float
    log: bool = False
    step: float | None = None


@dataclass(frozen=True, kw_only=True)
class Multiples:
    """Values that a search may try: multiples of what the setting becomes by default, which the data decide."""

    factors: tuple[float, ...]


Search = Range | Multiples | tuple[Any, ...]


def setting(
    default: Any = MISSING,
    *,
    help: str,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    search: Search | None = None,
) -> Any:
    """A dataclass field that carries its meaning, its bounds (``low``/``high`` closed, ``above``/``below`` open) and
    its search range: a ``Range`` of numbers, ``Multiples`` or a tuple of choices."""
    bounds = {"low": low, "high": high, "above": above, "below": below}
    return field(default=default, metadata={"help": help, "search": search, **bounds})


@dataclass(frozen=True, kw_only=True)
class SettingInfo:
    """One row of a forecaster's table of settings."""

    name: str
    type: Any
    default: Any
    help: str
    search: Search | None
    required: bool


def describe(forecaster: type) -> tuple[SettingInfo, ...]:
    """Every setting of a forecaster class, in the order of declaration."""
    hints = get_type_hints(forecaster)
    return tuple(
        SettingInfo(
            name=f.name,
            type=hints[f.name],
            default=None if f.default is MISSING else f.default,
            help=f.metadata.get("help", ""),
            search=f.metadata.get("search"),
            required=f.default is MISSING,
        )
        for f in fields(forecaster)
    )


def check_names(forecaster: type, given: dict[str, Any]) -> None:
    """Raise for the first name in ``given`` that is no setting of ``forecaster``, with the nearest one that is."""
    known = [f.name for f in fields(forecaster)]
    for name in given:
        if name not in known:
            raise unknown_name(f"setting of {forecaster.__name__}", name, known)


def check_values(forecaster: Any) -> None:
    """Raise one ``ConfigError`` that names every field whose value has a wrong type or lies out of bounds.

    Where there is none, it names the fields that do not go together.
    """
    faults = list(value_faults(forecaster)) or list(forecaster._conflicts())
    if faults:
        remedy = "Give other values on the constructor, with set_params or with --set name=value."
        raise ConfigError("; ".join(faults), remedy)


def idle(forecaster: Any, *names: str, needs: str) -> Iterator[str]:
    """What to say of settings that were changed and have no effect without another one."""
    for f in fields(forecaster):
        if f.name in names and getattr(forecaster, f.name) != f.default:
            yield f"{f.name}={getattr(forecaster, f.name)!r} has no effect without {needs}"


def value_faults(forecaster: Any) -> Iterator[str]:
    """What to say of each field whose value has a wrong type or lies out of bounds."""
    hints = get_type_hints(type(forecaster))
    for f in fields(forecaster):
        value = getattr(forecaster, f.name)
        if not matches(value, hints[f.name]):
            yield f"{f.name}={value!r} is not {spell(hints[f.name])}"
        elif isinstance(value, tuple | list):
            numbers = [item for item in value if isinstance(item, Real)]
            broken = {rule: None for item in numbers for rule in _broken_bounds(item, f.metadata)}
            yield from (f"{f.name}={value!r} must all be {rule}" for rule in broken)
        elif isinstance(value, Real) and not isinstance(value, bool):
            yield from (f"{f.name}={value!r} must be {rule}" for rule in _broken_bounds(value, f.metadata))


def _broken_bounds(value: Any, bounds: Any) -> Iterator[str]:
    if not isinstance(value, Integral) and not math.isfinite(value):
        yield "finite"
        return
    if bounds.get("low") is not None and not value >= bounds["low"]:
        yield f"at least {bounds['low']}"
    if bounds.get("high") is not None and not value <= bounds["high"]:
        yield f"at most {bounds['high']}"
    if bounds.get("above") is not None and not value > bounds["above"]:
        yield f"above {bounds['above']}"
    if bounds.get("below") is not None and not value < bounds["below"]:
        yield f"below {bounds['below']}"


def matches(value: Any, hint: Any) -> bool:
    """Whether ``value`` is of the type that ``hint`` spells; integers pass as floats, NumPy numbers as Python's."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(matches(value, arg) for arg in args)
    if origin is Literal:
        return any(value == arg and type(value) is type(arg) for arg in args)
    if origin is tuple:
        return isinstance(value, tuple | list) and all(matches(item, args[0]) for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping)
    if hint in (None, type(None)):
        return value is None
    if hint is bool:
        return isinstance(value, bool)
    if hint is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    return isinstance(value, hint)


def spell(hint: Any) -> str:
    """A type in words for error messages and tables: ``a whole number or None``, ``one of 'a', 'b'``."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(spell(arg) for arg in args)
    if origin is Literal:
        return "one of " + ", ".join(repr(arg) for arg in args)
    if origin is tuple:
        plural = {int: "whole numbers", float: "numbers", str: "texts"}
        return f"a list of {plural.get(args[0], spell(args[0]))}"
    if origin is Mapping:
        return "a table"
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "None"}
    return words.get(hint, getattr(hint, "__name__", str(hint)))
