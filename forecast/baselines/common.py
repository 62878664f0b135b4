"""What the baselines share.  Dimension key: N rows, W windows, H horizon, C channels, Q levels."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import ClassVar

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.estimators.base import Forecaster


@dataclass(kw_only=True, eq=False, repr=False)
class Baseline(Forecaster):
    """A forecaster without a network; says beforehand what it costs."""

    keeps_to_origins: ClassVar[bool] = True

    def estimate_seconds(self, panel: Panel, windows: int) -> float:
        """Seconds that learning from ``panel`` and forecasting ``windows`` windows will take, from a small trial.

        0 for forecasters that are arithmetic over the packed panel.
        """
        return 0.0


def gaussian_levels(point: Floats, spread: Floats, levels: tuple[float, ...]) -> Floats:
    """Normal forecasts with standard deviation ``spread``, both (W, H, C), as (W, H, C, 1 + Q): points, then levels."""
    scores = np.array([0.0, *(NormalDist().inv_cdf(level) for level in levels)])
    values: Floats = point[..., None] + spread[..., None] * scores
    return values


def series_of_rows(panel: Panel) -> Ints:
    """(N,) the series that each row belongs to."""
    return np.repeat(np.arange(len(panel)), panel.lengths)


def last_observed(panel: Panel, *, season: int = 1) -> Ints:
    """(N, C) row of the last observed target at or before each row in the same series and phase, -1 where none is.

    The phase is the place in the series modulo ``season``.  Rows are laid out phase by phase (the places follow from
    arithmetic, not from a sort), where a running maximum of observed places answers for all of them at once.
    """
    owner = series_of_rows(panel)
    local = np.arange(len(owner)) - panel.offsets[owner]
    phase, length = local % season, panel.lengths[owner]
    begin = panel.offsets[owner] + phase * (length // season) + np.minimum(phase, length % season)
    place = begin + local // season  # (N,) where each row stands in the phase-by-phase layout
    row_at = np.empty_like(place)
    row_at[place] = np.arange(len(place))
    seen = np.where(np.isnan(panel.target[row_at]), -1, np.arange(len(place))[:, None])
    last = np.maximum.accumulate(seen, axis=0)[place]
    return np.where(last >= begin[:, None], row_at[last], -1)


def running_sum(values: Floats, panel: Panel) -> Floats:
    """(N, C) sums from the start of each series through each row; NaN counts as 0.

    Restarting in every series (and compensated, as pandas does it) keeps a series of small values exact that is packed
    after one of large values.
    """
    sums = pd.DataFrame(np.nan_to_num(values)).groupby(series_of_rows(panel), sort=False).cumsum()
    return sums.to_numpy()


def at_origins(values: Floats, panel: Panel, series: Ints, ends: Ints) -> Floats:
    """(W, C) of ``values`` (N, C) at the last row before each end; 0 where a window has no row before it."""
    rows = np.maximum(panel.offsets[series] + ends - 1, 0)
    return np.where((ends > 0)[:, None], values[rows], 0.0)


def observed_before(last: Ints, panel: Panel, series: Ints, ends: Ints) -> Ints:
    """(W, C) rows of the last observed targets before each end, from ``last_observed`` (N, C); -1 where none is."""
    rows = np.maximum(panel.offsets[series] + ends - 1, 0)
    return np.where((ends > 0)[:, None], last[rows], -1)


def values_at(panel: Panel, rows: Ints) -> Floats:
    """The target at ``rows`` (..., C), float64, NaN where the row is -1."""
    channels = np.arange(panel.channels)
    return np.where(rows >= 0, panel.target[rows, channels].astype(np.float64), np.nan)
