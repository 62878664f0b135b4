"""What one setting may be in a search: read from a declaration or from the user, checked, and put to a trial."""

import json
import math
from collections.abc import Mapping
from typing import Any

from forecast.errors import ConfigError
from forecast.estimators.settings import Multiples, Range, matches, spell, value_faults
from forecast.nesting import described
from forecast.plain import to_plain

Ranged = Range | tuple[Any, ...]  # what a trial draws from
KEYS = ("low", "high", "log", "step", "choices")


def read_range(name: str, given: Any, hint: Any) -> Ranged | None:
    """The range that a user's value spells for a setting of type ``hint``; None where it is a single value.

    A list or tuple holds choices; a table has ``low`` and ``high`` with ``log`` or ``step``, or ``choices``.
    Raises ``ConfigError`` for a range without values or of another type than the setting's.
    """
    if isinstance(given, Multiples):
        raise ConfigError(f"{name}={given!r} needs data to become values", "Give a Range or choices.", name=name)
    if isinstance(given, Mapping) and "name" not in given:  # with a name it is a forecaster: one value
        given = _read_table(name, given)
    if isinstance(given, Range):
        return _checked(name, given, hint)
    if isinstance(given, list | tuple) and not (_is_list(hint) and not _holds_lists(given)):
        choices = tuple(tuple(one) if isinstance(one, list) else one for one in given)
        return _distinct(name, choices)
    return None


def is_whole(hint: Any) -> bool:
    """Whether a setting of type ``hint`` takes whole numbers and no others."""
    return matches(1, hint) and not matches(0.5, hint)


def suggest(trial: Any, name: str, search: Ranged, *, whole: bool) -> Any:
    """The value that an Optuna trial draws for the parameter ``name``."""
    if isinstance(search, tuple):
        labels = [label(one) for one in search]
        return search[labels.index(trial.suggest_categorical(name, labels))]
    if whole:
        step = 1 if search.step is None else int(search.step)
        return trial.suggest_int(name, int(search.low), int(search.high), log=search.log, step=step)
    return trial.suggest_float(name, search.low, search.high, log=search.log, step=search.step)


def label(choice: Any) -> Any:
    """A choice as Optuna stores it: plain values as they are, others as their JSON."""
    plain = choice is None or isinstance(choice, bool | int | float | str)
    return choice if plain else json.dumps(to_plain(described(choice)), sort_keys=True)


def nearest(search: Ranged, value: Any, *, whole: bool) -> Any:
    """The value of the range that is closest to a setting's default, as Optuna stores it; where trials begin."""
    if isinstance(search, tuple):
        return label(value if value in search else search[0])
    if not isinstance(value, int | float) or isinstance(value, bool):
        value = math.sqrt(search.low * search.high) if search.log else (search.low + search.high) / 2
    inside = min(max(float(value), search.low), search.high)
    if search.step is not None:
        steps = math.floor((search.high - search.low) / search.step + 1e-9)
        inside = search.low + search.step * min(round((inside - search.low) / search.step), steps)
    return round(inside) if whole else inside


def gridded(search: Range, *, whole: bool, points: int) -> tuple[Any, ...]:
    """At most ``points`` values of a range, evenly apart on its scale, both ends among them."""
    if search.step is not None or (whole and not search.log):
        step = search.step or 1
        count = math.floor((search.high - search.low) / step + 1e-9) + 1
        chosen = sorted({round(i * (count - 1) / max(min(points, count) - 1, 1)) for i in range(min(points, count))})
        values = [search.low + step * place for place in chosen]
    else:
        shares = [i / (points - 1) for i in range(points)]
        low, high = (math.log(search.low), math.log(search.high)) if search.log else (search.low, search.high)
        values = [low + share * (high - low) for share in shares]
        values = [float(f"{math.exp(v):.6g}") for v in values] if search.log else values
    return tuple(dict.fromkeys(round(value) for value in values)) if whole else tuple(values)


def describe(search: Ranged) -> Any:
    """The range as JSON values, by which a study knows it again."""
    if isinstance(search, tuple):
        return [label(one) for one in search]
    return {"low": search.low, "high": search.high, "log": search.log, "step": search.step}


def require_values(name: str, search: Ranged, forecaster: Any) -> None:
    """``ConfigError`` unless the forecaster takes the ends, or every choice, of the range of its setting ``name``."""
    before = getattr(forecaster, name)
    for value in search if isinstance(search, tuple) else (search.low, search.high):
        whole = isinstance(value, float) and value.is_integer() and isinstance(search, Range)
        setattr(forecaster, name, int(value) if whole else value)
        faults = [text for text in value_faults(forecaster) if text.startswith(f"{name}=")]
        setattr(forecaster, name, before)
        if faults:
            raise ConfigError(f"the search range of {name} reaches {faults[0]}", "Narrow the range.", name=name)


def _read_table(name: str, given: Mapping[str, Any]) -> Any:
    unknown = [key for key in given if key not in KEYS]
    if "choices" in given and len(given) == 1:
        if not isinstance(given["choices"], list | tuple):
            cause = f"the choices of {name} are {given['choices']!r}, which is no list"
            raise ConfigError(cause, "Write choices = […].", name=name)
        return list(given["choices"])
    if unknown or "choices" in given or not {"low", "high"} <= given.keys():
        cause = f"the search range of {name} is {dict(given)!r}"
        raise ConfigError(cause, "Give low and high, with log = true or a step; or choices.", name=name)
    return Range(**given)


def _checked(name: str, search: Range, hint: Any) -> Range:
    low, high, step = search.low, search.high, search.step
    numbers = [low, high, *(() if step is None else (step,))]
    fault = None
    if not matches(1, hint):
        fault = f"it is {spell(hint)}, which has choices and no range"
    elif any(isinstance(n, bool) or not isinstance(n, int | float) or not math.isfinite(n) for n in numbers):
        fault = "low, high and step must be finite numbers"
    elif not isinstance(search.log, bool):
        fault = f"log={search.log!r} is neither true nor false"
    elif not low < high:
        fault = f"low={low:g} is not below high={high:g}"
    elif search.log and low <= 0:
        fault = f"a log scale begins above 0, not at low={low:g}"
    elif search.log and step is not None:
        fault = "a log scale has no steps"
    elif step is not None and not 0 < step <= high - low:
        fault = f"step={step:g} does not lie between 0 and high - low={high - low:g}"
    elif is_whole(hint) and any(not float(n).is_integer() for n in numbers):
        fault = f"it is {spell(hint)}, and so must be low, high and step"
    if fault is not None:
        raise ConfigError(f"the search range of {name} makes no sense: {fault}", "Correct the range.", name=name)
    return search


def _distinct(name: str, choices: tuple[Any, ...]) -> tuple[Any, ...]:
    if not choices:
        raise ConfigError(f"the search range of {name} has no choices", "Give at least one.", name=name)
    labels = [label(one) for one in choices]
    twice = [one for place, one in enumerate(labels) if one in labels[:place]]
    if twice:
        raise ConfigError(f"the search range of {name} has {twice[0]!r} twice", "Give every choice once.", name=name)
    return choices


def _is_list(hint: Any) -> bool:
    return hint is not Any and matches((), hint)


def _holds_lists(given: Any) -> bool:
    return all(isinstance(one, list | tuple) or one is None for one in given) and len(given) > 0
