"""Forecasters made of several: weights learned from backtests, and the combination as a forecaster of its own."""

from forecast.ensembles.backtests import combined_backtest, split_folds
from forecast.ensembles.combined import CombinedForecaster
from forecast.ensembles.weights import Weighting, Weights, combine, weigh

__all__ = ["CombinedForecaster", "Weighting", "Weights", "combine", "combined_backtest", "split_folds", "weigh"]
