"""The user's names for the columns that a network reads."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecast.datasets.inputs import Standard
from forecast.networks.base import Network
from forecast.networks.transformer.variates import VariateTransformer

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster

CALENDAR, SERIES, TARGET = "calendar", "series", "target"
ROLES = ("past", "future", "static")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A covariate of the user's, the calendar as a whole, or the series itself, as a network reads it.

    columns: by field of the ``Window``, the columns that are the variable's; an indicator of gaps belongs to it.
    """

    name: str
    role: str
    columns: dict[str, tuple[int, ...]]


def variables_of(forecaster: "NeuralForecaster") -> list[Variable]:
    """All variables beside the target, in the order of the roles."""
    schema, covariates = forecaster.schema_, forecaster.covariates_
    found = []
    for role in ROLES:
        standard: Standard = getattr(covariates, role)
        for k, name in enumerate(getattr(schema, role)):
            own = _columns_of(standard, k)
            fields = {"future": own, "usual": own} if role == "future" else {role: own}
            found.append(Variable(name=name, role=role, columns=fields))
        for k, name in enumerate(getattr(schema, f"{role}_codes")):
            found.append(Variable(name=name, role=role, columns={f"{role}_codes": (k,)}))
    if covariates.calendar:
        dates = tuple(range(covariates.future.width, covariates.future_width))
        found.append(Variable(name=CALENDAR, role="calendar", columns={"future": dates}))
    if forecaster.series_embedding:
        found.append(Variable(name=SERIES, role="static", columns={"series": ()}))
    return found


def _columns_of(standard: Standard, k: int) -> tuple[int, ...]:
    """The column of the k-th covariate and, where it had gaps, that of its indicator."""
    return (k, len(standard.location) + sum(standard.gaps[:k])) if standard.gaps[k] else (k,)


def numeric_names(names: tuple[str, ...], standard: Standard) -> list[str]:
    """Of all numeric columns of a role: the covariates, then the indicators of those with gaps."""
    return [*names, *(f"{name} (missing)" for name, gaps in zip(names, standard.gaps, strict=True) if gaps)]


def target_names(forecaster: "NeuralForecaster") -> list[str]:
    """Of the targets that the network reads together."""
    names = [name or TARGET for name in forecaster.schema_.target]
    return names if forecaster.channels == "joint" or len(names) == 1 else [TARGET]


def selected_names(forecaster: "NeuralForecaster") -> dict[str, str]:
    """By the name that a network's selection of variables gives one (``past[0]``): the user's."""
    schema, covariates = forecaster.schema_, forecaster.covariates_
    named = {"target": target_names(forecaster)}
    for role in ROLES:
        named[role] = numeric_names(getattr(schema, role), getattr(covariates, role))
        named[f"{role}_codes"] = list(getattr(schema, f"{role}_codes"))
    return {f"{field}[{k}]": name for field, names in named.items() for k, name in enumerate(names)}


def variate_names(forecaster: "NeuralForecaster", network: Network) -> list[str] | None:
    """Of the tokens of a network whose tokens are variates; None for one whose tokens are steps in time.

    A covariate known ahead comes in three forms: as it is, less its mean, and that on the target's scale.
    """
    if not isinstance(network, VariateTransformer):
        return None
    schema, covariates = forecaster.schema_, forecaster.covariates_
    known = numeric_names(schema.future, covariates.future)
    ahead = [*known, *covariates.calendar, *(f"{name} ({form})" for form in ("unusual", "scaled") for name in known)]
    past = numeric_names(schema.past, covariates.past) + _coded(schema.past_codes, network.past_codes.widths)
    names = target_names(forecaster) + past + ahead + _coded(schema.future_codes, network.ahead.codes.widths)
    constant = network.static.project is not None or network.static.series is not None
    return [*names, "static"] if constant else names


def _coded(names: tuple[str, ...], widths: list[int]) -> list[str]:
    """A categorical covariate has a token for each number of its vector."""
    pairs = zip(names, widths, strict=True)
    return [name if width == 1 else f"{name} [{k}]" for name, width in pairs for k in range(width)]
