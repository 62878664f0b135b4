"""Forecasters without a network: the floor that every other one has to beat, and on short series often the answer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.baselines.linear import LinearForecaster
    from forecast.baselines.naive import DriftForecaster, MeanForecaster, NaiveForecaster, SeasonalNaiveForecaster
    from forecast.baselines.statistical import ARIMAForecaster, ETSForecaster, ThetaForecaster

# Loaded on demand: the worker processes of the statistical forecasters import this package for its array functions,
# and would otherwise load torch along with the estimators.
_HOME = {
    "NaiveForecaster": "naive",
    "SeasonalNaiveForecaster": "naive",
    "DriftForecaster": "naive",
    "MeanForecaster": "naive",
    "ETSForecaster": "statistical",
    "ThetaForecaster": "statistical",
    "ARIMAForecaster": "statistical",
    "LinearForecaster": "linear",
}

__all__ = [
    "ARIMAForecaster",
    "DriftForecaster",
    "ETSForecaster",
    "LinearForecaster",
    "MeanForecaster",
    "NaiveForecaster",
    "SeasonalNaiveForecaster",
    "ThetaForecaster",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"forecast.baselines.{_HOME[name]}"), name)
    raise AttributeError(f"module 'forecast.baselines' has no attribute {name!r}")
