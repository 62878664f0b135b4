"""Forecasters: what a user fits."""

from forecast.estimators.base import Forecaster
from forecast.estimators.hybrid import HybridForecaster
from forecast.estimators.lstm import LSTMForecaster
from forecast.estimators.transformer import TransformerForecaster

__all__ = ["Forecaster", "HybridForecaster", "LSTMForecaster", "TransformerForecaster"]
