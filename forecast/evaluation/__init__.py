"""Judging forecasters: measures of error, rolling-origin backtests, and comparisons."""

from forecast.evaluation.backtest import backtest
from forecast.evaluation.leaderboard import Comparison, compare, leaderboard
from forecast.evaluation.results import Backtest

__all__ = ["Backtest", "Comparison", "backtest", "compare", "leaderboard"]
