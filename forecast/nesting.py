"""Forecasters as settings of forecasters: how they are written down and read back, and what they get from around them.

A setting may hold a name of the table, an unfitted forecaster, or a description ``{"name": …, "settings": …}``, as TOML
and JSON can hold it.  None of these is ever fitted itself: the outer forecaster fits a copy that has its own horizon,
roles, levels and so on wherever the inner one leaves them at their defaults.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from forecast.errors import ConfigError
from forecast.estimators.base import Forecaster
from forecast.estimators.settings import check_values, matches
from forecast.presets import create, name_of

Nested = str | Forecaster | Mapping[str, Any]

ONCE = ("transform", "lower", "upper")  # what the outer forecaster does around the inner ones, who need not do it again
ALSO = ("device", "threads", "max_time")  # what is handed on beside the settings of all forecasters
NAME, SETTINGS = "name", "settings"


def described(value: Any) -> Any:
    """A setting's value as JSON can hold it: a forecaster becomes its description."""
    if isinstance(value, Forecaster):
        return {NAME: name_of(value), SETTINGS: described(value.get_params())}
    if isinstance(value, Mapping):
        return {key: described(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [described(item) for item in value]
    return value


def revived(value: Any) -> Any:
    """What ``described`` was given: lists become tuples, descriptions that tell the horizon forecasters.

    Raises ``ConfigError`` for a name or setting that is not known.
    """
    if isinstance(value, Mapping):
        items = {key: revived(item) for key, item in value.items()}
        whole = set(items) == {NAME, SETTINGS} and "horizon" in items[SETTINGS]
        return create(str(items[NAME]), **items[SETTINGS]) if whole else items
    return tuple(revived(item) for item in value) if isinstance(value, tuple | list) else value


def inner(outer: Forecaster, given: Nested) -> Forecaster:
    """A copy of the forecaster that a setting of ``outer`` holds, with the settings that the two share.

    Settings that the inner one has at its default are those of the outer one; its transform and bounds are its own, and
    its horizon is no shorter than the outer one's.
    Raises ``ConfigError`` for a name or setting that is not known.
    """
    forecaster = given.clone() if isinstance(given, Forecaster) else _created(outer, given)
    usual = {f.name: f.default for f in fields(forecaster)}
    shared = {f.name for f in fields(Forecaster)}.difference(ONCE).union(ALSO)
    for name in shared & usual.keys() & {f.name for f in fields(outer)}:
        if getattr(forecaster, name) == usual[name]:
            setattr(forecaster, name, getattr(outer, name))
    if matches(outer.horizon, int) and matches(forecaster.horizon, int):
        forecaster.horizon = max(forecaster.horizon, outer.horizon)
    return forecaster


def _created(outer: Forecaster, given: str | Mapping[str, Any]) -> Forecaster:
    if isinstance(given, str):
        return create(given, horizon=outer.horizon)
    settings = given.get(SETTINGS, {})
    if not set(given) <= {NAME, SETTINGS} or not isinstance(given.get(NAME), str) or not isinstance(settings, Mapping):
        raise ConfigError(f"{dict(given)!r} describes no forecaster", 'Write {name = "lstm", settings = {…}}.')
    return create(given[NAME], **{"horizon": outer.horizon, **{key: revived(item) for key, item in settings.items()}})


def label(given: Nested) -> str:
    """The name that a report gives to the forecaster in a setting."""
    if isinstance(given, Forecaster):
        return name_of(given)
    return given if isinstance(given, str) else str(given.get(NAME))


def labels(given: tuple[Nested, ...]) -> tuple[str, ...]:
    """A name for each of several: those that come again are numbered (``lstm``, ``lstm-2``)."""
    plain = [label(one) for one in given]
    again = [plain[:place].count(name) for place, name in enumerate(plain)]
    return tuple(f"{name}-{count + 1}" if count else name for name, count in zip(plain, again, strict=True))


def faults(outer: Forecaster, given: Nested) -> str:
    """What is wrong with the forecaster in a setting, in words; nothing where all is well.

    Raises ``ConfigError`` for a name that is not in the table.
    """
    forecaster = inner(outer, given)
    try:
        check_values(forecaster)
    except ConfigError as error:
        return f"{label(given)}: {error.cause}"
    return ""
