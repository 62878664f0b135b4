"""Who takes part in a backtest: a forecaster, the name of one, or several of these."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from forecast.datasets.schema import Roles
from forecast.errors import ConfigError
from forecast.presets import create, name_of

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster


def is_several(given: Any) -> bool:
    """Whether a list or a mapping of forecasters was given, rather than one."""
    return isinstance(given, Mapping | list | tuple)


def contenders(given: Any, horizon: int | None) -> dict[str, "Forecaster"]:
    """The forecasters by name.  Presets get the horizon, and the columns and season of the first that is no preset.

    Raises ``ConfigError`` for none at all, for an unknown preset, one without a horizon, and a name that comes twice.
    """
    if not is_several(given):
        given = (given,)
    if not isinstance(given, Mapping):
        named = [(one if isinstance(one, str) else known_as(one), one) for one in given]
        twice = next((name for name, _ in named if [other for other, _ in named].count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"two forecasters are called {twice}", "Give a mapping: {name: forecaster, …}.")
        given = dict(named)
    if not given:
        raise ConfigError("no forecaster is given", "Give one, its name, or several of them.")
    shared = _shared(next((one for one in given.values() if not isinstance(one, str)), None))
    if horizon is not None:
        shared["horizon"] = horizon
    return {str(name): create(one, **shared) if isinstance(one, str) else one for name, one in given.items()}


def known_as(forecaster: "Forecaster") -> str:
    """The name in the table that is nearest to a forecaster, or what its class calls itself."""
    try:
        return name_of(forecaster)
    except (ConfigError, AttributeError):
        return getattr(forecaster, "name", type(forecaster).__name__)


def same_horizon(named: Mapping[str, "Forecaster"], horizon: int | None) -> int:
    """The steps that all forecast; ``ConfigError`` where the forecasters' own horizons differ and none is given."""
    own = {name: forecaster.horizon for name, forecaster in named.items()}
    if horizon is None and len(set(own.values())) > 1:
        listed = ", ".join(f"{name} {steps}" for name, steps in own.items())
        raise ConfigError(f"the forecasters have different horizons: {listed}", "Name one: horizon=….")
    return next(iter(own.values())) if horizon is None else horizon


def _shared(forecaster: "Forecaster | None") -> dict[str, Any]:
    if forecaster is None:
        return {}
    names = [field.name for field in fields(Roles)]
    return {name: getattr(forecaster, name) for name in (*names, "season", "horizon") if hasattr(forecaster, name)}
