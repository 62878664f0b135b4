"""The optimised Theta method: part of the linear trend on top of exponential smoothing of the deseasonalised series.

Assimakopoulos and Nikolopoulos (2000) take half of the trend; Fiorucci et al. (2016) choose the share, the smoothing
weight and the first level together, by the squared one-step errors, as is done here.  For a given weight the errors
are linear in the other two, so that only the weight has to be searched, for all series at once.

Dimension key: T steps, B series, A weights, E origins, H horizon.
"""

from collections.abc import Sequence

import numpy as np

from forecast.baselines.batches import Batch
from forecast.baselines.local import Ahead, Outcome
from forecast.datasets.arrays import Floats, Ints

LEAST, MOST = 0.01, 0.999  # smoothing weight
TRIED, SEARCHES = 16, 3  # weights that are tried at a time, and how often between the best one's neighbours


class Theta:
    """Parameters: smoothing weight alpha, first level, share of the trend (1 - 1 / theta), variance of one-step errors.

    The trend is a least-squares line through the values up to each origin.
    """

    name = "theta"
    deseasonalise = True
    values_at_a_time = 60_000

    def learn(self, series: Sequence[Floats], *, season: int, positive: Sequence[bool]) -> list[Outcome]:
        batch = Batch.of(series)
        last = batch.lengths - 1, np.arange(len(series))
        params = best_parameters(batch, slopes(batch.values)[last])
        return [("theta", column) for column in params.T]

    def forecast(
        self,
        series: Sequence[Floats],
        ends: Sequence[Ints],
        *,
        learned: Sequence[tuple[str, Floats]],
        season: int,
        horizon: int,
    ) -> list[Ahead]:
        batch = Batch.of(series)
        params = np.stack([params for _, params in learned], axis=1)
        number = [len(part) for part in ends]
        owner, end = np.repeat(np.arange(len(ends)), number), np.concatenate(ends)
        levels = smooth(batch.values, params[0], params[1])
        alpha, _, share, variance = params[:, owner, None]
        steps = np.arange(horizon)
        drift = share * slopes(batch.values)[end - 1, owner][:, None] * (steps + reach(end[:, None], alpha))
        mean = levels[end, owner][:, None] + drift
        spread = np.sqrt(variance * (1 + alpha**2 * steps))
        edges = np.cumsum(number)[:-1]
        return list(zip(np.split(mean, edges), np.split(spread, edges), strict=True))


THETA = Theta()


def smooth(values: Floats, alpha: Floats, level: Floats) -> Floats:
    """(T + 1, ...) level of simple exponential smoothing after 0, 1, … of the values (T, ...), from ``level`` on."""
    levels = np.empty((len(values) + 1, *np.broadcast_shapes(values.shape[1:], alpha.shape, level.shape)))
    levels[0] = level
    for t, value in enumerate(values):
        levels[t + 1] = levels[t] + alpha * (value - levels[t])
    return levels


def reach(count: Ints, alpha: Floats) -> Floats:
    """By how many steps smoothing with weight ``alpha`` lags behind a line after ``count`` values, plus one."""
    return np.asarray((1 - (1 - alpha) ** count) / alpha)


def slopes(values: Floats) -> Floats:
    """(T, B) slope of the least-squares line through the values (T, B) up to each; 0 for the first."""
    count = np.arange(1.0, len(values) + 1)[:, None]
    times = count - 1
    covariance = np.cumsum(times * values, axis=0) - times / 2 * np.cumsum(values, axis=0)
    return np.asarray(covariance / np.maximum(count * (count**2 - 1) / 12, 0.5))


def best_parameters(batch: Batch, slope: Floats) -> Floats:
    """(4, B) parameters of the least squared errors, with the trend of the whole series, ``slope`` (B,)."""
    low, high = np.full((2, len(slope)), [[LEAST], [MOST]])
    for _ in range(SEARCHES):
        alphas = low + (high - low) * np.linspace(0, 1, TRIED)[:, None]  # (A, B)
        squares, level, share = _solved(batch, slope, alphas)
        best = squares.argmin(axis=0)
        low, high = (np.take_along_axis(alphas, np.clip(best + by, 0, TRIED - 1)[None], axis=0)[0] for by in (-1, 1))
    found = [np.take_along_axis(part, best[None], axis=0)[0] for part in (alphas, level, share, squares)]
    found[3] = found[3] / np.maximum(batch.lengths - 3, 1)
    return np.stack(found)


def _solved(batch: Batch, slope: Floats, alphas: Floats) -> tuple[Floats, Floats, Floats]:
    """The least squared errors for each weight, and the first level and the share that give them, all (A, B)."""
    levels, weight = np.zeros(alphas.shape), np.ones(alphas.shape)
    sums = np.zeros((6, *alphas.shape))
    for t, value in enumerate(batch.values):
        error, drift, seen = value - levels, slope * reach(np.asarray(t), alphas), batch.seen[t]
        pairs = (weight, weight), (weight, drift), (drift, drift), (weight, error), (drift, error), (error, error)
        for place, (one, other) in enumerate(pairs):
            sums[place] += one * other * seen
        levels += alphas * error
        weight *= 1 - alphas
    ww, wd, dd, we, de, ee = sums
    determinant = ww * dd - wd**2
    usable = determinant > 1e-9 * ww * dd
    share = np.clip(np.where(usable, (ww * de - wd * we) / np.where(usable, determinant, 1.0), 0.0), 0.0, 1.0)
    level = (we - share * wd) / ww
    squares = ee - 2 * level * we - 2 * share * de + level**2 * ww + 2 * level * share * wd + share**2 * dd
    return np.maximum(squares, 0.0), level, share
