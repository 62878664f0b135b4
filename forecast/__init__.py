"""Time-series forecasting with interchangeable LSTM, Transformer and hybrid networks."""

from importlib import import_module
from typing import Any

# Public name -> module that defines it. Heavy libraries are imported with the first name that needs them.
_HOME = {
    "LSTMForecaster": "forecast.estimators",
    "TransformerForecaster": "forecast.estimators",
    "HybridForecaster": "forecast.estimators",
    "NaiveForecaster": "forecast.baselines",
    "SeasonalNaiveForecaster": "forecast.baselines",
    "DriftForecaster": "forecast.baselines",
    "MeanForecaster": "forecast.baselines",
    "ETSForecaster": "forecast.baselines",
    "ThetaForecaster": "forecast.baselines",
    "ARIMAForecaster": "forecast.baselines",
    "LinearForecaster": "forecast.baselines",
    "create": "forecast.presets",
    "load": "forecast.persistence",
    "backtest": "forecast.evaluation",
    "TimeSplit": "forecast.datasets",
    "load_dataset": "forecast.datasets",
    "ForecastError": "forecast.errors",
    "DataError": "forecast.errors",
    "ConfigError": "forecast.errors",
    "ModelFormatError": "forecast.errors",
}

__version__ = "0.1.0"
__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'forecast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
