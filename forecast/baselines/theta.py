"""The Theta method: the mean of the optimised and the dynamic optimised one, on the deseasonalised series.

Assimakopoulos and Nikolopoulos (2000) add half of the linear trend to exponential smoothing.  Fiorucci et al. (2016)
choose the share of the trend, the smoothing weight and the first level together, by the squared one-step errors; their
dynamic model takes the line through the values before each step instead of that through all.  For a given weight the
errors are linear in the other two, so that only the weight has to be searched, for all series at once.

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
    """Parameters: smoothing weight alpha, first level and share of the trend (1 - 1 / theta) of the static model, the
    same of the dynamic one, and the variance of the one-step errors of their mean.
    """

    name = "theta"
    deseasonalise = True
    values_at_a_time = 60_000

    def learn(self, series: Sequence[Floats], *, season: int, positive: Sequence[bool]) -> list[Outcome]:
        batch = Batch.of(series)
        level, slope = lines(batch.values)
        last = slope[batch.lengths, np.arange(len(series))]  # whatever its level, the first level makes up for it
        static, error = best_parameters(
            batch, *(np.broadcast_to(part, level.shape) for part in (-last, last)), skipped=0
        )
        dynamic, other = best_parameters(batch, level, slope, skipped=1)
        squares = (((error + other) / 2) ** 2 * batch.seen)[1:].sum(axis=0)
        variance = squares / np.maximum(batch.lengths - 4, 1) * (1 + 4 / batch.lengths)  # as estimation adds to it
        return [("theta", column) for column in np.concatenate([static, dynamic, variance[None]]).T]

    def forecast(
        self,
        series: Sequence[Floats],
        ends: Sequence[Ints],
        *,
        learned: Sequence[tuple[str, Floats]],
        season: int,
        horizon: int,
    ) -> list[Ahead]:
        values = Batch.of(series).values
        params = np.stack([params for _, params in learned], axis=1)
        number = [len(part) for part in ends]
        owner, end = np.repeat(np.arange(len(ends)), number), np.concatenate(ends)
        line = [part[end, owner] for part in lines(values)]  # (E,) each
        levels = [smooth(values, params[place], params[place + 1])[end, owner] for place in (0, 3)]
        static = static_ahead(levels[0], line[1], end, params[:3, owner], horizon)
        dynamic = dynamic_ahead(levels[1], line[0], line[1], end, params[3:6, owner], horizon)
        mean = (static + dynamic) / 2
        alpha = (params[0] + params[3])[owner, None] / 2
        spread = np.sqrt(params[6, owner, None] * (1 + alpha**2 * np.arange(horizon)))
        edges = np.cumsum(number)[:-1]
        return list(zip(np.split(mean, edges), np.split(spread, edges), strict=True))


THETA = Theta()


def smooth(values: Floats, alpha: Floats, level: Floats) -> Floats:
    """(T + 1, B) level of simple exponential smoothing after 0, 1, … of the values (T, B), from ``level`` on."""
    levels = np.empty((len(values) + 1, *level.shape))
    levels[0] = level
    for t, value in enumerate(values):
        levels[t + 1] = levels[t] + alpha * (value - levels[t])
    return levels


def reach(count: Ints, alpha: Floats) -> Floats:
    """By how many steps smoothing with weight ``alpha`` lags behind a line after ``count`` values, plus one."""
    return np.asarray((1 - (1 - alpha) ** count) / alpha)


def lines(values: Floats) -> tuple[Floats, Floats]:
    """The least-squares line through the first 0, 1, … T values: its value one step before the first, and its slope.

    Both (T + 1, B), from values (T, B); 0 for no value, flat for one.
    """
    count = np.arange(len(values) + 1.0)[:, None]
    times = np.arange(1.0, len(values) + 1)[:, None]
    nothing = np.zeros((1, values.shape[1]))
    total = np.concatenate([nothing, np.cumsum(values, axis=0)])
    moment = np.concatenate([nothing, np.cumsum(times * values, axis=0)])
    slope = (moment - (count + 1) / 2 * total) / np.maximum(count * (count**2 - 1) / 12, 0.5)
    return total / np.maximum(count, 1) - slope * (count + 1) / 2, np.asarray(slope)


def best_parameters(batch: Batch, level: Floats, slope: Floats, *, skipped: int) -> tuple[Floats, Floats]:
    """(3, B) parameters of the least squared errors, the first ``skipped`` left out, and the errors (T, B) they leave.

    level, slope: (T + 1, B) the line that is known after 0, 1, … values.
    """
    low, high = np.full((2, len(batch.lengths)), [[LEAST], [MOST]])
    for _ in range(SEARCHES):
        alphas = low + (high - low) * np.linspace(0, 1, TRIED)[:, None]  # (A, B)
        squares, first, share = _solved(batch, level, slope, alphas, skipped)
        best = squares.argmin(axis=0)
        low, high = (np.take_along_axis(alphas, np.clip(best + by, 0, TRIED - 1)[None], axis=0)[0] for by in (-1, 1))
    found = np.stack([np.take_along_axis(part, best[None], axis=0)[0] for part in (alphas, first, share)])
    steps = np.arange(len(batch.values))[:, None]
    trend = level[:-1] * (1 - found[0]) ** steps + slope[:-1] * reach(steps + 1, found[0])
    return found, batch.values - smooth(batch.values, found[0], found[1])[:-1] - found[2] * trend


def _solved(batch: Batch, level: Floats, slope: Floats, alphas: Floats, skipped: int) -> tuple[Floats, Floats, Floats]:
    """The least squared errors for each weight, and the first level and the share that give them, all (A, B)."""
    smoothed, fading = np.zeros(alphas.shape), np.ones(alphas.shape)
    sums = np.zeros((6, *alphas.shape))
    for t, value in enumerate(batch.values):
        error, seen = value - smoothed, batch.seen[t] * (t >= skipped)
        trend = level[t] * fading + slope[t] * (1 - fading * (1 - alphas)) / alphas
        pairs = (fading, fading), (fading, trend), (trend, trend), (fading, error), (trend, error), (error, error)
        for place, (one, other) in enumerate(pairs):
            sums[place] += one * other * seen
        smoothed += alphas * error
        fading *= 1 - alphas
    ff, ft, tt, fe, te, ee = sums
    determinant = ff * tt - ft**2
    usable = determinant > 1e-9 * ff * tt
    share = np.clip(np.where(usable, (ff * te - ft * fe) / np.where(usable, determinant, 1.0), 0.0), 0.0, 1.0)
    first = (fe - share * ft) / np.maximum(ff, 1e-300)
    squares = ee - 2 * first * fe - 2 * share * te + first**2 * ff + 2 * first * share * ft + share**2 * tt
    return np.maximum(squares, 0.0), first, share


def static_ahead(level: Floats, slope: Floats, end: Ints, params: Floats, horizon: int) -> Floats:
    """(E, H) from the level after ``end`` values; the line goes on.  level, slope: (E,).  params: (3, E)."""
    alpha, _, share = params[..., None]
    return np.asarray(level[:, None] + share * slope[:, None] * (np.arange(horizon) + reach(end[:, None], alpha)))


def dynamic_ahead(level: Floats, start: Floats, slope: Floats, end: Ints, params: Floats, horizon: int) -> Floats:
    """(E, H) step by step, each forecast taken for the value that comes: the level and the line follow it."""
    alpha, _, share = params
    ahead = np.empty((len(level), horizon))
    for step in range(horizon):
        count = end + step
        ahead[:, step] = level + share * (start * (1 - alpha) ** count + slope * reach(count + 1, alpha))
        mean = start + slope * (count + 1) / 2
        missed = ahead[:, step] - mean
        slope = ((count - 1) * slope + 6 * missed / (count + 1)) / (count + 2)
        start = mean + missed / (count + 1) - slope * (count + 2) / 2
        level = level + alpha * (ahead[:, step] - level)
    return ahead
