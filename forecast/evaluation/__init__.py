"""Judging forecasters: measures of error, rolling-origin backtests, and comparisons."""

from forecast.evaluation.backtest import backtest
from forecast.evaluation.comparison import compare, contest
from forecast.evaluation.existing import evaluate
from forecast.evaluation.findings import Comparison, Contest
from forecast.evaluation.leaderboard import leaderboard
from forecast.evaluation.results import Backtest
from forecast.evaluation.sets import over_sets
from forecast.evaluation.significance import diebold_mariano, holm

__all__ = [
    "Backtest",
    "Comparison",
    "Contest",
    "backtest",
    "compare",
    "contest",
    "diebold_mariano",
    "evaluate",
    "holm",
    "leaderboard",
    "over_sets",
]
