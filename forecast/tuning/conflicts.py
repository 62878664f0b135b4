"""Settings that do not go together are changed until they do, before anything is trained with them."""

from collections.abc import Mapping
from typing import Any

from forecast.errors import ConfigError
from forecast.estimators.base import Forecaster
from forecast.estimators.settings import value_faults
from forecast.tuning.ranges import Ranged


def settle(forecaster: Forecaster, search: Mapping[str, Ranged], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Change as few of the searched settings as it takes for them to go together; the changes by name.

    A choice gives way to the other choices of its setting, nearest first where they are numbers, and any value to the
    ``usual`` one.  Raises ``ConfigError`` where no single change after another helps.
    """
    changes: dict[str, Any] = {}
    faults = _faults(forecaster)
    while faults:
        better = _best_change(forecaster, search, usual, len(faults))
        if better is None:
            raise ConfigError("; ".join(faults), "Narrow the search space to settings that go together.")
        name, value = better
        setattr(forecaster, name, value)
        changes[name] = value
        faults = _faults(forecaster)
    return changes


def _best_change(
    forecaster: Forecaster, search: Mapping[str, Ranged], usual: Mapping[str, Any], faults: int
) -> tuple[str, Any] | None:
    """The change of one setting that leaves the fewest faults, fewer than there are; the last declared one first."""
    best: tuple[str, Any] | None = None
    least = faults
    for name in reversed(list(search)):
        now = getattr(forecaster, name)
        for value in _others(search[name], now, usual[name]):
            setattr(forecaster, name, value)
            left = len(_faults(forecaster))
            if left < least:
                best, least = (name, value), left
        setattr(forecaster, name, now)
    return best


def _others(search: Ranged, now: Any, usual: Any) -> list[Any]:
    """What may stand in for a setting's value: the usual one of a range, and the other choices."""
    choices = list(search) if isinstance(search, tuple) else []
    if isinstance(now, int | float) and all(isinstance(one, int | float) for one in choices):
        choices.sort(key=lambda one: abs(one - now))
    return [one for one in (*choices, usual) if one != now]


def _faults(forecaster: Forecaster) -> list[str]:
    return list(value_faults(forecaster)) or list(forecaster._conflicts())
