"""Intervals that cover as often as they say, around any forecaster: conformal prediction."""

from forecast.intervals.backtests import calibrated_backtest
from forecast.intervals.conformal import Calibration, Kind, calibrate
from forecast.intervals.forecaster import ConformalForecaster

__all__ = ["Calibration", "ConformalForecaster", "Kind", "calibrate", "calibrated_backtest"]
