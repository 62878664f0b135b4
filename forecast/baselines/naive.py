"""Naive, seasonal naive, drift and mean: arithmetic over the packed panel, for all windows at once.

Intervals follow Hyndman and Athanasopoulos, Forecasting: Principles and Practice (3rd edition), section 5.5: normal,
with the residual standard deviation of the rows before each origin and the growth that each method implies.  A missing
step is no observation: a step over a gap of g steps has g times the variance of one, and forecasts start from the last
observed value, however far back.  A window without any observed value has no forecast: NaN.

Dimension key: N rows, W windows, H horizon, C channels.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecast.baselines.common import (
    Baseline,
    at_origins,
    gaussian_levels,
    last_observed,
    observed_before,
    running_sum,
    values_at,
)
from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.estimators.base import Job


@dataclass(kw_only=True, eq=False, repr=False)
class _Arithmetic(Baseline):
    """Nothing to learn: everything follows from the rows before each origin."""

    def _learn(self, panel: Panel, job: Job) -> None:
        pass

    def _forecast(self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]) -> Floats:
        point, spread = self._distribution(panel, series, ends, horizon)
        return gaussian_levels(point, spread, levels)

    def _distribution(self, panel: Panel, series: Ints, ends: Ints, horizon: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation, each (W, H, C)."""
        raise NotImplementedError


@dataclass(kw_only=True, eq=False, repr=False)
class NaiveForecaster(_Arithmetic):
    """The last observed value goes on (a random walk)."""

    name: ClassVar[str] = "naive"

    def _distribution(self, panel: Panel, series: Ints, ends: Ints, horizon: int) -> tuple[Floats, Floats]:
        last = last_observed(panel)
        rows = observed_before(last, panel, series, ends)
        steps = _steps_since(rows, panel, series, ends, horizon)
        squares, count = _difference_sums(panel, last, series, ends, season=1)
        variance = squares / np.maximum(count, 1)
        point = np.broadcast_to(values_at(panel, rows)[:, None], steps.shape)
        return point, np.sqrt(variance[:, None] * steps)


@dataclass(kw_only=True, eq=False, repr=False)
class SeasonalNaiveForecaster(NaiveForecaster):
    """The last observed value of the same phase of the season goes on.

    A phase that was never observed falls back to the naive forecast.
    """

    name: ClassVar[str] = "seasonal-naive"

    def _distribution(self, panel: Panel, series: Ints, ends: Ints, horizon: int) -> tuple[Floats, Floats]:
        point, spread = super()._distribution(panel, series, ends, horizon)
        if self.season_ == 1:
            return point, spread
        last = last_observed(panel, season=self.season_)
        wanted = ends[:, None] + np.arange(horizon) % self.season_ - self.season_  # (W, H) one season back
        found = last[np.maximum(panel.offsets[series][:, None] + wanted, 0)]
        rows = np.where((wanted >= 0)[..., None], found, -1)  # (W, H, C)
        ahead = (panel.offsets[series] + ends)[:, None] + np.arange(horizon)
        seasons = (ahead[..., None] - rows) // self.season_
        squares, count = _difference_sums(panel, last, series, ends, season=self.season_)
        variance = (squares / np.maximum(count, 1))[:, None] * seasons
        known = rows >= 0
        spread = np.where(known & (count > 0)[:, None], np.sqrt(np.where(known, variance, 0.0)), spread)
        return np.where(known, values_at(panel, rows), point), spread


@dataclass(kw_only=True, eq=False, repr=False)
class DriftForecaster(_Arithmetic):
    """The line from the first to the last observed value goes on (a random walk with drift)."""

    name: ClassVar[str] = "drift"

    def _distribution(self, panel: Panel, series: Ints, ends: Ints, horizon: int) -> tuple[Floats, Floats]:
        last = last_observed(panel)
        rows = observed_before(last, panel, series, ends)
        first = _first_observed(panel)[series]
        steps = _steps_since(rows, panel, series, ends, horizon)
        length = np.maximum(rows - first, 0).astype(np.float64)  # steps from the first to the last observed value
        value = values_at(panel, rows)
        slope = (value - values_at(panel, np.where(rows >= 0, first, -1))) / np.maximum(length, 1)
        squares, count = _difference_sums(panel, last, series, ends, season=1)
        around = np.maximum(squares - slope**2 * length, 0.0)
        # One difference alone is fitted exactly and tells nothing; its own size is the better guess.
        variance = np.where(count > 1, around / np.maximum(count - 1, 1), squares)
        growth = steps * (1 + steps / np.maximum(length, 1)[:, None])
        return value[:, None] + slope[:, None] * steps, np.sqrt(variance[:, None] * growth)


@dataclass(kw_only=True, eq=False, repr=False)
class MeanForecaster(_Arithmetic):
    """The mean of everything observed so far goes on."""

    name: ClassVar[str] = "mean"

    def _distribution(self, panel: Panel, series: Ints, ends: Ints, horizon: int) -> tuple[Floats, Floats]:
        shift = values_at(panel, _first_observed(panel))  # sums around a value of the series keep all digits at 1e9
        centred = panel.target - np.repeat(shift, panel.lengths, axis=0)
        total = at_origins(running_sum(centred, panel), panel, series, ends)
        squares = at_origins(running_sum(centred**2, panel), panel, series, ends)
        count = at_origins(running_sum(~np.isnan(centred), panel), panel, series, ends)
        with np.errstate(invalid="ignore"):  # nothing observed: 0 / 0, the NaN that is meant
            mean = total / count
        variance = np.maximum(squares - count * mean**2, 0.0) / np.maximum(count - 1, 1)
        spread = np.sqrt(variance * (1 + 1 / np.maximum(count, 1)))
        shape = (len(series), horizon, panel.channels)
        return np.broadcast_to((shift[series] + mean)[:, None], shape), np.broadcast_to(spread[:, None], shape)


def _steps_since(rows: Ints, panel: Panel, series: Ints, ends: Ints, horizon: int) -> Floats:
    """(W, H, C) steps from the last observed value, at ``rows`` (W, C), to each forecast step."""
    ahead = (panel.offsets[series] + ends)[:, None] + np.arange(horizon)
    return np.where(rows[:, None] >= 0, ahead[..., None] - rows[:, None], 0).astype(np.float64)


def _difference_sums(panel: Panel, last: Ints, series: Ints, ends: Ints, *, season: int) -> tuple[Floats, Floats]:
    """Squared differences to the phase's previous observed value, per season apart: sum and number, both (W, C)."""
    before = np.full_like(last, -1)
    before[season:] = last[:-season] if season < len(last) else last[:0]
    owner = np.searchsorted(panel.offsets, np.arange(len(last)), side="right") - 1
    before[before < panel.offsets[owner][:, None]] = -1
    apart = (np.arange(len(last))[:, None] - before) // season
    squares = (panel.target - values_at(panel, before)) ** 2 / apart  # NaN where either value is missing
    total = at_origins(running_sum(squares, panel), panel, series, ends)
    return total, at_origins(running_sum(~np.isnan(squares), panel), panel, series, ends)


def _first_observed(panel: Panel) -> Ints:
    """(S, C) row of the first observed target of each series, -1 where none is."""
    rows = np.arange(len(panel.target))
    unseen = np.where(np.isnan(panel.target), len(rows), rows[:, None])
    full = panel.lengths > 0
    first = np.full((len(panel), panel.channels), len(rows))
    if full.any():
        first[full] = np.minimum.reduceat(unseen, panel.offsets[:-1][full], axis=0)
    return np.where(first < len(rows), first, -1)
