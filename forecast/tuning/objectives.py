"""What a search makes small: errors of the backtest, and what a forecaster costs."""

from collections.abc import Sequence

from forecast.errors import ConfigError, unknown_name
from forecast.evaluation.results import Backtest

COSTS = {
    "latency": "milliseconds per forecast of a window, as the backtest makes them",
    "size": "learned parameters; 0 where nothing is learned by gradients",
    "fit_seconds": "seconds that all fits took",
}
POINT_ERRORS = ("mase", "rmsse", "mae", "rmse", "mse", "mape", "smape", "wape", "bias")
LEVEL_ERRORS = ("wql", "pinball", "crps", "msis")  # need quantile levels
COVERAGE = "coverage_"  # followed by the percentage of a central interval


def check_objectives(objectives: Sequence[str], levels: tuple[float, ...] | None) -> tuple[str, ...]:
    """The names, each once; ``ConfigError`` for one that is not known or that needs levels which are not forecast."""
    names = tuple(dict.fromkeys(objectives))
    if not names:
        raise ConfigError("no objective is named", "Name at least one, such as mase.")
    intervals = _intervals(levels or ())
    known = (*POINT_ERRORS, *LEVEL_ERRORS, *COSTS, *intervals)
    for name in names:
        if name not in known:
            raise unknown_name("objective", name, known)
        if name in LEVEL_ERRORS and not levels:
            raise ConfigError(f"{name} needs quantile levels, and levels=None", "Give levels, or another objective.")
    return names


def value_of(name: str, result: Backtest) -> float:
    """The objective's value of a backtest, smaller being better: of bias and coverage the distance from the ideal.

    Raises ``ConfigError`` where it is undefined.
    """
    if name == "latency":
        return 1000.0 * result.predict_seconds / len(result)
    if name == "fit_seconds":
        return result.fit_seconds
    if name == "size":
        return float(result.report.get("parameters", 0))
    found = result.metrics().get(name, float("nan"))
    if found != found:
        remedy = "Choose an error in the data's units, such as mae." if name in ("mase", "rmsse") else "Choose another."
        raise ConfigError(f"the objective {name} is undefined on these folds", remedy, name=name)
    if name == "bias":
        return abs(found)
    return abs(found - float(name.removeprefix(COVERAGE)) / 100) if name.startswith(COVERAGE) else found


def _intervals(levels: tuple[float, ...]) -> list[str]:
    from forecast.evaluation.sums import intervals

    return [f"{COVERAGE}{name}" for name in intervals(levels)]
