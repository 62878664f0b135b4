"""Backtests with calibrated intervals, without new forecasts.

Dimension key: W windows, S series, H horizon, B bands.
"""

from dataclasses import replace

import numpy as np

from forecast.datasets.arrays import Floats
from forecast.evaluation.results import Backtest
from forecast.intervals.conformal import Calibration
from forecast.intervals.scales import recent_scales


def calibrated_backtest(backtest: Backtest, calibration: Calibration, *, name: str = "conformal") -> Backtest:
    """The backtest that a forecaster would have with these intervals, from its own forecasts.

    Honest where the calibration comes from earlier folds, as ``split_folds`` sets them apart.  An adaptive one goes on
    adapting: each series, before each of its windows, to those of its windows that are over at the origin.
    Levels are the backtest's or, of points alone, the calibration's.  Raises ``ConfigError`` for a level outside of the
    calibrated ones.
    """
    levels = backtest.levels or calibration.levels
    values = backtest.values if backtest.levels else np.repeat(backtest.values, 1 + len(levels), axis=-1)
    padded = np.concatenate([np.repeat(values[:, :1], backtest.gap, axis=1), values], axis=1)  # its steps are counted
    scale = recent_scales(backtest.panel, backtest.series, backtest.ends, season=calibration.season)
    shift = _shifts(backtest, calibration, values, levels, scale) if calibration.kind == "adaptive" else None
    found = calibration.apply(padded, levels, scale, shift=shift)[:, backtest.gap :]
    return replace(backtest, name=name, levels=levels, values=found)


def _shifts(
    backtest: Backtest, calibration: Calibration, values: Floats, levels: tuple[float, ...], scale: Floats
) -> Floats:
    """(W, B) the shift at each origin."""
    gap = backtest.gap
    late = replace(calibration, thresholds=calibration.thresholds[gap:], spread=calibration.spread[gap:])
    scores = late.excesses(values, levels, backtest.actual, scale)
    over = -(-(backtest.horizon + gap) // backtest.step)  # folds until a window is over
    current = np.repeat(calibration.shift[None], len(backtest.panel), axis=0)  # (S, B)
    found = np.empty((len(backtest), current.shape[1]))
    for fold in range(backtest.folds):
        past, now = np.flatnonzero(backtest.fold == fold - over), np.flatnonzero(backtest.fold == fold)
        series = backtest.series[past]
        current[series] = late.stepped(current[series], late.shares(late.misses(scores[past], current[series])))
        found[now] = current[backtest.series[now]]
    return found
