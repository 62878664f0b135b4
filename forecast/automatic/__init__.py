"""The automatic choice: what is tried in a given time, on which folds, and what can be trusted of it."""

from forecast.automatic.forecaster import AutoForecaster

__all__ = ["AutoForecaster"]
