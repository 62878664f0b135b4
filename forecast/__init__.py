"""Time-series forecasting with interchangeable LSTM, Transformer and hybrid networks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see of the lazy names below; a test keeps the two in step
    from forecast.automatic import AutoForecaster as AutoForecaster
    from forecast.baselines import ARIMAForecaster as ARIMAForecaster
    from forecast.baselines import DriftForecaster as DriftForecaster
    from forecast.baselines import ETSForecaster as ETSForecaster
    from forecast.baselines import LinearForecaster as LinearForecaster
    from forecast.baselines import MeanForecaster as MeanForecaster
    from forecast.baselines import NaiveForecaster as NaiveForecaster
    from forecast.baselines import SeasonalNaiveForecaster as SeasonalNaiveForecaster
    from forecast.baselines import ThetaForecaster as ThetaForecaster
    from forecast.datasets import TimeSplit as TimeSplit
    from forecast.datasets import load_dataset as load_dataset
    from forecast.ensembles import CombinedForecaster as CombinedForecaster
    from forecast.errors import ConfigError as ConfigError
    from forecast.errors import DataError as DataError
    from forecast.errors import ForecastError as ForecastError
    from forecast.errors import ModelFormatError as ModelFormatError
    from forecast.errors import NotFittedError as NotFittedError
    from forecast.errors import TrainingError as TrainingError
    from forecast.estimators import Forecaster as Forecaster
    from forecast.estimators import HybridForecaster as HybridForecaster
    from forecast.estimators import LSTMForecaster as LSTMForecaster
    from forecast.estimators import TransformerForecaster as TransformerForecaster
    from forecast.evaluation.backtest import backtest as backtest
    from forecast.evaluation.existing import evaluate as evaluate
    from forecast.intervals import ConformalForecaster as ConformalForecaster
    from forecast.persistence import load as load
    from forecast.presets import create as create
    from forecast.tuning.tune import tune as tune

# Public name -> module that defines it. Heavy libraries are imported with the first name that needs them.
_HOME = {
    "Forecaster": "forecast.estimators",
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
    "AutoForecaster": "forecast.automatic",
    "CombinedForecaster": "forecast.ensembles",
    "ConformalForecaster": "forecast.intervals",
    "create": "forecast.presets",
    "load": "forecast.persistence",
    "backtest": "forecast.evaluation.backtest",
    "evaluate": "forecast.evaluation.existing",
    "tune": "forecast.tuning.tune",
    "TimeSplit": "forecast.datasets",
    "load_dataset": "forecast.datasets",
    "ForecastError": "forecast.errors",
    "DataError": "forecast.errors",
    "ConfigError": "forecast.errors",
    "NotFittedError": "forecast.errors",
    "ModelFormatError": "forecast.errors",
    "TrainingError": "forecast.errors",
}

__version__ = "0.1.0"
__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'forecast' has no attribute {name!r}")
    from forecast.startup import settled_imports

    with settled_imports():
        value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
