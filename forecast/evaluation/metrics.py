"""Error measures on plain arrays.  A value counts where the actual is not NaN; a NaN forecast there gives NaN.

Dimension key: W windows, H horizon, C channels, Q levels, S series, N rows of all series together.

Every measure is a ratio of two sums over the values that count, so that results over series, steps or folds are
weighted means of one another.  ``axis`` says what to sum over, as in NumPy; where nothing counts the result is NaN,
as are shares of a sum that is 0.  Measures of quantiles, intervals and samples: ``forecast.evaluation.scores``.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from forecast.datasets.arrays import Floats, Ints
from forecast.evaluation.scores import (
    coverage,
    crps_levels,
    crps_samples,
    energy_score,
    interval_score,
    msis,
    pinball,
    width,
    wql,
)
from forecast.evaluation.values import Axis, absolute_error, counted, percentage_error, ratio, symmetric_error

if TYPE_CHECKING:
    from forecast.datasets.panel import Panel

__all__ = [
    "actuals",
    "bias",
    "coverage",
    "crps_levels",
    "crps_samples",
    "energy_score",
    "interval_score",
    "mae",
    "mape",
    "mase",
    "mase_of_windows",
    "mse",
    "msis",
    "nd",
    "owa",
    "pinball",
    "rmse",
    "rmsse",
    "seasonal_scales",
    "smape",
    "wape",
    "width",
    "wql",
]

PERIODIC = 1e-6  # a seasonal error below this share of the one-step error is rounding: the series repeats itself


def mae(actual: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Any:
    """Mean absolute error, mean |y − f|, in the units of y."""
    y, f, seen = counted(actual, forecast)
    return ratio(absolute_error(y, f), seen, axis)


def mse(actual: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Any:
    """Mean squared error, mean (y − f)²."""
    y, f, seen = counted(actual, forecast)
    return ratio(np.square(f - y), seen, axis)


def rmse(actual: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Any:
    """Root of the mean squared error, in the units of y."""
    return np.sqrt(mse(actual, forecast, axis=axis))


def bias(actual: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Any:
    """Mean error, mean (f − y): positive where the forecast is too high."""
    y, f, seen = counted(actual, forecast)
    return ratio(f - y, seen, axis)


def mape(actual: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Any:
    """Mean absolute percentage error, mean 100·|y − f| / |y|, over the values with y ≠ 0 (GluonTS masks zeros too)."""
    y, f, seen = counted(actual, forecast)
    return ratio(percentage_error(y, f), seen & (y != 0), axis)


def smape(actual: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Any:
    """Symmetric percentage error, mean 200·|y − f| / (|y| + |f|), from 0 to 200; 0 where both are 0.

    Source: Makridakis, Spiliotis, Assimakopoulos 2020, The M4 Competition.  Some libraries report half of it.
    """
    y, f, seen = counted(actual, forecast)
    return ratio(symmetric_error(y, f), seen, axis)


def wape(actual: ArrayLike, forecast: ArrayLike, *, axis: Axis = None) -> Any:
    """Weighted absolute percentage error as a share, Σ|y − f| / Σ|y|; ``nd``, normalised deviation, in GluonTS."""
    y, f, seen = counted(actual, forecast)
    return ratio(absolute_error(y, f), np.where(seen, np.abs(y), 0.0), axis)


nd = wape


def mase(actual: ArrayLike, forecast: ArrayLike, scale: ArrayLike, *, axis: Axis = None) -> Any:
    """Mean absolute scaled error, mean |y − f| / scale, over the values whose scale is not NaN.

    scale: in-sample error of the seasonal naive forecast, from ``seasonal_scales``, broadcast against y.
    Source: Hyndman and Koehler 2006, Another look at measures of forecast accuracy.
    """
    y, f, seen = counted(actual, forecast)
    divisor = np.broadcast_to(np.asarray(scale, dtype=np.float64), y.shape)
    usable = seen & ~np.isnan(divisor)
    return ratio(absolute_error(y, f) / np.where(usable, divisor, 1.0), usable, axis)


def rmsse(actual: ArrayLike, forecast: ArrayLike, squared_scale: ArrayLike, *, axis: Axis = None) -> Any:
    """Root mean squared scaled error, √ mean (y − f)² / squared scale.

    Source: Makridakis, Spiliotis, Assimakopoulos 2022, The M5 competition; the mean is inside the root, as in fev.
    """
    y, f, seen = counted(actual, forecast)
    divisor = np.broadcast_to(np.asarray(squared_scale, dtype=np.float64), y.shape)
    usable = seen & ~np.isnan(divisor)
    return np.sqrt(ratio(np.square(f - y) / np.where(usable, divisor, 1.0), usable, axis))


def owa(smape: ArrayLike, mase: ArrayLike, reference_smape: ArrayLike, reference_mase: ArrayLike) -> Any:
    """Overall weighted average, ½·(sMAPE / reference's sMAPE + MASE / reference's MASE): 1 for the reference itself.

    The competition's reference is Naive 2, naive on seasonally adjusted series; NaN where a reference's error is 0.
    Source: Makridakis, Spiliotis, Assimakopoulos 2020, The M4 Competition.
    """
    pairs = ((smape, reference_smape), (mase, reference_mase))
    given = [(np.asarray(own, np.float64), np.asarray(base, np.float64)) for own, base in pairs]
    shares = [own / np.where(base > 0, base, np.nan) for own, base in given]
    result = 0.5 * (shares[0] + shares[1])
    return float(result) if result.ndim == 0 else result


# ---------------------------------------------------------------- scales


def seasonal_scales(target: Floats, offsets: Ints, series: Ints, ends: Ints, *, season: int) -> tuple[Floats, Floats]:
    """What MASE and RMSSE divide by: mean |y_t − y_{t−season}| and its square's mean over the steps before each origin.

    target: (N, C) packed, NaN where unobserved.  series, ends: (W,): window w uses rows [0, ends[w]) of series[w].
    Returns two arrays (W, C).  Where a window has no pair of observed steps one season apart, or the seasonal error is
    0 up to rounding, steps one apart take their place (as GluonTS and the Monash archive do for short series); where
    that is 0 or undefined too, the scale is NaN and the window is left out of the mean, as in fev.
    """
    absolute, squared = _mean_differences(target, offsets, series, ends, lag=season)
    if season == 1:
        step_absolute, step_squared = absolute, squared
    else:
        step_absolute, step_squared = _mean_differences(target, offsets, series, ends, lag=1)
    usable = absolute > PERIODIC * np.nan_to_num(step_absolute)  # NaN compares as False
    absolute = np.where(usable, absolute, step_absolute)
    squared = np.where(usable, squared, step_squared)
    return np.where(absolute > 0, absolute, np.nan), np.where(absolute > 0, squared, np.nan)


def _mean_differences(target: Floats, offsets: Ints, series: Ints, ends: Ints, *, lag: int) -> tuple[Floats, Floats]:
    """Mean |d| and mean d² of d = y_t − y_{t−lag} over rows [0, end) of each window, (W, C); NaN without a pair."""
    lengths = np.diff(offsets)
    position = np.arange(len(target)) - np.repeat(offsets[:-1], lengths)
    difference = np.full(target.shape, np.nan)
    if lag < len(target):
        np.subtract(target[lag:], target[:-lag], out=difference[lag:], dtype=np.float64)
    difference[position < lag] = np.nan  # the pair would reach into the series before
    seen = ~np.isnan(difference)
    difference[~seen] = 0.0
    before = np.zeros((len(target) + 1, target.shape[1]), dtype=np.int64)
    np.cumsum(seen, axis=0, out=before[1:])
    first = offsets[series]
    count = before[first + ends] - before[first]  # (W, C)
    divisor = np.where(count > 0, count, np.nan)
    last = np.maximum(first + ends - 1, first)
    absolute = _sums_by_series(np.abs(difference), offsets)[last] / divisor
    return absolute, _sums_by_series(np.square(difference), offsets)[last] / divisor


def _sums_by_series(values: Floats, offsets: Ints) -> Floats:
    """Cumulative sums (N, C) that start anew with each series, in place: one sum over all would drown small series."""
    for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        np.cumsum(values[first:last], axis=0, out=values[first:last])
    return values


def mase_of_windows(panel: "Panel", series: Ints, ends: Ints, forecast: Floats, *, season: int) -> float:
    """MASE of point forecasts (W, H, C) for the H rows from row ``ends[w]`` of series ``series[w]``; one number."""
    scale, _ = seasonal_scales(panel.target, panel.offsets, series, ends, season=season)
    actual = actuals(panel, series, ends, horizon=forecast.shape[1])
    return float(mase(actual, forecast, scale[:, None, :]))


def actuals(panel: "Panel", series: Ints, ends: Ints, *, horizon: int) -> Floats:
    """The targets (W, H, C) of the H rows from row ``ends[w]``; NaN where unobserved or beyond the series' end."""
    relative = ends[:, None] + np.arange(horizon)  # (W, H)
    known = relative < panel.ends[series][:, None]
    rows = panel.offsets[series][:, None] + np.where(known, relative, 0)
    return np.where(known[..., None], panel.target[rows], np.nan).astype(np.float64, copy=False)
