"""Forecasters: what a user fits.  Each family is imported with its name, so that a baseline does not bring torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster
    from forecast.estimators.hybrid import HybridForecaster
    from forecast.estimators.lstm import LSTMForecaster
    from forecast.estimators.transformer import TransformerForecaster

__all__ = ["Forecaster", "HybridForecaster", "LSTMForecaster", "TransformerForecaster"]

_HOME = {
    "Forecaster": "forecast.estimators.base",
    "HybridForecaster": "forecast.estimators.hybrid",
    "LSTMForecaster": "forecast.estimators.lstm",
    "TransformerForecaster": "forecast.estimators.transformer",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'forecast.estimators' has no attribute {name!r}")
