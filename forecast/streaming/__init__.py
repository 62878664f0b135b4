"""Forecasts from row after row: ``forecaster.stream()``."""

from forecast.streaming.stream import Stream

__all__ = ["Stream"]
