"""A linear map from the last window to the horizon, one for all series and channels.

Zeng et al. (2023) showed that such a map is hard to beat over long horizons; Toner and Darlow (2024) that its variants
are one least-squares problem with a closed form.  Here windows are centred and scaled by themselves, so that the map
carries a shift or another unit of the series over to the forecast exactly.

Dimension key: N rows, W windows, L lookback, H horizon, C channels, G grid of levels.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from forecast.baselines.common import Baseline, at_origins, last_observed, running_sum
from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.seasons import detect_cycles
from forecast.estimators.base import Job
from forecast.estimators.settings import Range, setting

Chosen = tuple[Ints, Ints]  # windows as (series, ends), each (W,)

LONGEST = 512  # steps of lookback that are chosen without being asked for
BATCH = 4096  # windows gathered at a time
FLOOR = 0.01  # least scale of a window, as a share of the mean change of a step so far
PENALTIES = np.logspace(-6, 2, 9)  # ridge penalties tried, per training window
GRID = np.concatenate([[0.005], np.arange(1, 100) / 100, [0.995]])  # levels at which residuals are kept


@dataclass(kw_only=True, eq=False, repr=False)
class LinearForecaster(Baseline):
    """Ridge regression from the lookback, centred and scaled by itself, to the horizon, solved in closed form.

    The penalty is the best on windows held out at the end of every series, whose residuals, per step, also give the
    spread of the levels; the map is then solved again on all windows.  A missing step counts as its last observed
    value.  A longer horizon is reached by feeding forecasts back, the spread growing with the square root of the steps.
    """

    lookback: int | None = setting(
        None, help="steps of context; two of the longest cycles, at least two horizons, when None", low=1
    )
    ridge: float | None = setting(
        None,
        help="penalty per window; the best on held-out windows when None",
        low=0,
        search=Range(low=1e-6, high=100, log=True),
    )
    max_windows: int = setting(20_000, help="windows, of all channels, learned from at most; evenly drawn", low=10)

    name: ClassVar[str] = "linear"

    def _context_steps(self) -> int:
        return self.lookback_

    def _learn(self, panel: Panel, job: Job) -> None:
        self.lookback_ = self.lookback or self._find_lookback(panel)
        self._channels = panel.channels
        source = _Source(panel, self.lookback_)
        everything, train, held = self._split(panel)
        penalty, quantiles = self.ridge, None
        if len(held[0]):
            penalty, quantiles = self._validate(source, train, held)
        self.ridge_ = PENALTIES[len(PENALTIES) // 2] if penalty is None else penalty
        gram = _Gram(source, self._drawn(*everything), self.horizon)
        self.weights_ = gram.solve(self.ridge_)
        self.quantiles_ = _quantiles([gram.residuals(self.weights_)]) if quantiles is None else quantiles
        self.report_ |= {"lookback": self.lookback_, "ridge": float(self.ridge_), "windows": gram.count}

    def _find_lookback(self, panel: Panel) -> int:
        """Two of the longest cycle that fits, at least two horizons, within half of what the median series has left."""
        room = max((int(np.median(panel.ends)) - self.horizon + 1) // 2, 1)
        cycles = sorted({self.season_, *detect_cycles(panel)})
        fitting = [cycle for cycle in cycles if cycle <= min(room, LONGEST // 2)] or [1]
        return min(max(2 * fitting[-1], 2 * self.horizon), room, LONGEST)

    def _split(self, panel: Panel) -> tuple[Chosen, Chosen, Chosen]:
        """All windows, those to train on and those held out; no target of a held-out one is trained on.

        Held out are the origins of the last fifth of a series, at least one, where as many are left to train on.
        """
        first, last = np.minimum(self.lookback_, panel.ends - 1).clip(1), panel.ends - self.horizon
        held = np.maximum((last - first + 1 - self.horizon) // 5, 0)
        held = np.where((held == 0) & (last - first >= 2 * self.horizon), 1, held)
        final = np.where(held > 0, last - held - self.horizon + 1, last)
        return _windows(first, last), _windows(first, final), _windows(last - held + 1, last)

    def _validate(self, source: "_Source", train: Chosen, held: Chosen) -> tuple[float, Floats]:
        """The best penalty on the held-out windows, and the quantiles of its errors there."""
        gram = _Gram(source, self._drawn(*train), self.horizon)
        windows = self._drawn(*held)
        penalties = PENALTIES if self.ridge is None else np.array([self.ridge])
        maps = [gram.solve(penalty) for penalty in penalties]
        losses = np.zeros(len(maps))
        for x, y, seen in source.batches(windows, self.horizon):
            losses += [np.abs((y - x @ weights)[seen]).sum() for weights in maps]
        best = int(losses.argmin())
        errors = [np.where(seen, y - x @ maps[best], np.nan) for x, y, seen in source.batches(windows, self.horizon)]
        return float(penalties[best]), _quantiles(errors)

    def _drawn(self, series: Ints, ends: Ints) -> Chosen:
        """As many of the windows as ``max_windows`` allows, one drawn from each of so many equal stretches."""
        most = max(self.max_windows // self._channels, 1)
        if len(series) <= most:
            return series, ends
        within = np.random.default_rng(self.seed).random(most)
        chosen = ((np.arange(most) + within) * (len(series) / most)).astype(np.int64)
        return series[chosen], ends[chosen]

    def _forecast(self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]) -> Floats:
        source = _Source(panel, self.lookback_)
        spread = _spread(self.quantiles_, horizon, levels)  # (H, 1 + Q)
        result = np.empty((len(series), horizon, panel.channels, 1 + len(levels)))
        for begin in range(0, len(series), BATCH):
            part = slice(begin, begin + BATCH)
            x, location, scale = source.gather(series[part], ends[part])
            path = np.concatenate([x[:, :-1], np.zeros((len(x), 0))], axis=1)
            while path.shape[1] < self.lookback_ + horizon:
                recent = np.append(path[:, -self.lookback_ :], np.ones((len(path), 1)), axis=1)
                path = np.concatenate([path, recent @ self.weights_], axis=1)
            steps = path[:, self.lookback_ : self.lookback_ + horizon, None] + spread
            values = steps * scale[:, None, None] + location[:, None, None]
            result[part] = values.reshape(-1, panel.channels, *spread.shape).transpose(0, 2, 1, 3)
        return result

    def estimate_seconds(self, panel: Panel, windows: int) -> float:
        """From the time of one product of the kind that learning consists of."""
        lookback = getattr(self, "lookback_", None) or self.lookback or self._guess_lookback()
        learned = min(int(panel.ends.sum()) * panel.channels, self.max_windows)
        block, trials = np.ones((512, lookback + 1)), []
        for _ in range(4):
            began = time.perf_counter()
            block.T @ block
            trials.append(time.perf_counter() - began)
        per_window = min(trials) / len(block)
        products = 3 * learned * (1 + self.horizon / lookback) + windows * panel.channels * self.horizon / lookback
        return 0.2 + products * per_window + 1e-7 * learned * self.horizon + 5e-9 * lookback**3

    def _guess_lookback(self) -> int:
        return min(max(2 * (getattr(self, "season_", None) or self.season or 1), 2 * self.horizon), LONGEST)

    def _state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        state = {"lookback": self.lookback_, "ridge": float(self.ridge_)}
        return state, {"weights": self.weights_, "quantiles": self.quantiles_}

    def _restore(self, state: dict[str, Any], arrays: dict[str, Floats]) -> None:
        self.lookback_, self.ridge_ = int(state["lookback"]), float(state["ridge"])
        self.weights_, self.quantiles_ = arrays["weights"], arrays["quantiles"]
        shapes = (self.lookback_ + 1, self.horizon), (self.horizon, len(GRID))
        for array, shape in zip((self.weights_, self.quantiles_), shapes, strict=True):
            if self.lookback_ < 1 or array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"an array of shape {array.shape} is no finite one of shape {shape}")


class _Source:
    """The windows of a panel, gathered by index with gaps filled from the past alone."""

    def __init__(self, panel: Panel, lookback: int) -> None:
        self.panel = panel
        self.lookback = lookback
        self.last = last_observed(panel)
        change = np.abs(np.diff(panel.target.astype(np.float64), axis=0, prepend=np.nan))
        change[panel.offsets[:-1][panel.lengths > 0]] = np.nan
        steps = np.maximum(running_sum(~np.isnan(change), panel), 1)
        self.change = running_sum(change, panel) / steps  # (N, C) mean change of a step, up to each row

    def gather(self, series: Ints, ends: Ints) -> tuple[Floats, Floats, Floats]:
        """Inputs (W·C, L + 1) with a closing 1, and the location and scale (W·C,) by which they were normalised.

        What was never observed is 0 in the input; a window without any observed value has a location of NaN.
        """
        local = ends[:, None] + np.arange(-self.lookback, 0)
        rows = self.panel.offsets[series][:, None] + np.maximum(local, 0)
        last = np.where((local >= 0)[..., None], self.last[rows], -1)  # (W, L, C)
        values = self.panel.target[last, np.arange(self.panel.channels)].astype(np.float64)
        values = np.where(last >= 0, values, np.nan).transpose(0, 2, 1).reshape(-1, self.lookback)
        seen = ~np.isnan(values)
        count = seen.sum(axis=1)
        anchor = np.where(count > 0, values[:, -1], np.nan)  # the last value: sums stay small at a level of 1e9
        centred = np.where(seen, values - anchor[:, None], 0.0)
        mean = centred.sum(axis=1) / np.maximum(count, 1)
        centred = np.where(seen, centred - mean[:, None], 0.0)
        scale = np.sqrt((centred**2).sum(axis=1) / np.maximum(count, 1))
        scale = np.maximum(scale, FLOOR * at_origins(self.change, self.panel, series, ends).ravel())
        scale = np.where(scale > 0, scale, 1.0)
        inputs = np.append(centred / scale[:, None], np.ones((len(centred), 1)), axis=1)
        return inputs, anchor + mean, scale

    def batches(self, windows: Chosen, horizon: int) -> Iterator[tuple[Floats, Floats, Any]]:
        """Inputs (B, L + 1), normalised targets (B, H) and whether each was observed, for windows with any observed.

        A missing target takes the value observed before it, so that complete steps are not lost; it is not scored.
        """
        for begin in range(0, len(windows[0]), BATCH):
            series, ends = (part[begin : begin + BATCH] for part in windows)
            x, location, scale = self.gather(series, ends)
            rows = (self.panel.offsets[series] + ends)[:, None] + np.arange(horizon)
            last = self.last[rows].transpose(0, 2, 1).reshape(-1, horizon)  # (B·C, H)
            channel = np.tile(np.arange(self.panel.channels), len(series))[:, None]
            y = (self.panel.target[last, channel] - location[:, None]) / scale[:, None]
            seen = last == np.repeat(rows, self.panel.channels, axis=0)
            usable = seen.any(axis=1) & np.isfinite(location) & (last >= 0).all(axis=1)
            yield x[usable], np.clip(y, -50, 50)[usable], seen[usable]


class _Gram:
    """Sums over training windows from which the map for any penalty follows."""

    def __init__(self, source: _Source, windows: Chosen, horizon: int) -> None:
        self.source, self.windows, self.horizon = source, windows, horizon
        self.count = 0
        inner = np.zeros((source.lookback + 1, source.lookback + 1))
        self.outer = np.zeros((source.lookback + 1, horizon))
        for x, y, _ in source.batches(windows, horizon):
            inner += x.T @ x
            self.outer += x.T @ y
            self.count += len(x)
        self.values, self.vectors = np.linalg.eigh(inner)

    def solve(self, penalty: float) -> Floats:
        """(L + 1, H): the ridge solution for ``penalty`` per window; what no window tells apart stays 0."""
        stretched = np.maximum(self.values, 0.0) + penalty * max(self.count, 1)
        keep = stretched > 1e-12 * max(float(stretched.max()), 1e-300)
        inverse = np.where(keep, 1 / np.where(keep, stretched, 1.0), 0.0)
        weights: Floats = self.vectors @ (inverse[:, None] * (self.vectors.T @ self.outer))
        return weights

    def residuals(self, weights: Floats) -> Floats:
        """(B, H) errors on the windows themselves, NaN where the target was not observed."""
        parts = [
            np.where(seen, y - x @ weights, np.nan) for x, y, seen in self.source.batches(self.windows, self.horizon)
        ]
        return np.concatenate([np.zeros((0, self.horizon)), *parts])


def _windows(first: Ints, last: Ints) -> Chosen:
    """All windows with ``first`` <= end <= ``last`` of every series, as (series, ends)."""
    counts = np.maximum(last - first + 1, 0)
    series = np.repeat(np.arange(len(first)), counts)
    return series, first[series] + np.arange(len(series)) - np.repeat(counts.cumsum() - counts, counts)


def _quantiles(errors: list[Floats]) -> Floats:
    """(H, G) quantiles of the errors of every step around their median; 0 where a step has no error."""
    stacked = np.concatenate(errors)
    found = np.zeros((stacked.shape[1], len(GRID)))
    for h in range(stacked.shape[1]):
        known = stacked[~np.isnan(stacked[:, h]), h]
        if len(known):
            found[h] = np.quantile(known, GRID) - np.median(known)
    return found


def _spread(quantiles: Floats, horizon: int, levels: tuple[float, ...]) -> Floats:
    """(H, 1 + Q) what is added to the point forecast: 0, then each level's distance."""
    trained = len(quantiles)
    steps = np.arange(horizon)
    growth = np.sqrt(np.maximum((steps + 1) / trained, 1.0))[:, None]
    at_levels = np.stack([np.interp(levels, GRID, row) for row in quantiles]).reshape(trained, len(levels))
    return np.concatenate([np.zeros((horizon, 1)), at_levels[np.minimum(steps, trained - 1)] * growth], axis=1)
