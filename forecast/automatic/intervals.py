"""Whether the chosen forecaster's intervals are better calibrated than as they are.  Dimension key: W windows."""

from dataclasses import dataclass, replace

import numpy as np

from forecast.automatic.parts import half_of, part_of
from forecast.evaluation.results import Backtest
from forecast.evaluation.sums import intervals
from forecast.intervals.conformal import Calibration, calibrate
from forecast.intervals.scales import recent_scales

CLOSER = 0.01  # by how much nearer to what it promises the coverage of the widest interval has to come
WORSE = 1.01  # quantile loss over the one before that this may cost


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibrated:
    """A calibration that helps.  backtest: its levels, each half of the windows calibrated by the other half."""

    calibration: Calibration
    backtest: Backtest
    why: str


def calibration_of(result: Backtest) -> Calibrated | None:
    """The calibration by all windows of a backtest, if one by half of them helps on the other half; else None."""
    widest = next(iter(intervals(result.levels)), None)
    half = half_of(result)
    if widest is None or half is None or not _varies(result):
        return None
    values = result.values.copy()
    for learned_on in (half, ~half):
        learned, judged = part_of(result, learned_on), part_of(result, ~learned_on)
        if not _varies(learned):
            return None
        scale = recent_scales(judged.panel, judged.series, judged.ends, season=judged.season)
        values[~learned_on] = calibrate(learned).apply(judged.values, judged.levels, scale)
    after = replace(result, values=values)
    promised, column = float(widest) / 100, f"coverage_{widest}"
    held, holds = result.metrics()[column], after.metrics()[column]
    nearer = abs(held - promised) - abs(holds - promised)
    if nearer < CLOSER or after.metrics()["wql"] > WORSE * result.metrics()["wql"]:
        return None
    why = f"Intervals are calibrated on the folds: the {widest} % one held {held:.0%}, and {holds:.0%} once calibrated."
    return Calibrated(calibration=calibrate(result), backtest=after, why=why)


def _varies(result: Backtest) -> bool:
    """Whether there is any error to calibrate by, in a series that has a scale."""
    scale = recent_scales(result.panel, result.series, result.ends, season=result.season)
    seen = ~np.isnan(result.actual) & (scale > 0)[:, None, :]
    return bool((np.abs(result.actual - result.values[..., 0])[seen] > 0).any())
