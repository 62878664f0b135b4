"""Exponential smoothing with error, trend and season, the models weighted by the corrected Akaike criterion (AICc).

Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential Smoothing (2008), whose section 6 gives the variances.
All models of all series of a batch are fitted together.  With a multiplicative season the recursion is the book's,
from which that of statsmodels differs a little: it divides by the level after the step, not before it.

Models about as likely disagree on trends.  Their mean, with weights from the criterion (Burnham and Anderson 2002,
section 2.9, whose exponent is halved here), forecasts the M1 and M3 series better than the likeliest alone.

A model is spelled error-trend-season: ``AAdM`` is additive errors, damped additive trend, multiplicative season.
Dimension key: T steps, B series, K models of series, E origins, H horizon, M season.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.batches import Batch, first_states
from forecast.baselines.descent import minimise
from forecast.baselines.local import JOINT, Ahead, Outcome
from forecast.baselines.smoothing import (
    ALPHA,
    BETA_SHARE,
    GAMMA_SHARE,
    LEVEL,
    PHI,
    SEASONS,
    TREND,
    Bools,
    Fit,
    Season,
    fit,
    loss,
    raw_weights,
    smooth,
)
from forecast.baselines.variances import forecast_variances
from forecast.datasets.arrays import Floats, Ints

ADDITIVE = ("ANN", "AAN", "AAdN", "ANA", "AAA", "AAdA")
RELATIVE = ("MNN", "MAN", "MAdN", "MNA", "MAA", "MAdA", "MNM", "MAM", "MAdM")  # for positive values only
FINALISTS = 4  # models whose first seasonal indices are estimated too, after a ranking with those of a decomposition
FIRST_ROUNDS, LAST_ROUNDS = 5, 40  # steps of the descent
LEAST, MOST = (1e-4, 1e-4, 1e-4, 0.8), (0.9999, 0.9999, 0.9999, 0.98)  # of the weights, as statsmodels has them
FLATNESS = 4  # a model has weight exp(-d / FLATNESS) if its criterion is d above the lowest
LEAST_WEIGHT = 0.03  # of a model that is kept
STARTS = [(alpha, beta, gamma) for alpha in (0.01, 0.1, 0.4, 0.8) for beta in (0.05, 0.3) for gamma in (0.05, 0.3)]


@dataclass(frozen=True, kw_only=True)
class Models:
    """Models of series, of one kind of season: specs (K,), series (K,), parameters (6 + M, K) and loss (K,)."""

    season: Season
    specs: NDArray[np.str_]
    series: Ints
    parameters: Floats
    loss: Floats

    @property
    def relative(self) -> Bools:
        return has(self.specs, 0, "M")

    def of(self, chosen: Ints) -> "Models":
        """Some of them."""
        return replace(
            self,
            specs=self.specs[chosen],
            series=self.series[chosen],
            parameters=self.parameters[:, chosen],
            loss=self.loss[chosen],
        )


class ExponentialSmoothing:
    """Parameters of each model of a series: its weight; alpha, beta, gamma, phi (0, 0, 0, 1 where unused), the variance
    of its errors; first level, first trend and, where it has a season, M first indices.
    """

    name = "ets"
    deseasonalise = False
    values_at_a_time = 60_000

    def learn(self, series: Sequence[Floats], *, season: int, positive: Sequence[bool]) -> list[Outcome]:
        batch = Batch.of(series)
        kinds: tuple[Season, ...] = ("N", "A", "M") if season > 1 else ("N",)
        begun = [begin(batch, kind, season, np.array(positive)) for kind in kinds]
        ranked = [descend(batch, models, rounds=FIRST_ROUNDS, indices=False) for models in begun if len(models.specs)]
        leaders = _leaders(batch, ranked, season)
        final = [descend(batch, models, rounds=LAST_ROUNDS, indices=True) for models in leaders]
        return _weighted(batch, final, season)

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
        groups: dict[str, list[tuple[int, Floats]]] = {}
        for s, (specs, params) in enumerate(learned):
            for spec, own in split(specs, params, season):
                groups.setdefault(spec, []).append((s, own))
        means = [np.zeros((len(part), horizon)) for part in ends]
        squares = [np.zeros((len(part), horizon)) for part in ends]
        for spec, group in groups.items():
            chosen = [s for s, _ in group]
            params = np.stack([own for _, own in group], axis=1)
            origins = [ends[s] for s in chosen]
            mean, variance = _ahead(batch.of_series(np.array(chosen)), origins, spec, params[1:], horizon)
            edges = np.cumsum([len(part) for part in origins])[:-1]
            parts = zip(chosen, params[0], np.split(mean, edges), np.split(variance, edges), strict=True)
            for s, weight, middle, around in parts:
                means[s] += weight * middle
                squares[s] += weight * (around + middle**2)
        return [(mean, np.sqrt(np.maximum(square - mean**2, 0.0))) for mean, square in zip(means, squares, strict=True)]


ETS = ExponentialSmoothing()


def has(specs: NDArray[np.str_], place: int, letter: str) -> Bools:
    """(K,) whether the models' letter at ``place`` (-1 for the season) is that."""
    return np.array([spec[place] == letter for spec in specs.tolist()], bool)


def count(spec: str, season: int) -> int:
    """Free numbers of a model: weights, first states (a season has one less than steps) and the variance."""
    return 3 + 2 * (spec[1] == "A") + ("d" in spec) + season * (spec[-1] != "N")


def split(specs: str, params: Floats, season: int) -> list[tuple[str, Floats]]:
    """The models of a series with their parameters."""
    names = specs.split(JOINT)
    edges = np.cumsum([8 + season * (spec[-1] != "N") for spec in names])[:-1]
    return list(zip(names, np.split(params, edges), strict=True))


# ---------------------------------------------------------------------- fitting


def begin(batch: Batch, season: Season, cycle: int, positive: Bools) -> Models:
    """The models that suit each series, with first states from the series and the best of some weights."""
    states, mean = first_states(batch, season, cycle)
    specs, series = [], []
    for spec in ADDITIVE + RELATIVE:
        if spec[-1] == season:
            suits = (batch.lengths > count(spec, cycle) + 2) & (positive | (spec[0] == "A"))
            suits &= (season == "N") | (batch.lengths >= 2 * cycle)
            series.append(np.flatnonzero(suits))
            specs += [spec] * len(series[-1])
    models = Models(
        season=season,
        specs=np.array(specs, np.str_),
        series=np.concatenate(series),
        parameters=np.zeros((SEASONS + len(states) - 2, len(specs))),
        loss=np.full(len(specs), np.inf),
    )
    trended = has(models.specs, 1, "A")
    models.parameters[LEVEL:] = states[:, models.series]
    models.parameters[LEVEL] = np.where(trended, models.parameters[LEVEL], mean[models.series])
    models.parameters[TREND] *= trended
    return _best_start(batch, models)


def _best_start(batch: Batch, models: Models) -> Models:
    best = models
    own = batch.of_series(models.series)
    trended, damped = has(models.specs, 1, "A"), has(models.specs, 2, "d")
    for alpha, beta, gamma in STARTS:
        parameters = models.parameters.copy()
        parameters[ALPHA], parameters[BETA_SHARE] = alpha, beta * trended
        parameters[GAMMA_SHARE], parameters[PHI] = gamma * (models.season != "N"), np.where(damped, 0.95, 1.0)
        found = loss(models.season, own.values, own.seen, parameters, models.relative)
        better = found < best.loss
        best = replace(
            best, parameters=np.where(better, parameters, best.parameters), loss=np.where(better, found, best.loss)
        )
    return best


def descend(batch: Batch, models: Models, *, rounds: int, indices: bool) -> Models:
    """The models with weights and first states of the highest likelihood; seasonal indices too where asked for."""
    used = [ALPHA, BETA_SHARE, GAMMA_SHARE, PHI, LEVEL, TREND]
    if models.season == "N":
        used.remove(GAMMA_SHARE)
    rows = np.array(used + list(range(SEASONS, len(models.parameters))) * indices)
    own = batch.of_series(models.series)

    def evaluate(parameters: Floats, chosen: Ints) -> Fit:
        whole = models.parameters[:, chosen]
        whole[rows] = parameters
        return fit(models.season, own.values[:, chosen], own.seen[:, chosen], whole, models.relative[chosen], rows)

    low, high = _bounds(models)
    best, losses = minimise(evaluate, models.parameters[rows], low[rows], high[rows], rounds=rounds)
    parameters = models.parameters.copy()
    parameters[rows] = best
    return replace(models, parameters=parameters, loss=losses)


def _bounds(models: Models) -> tuple[Floats, Floats]:
    """Bounds (6 + M, K); equal where a model lacks a parameter."""
    low, high = np.full((2, *models.parameters.shape), np.inf)
    low *= -1
    low[:LEVEL], high[:LEVEL] = np.array(LEAST)[:, None], np.array(MOST)[:, None]
    untrended, undamped = ~has(models.specs, 1, "A"), ~has(models.specs, 2, "d")
    for row, fixed in ((BETA_SHARE, untrended), (TREND, untrended), (PHI, undamped)):
        low[row, fixed] = high[row, fixed] = models.parameters[row, fixed]
    return low, high


def criterion(batch: Batch, models: Models, cycle: int) -> Floats:
    """(K,) AICc but for a constant of the series."""
    free = np.array([count(spec, cycle) for spec in models.specs.tolist()])
    length = batch.lengths[models.series]
    score: Floats = length * np.log(np.maximum(models.loss, 1e-300) / length) + 2 * free * length / (length - free - 1)
    return score


def _leaders(batch: Batch, fitted: list[Models], cycle: int) -> list[Models]:
    """The models of each series with the lowest AICc; none where all series are too short for any."""
    if not fitted:
        return []
    series = np.concatenate([models.series for models in fitted])
    score = np.concatenate([criterion(batch, models, cycle) for models in fitted])
    order = np.lexsort((score, series))
    place = np.arange(len(order)) - np.searchsorted(series[order], series[order])
    kept = np.zeros(len(order), bool)
    kept[order] = (place < FINALISTS) & np.isfinite(score[order])
    parts = np.split(kept, np.cumsum([len(models.specs) for models in fitted])[:-1])
    return [models.of(np.flatnonzero(part)) for models, part in zip(fitted, parts, strict=True) if part.any()]


def _weighted(batch: Batch, fitted: list[Models], cycle: int) -> list[Outcome]:
    """What is kept of each series: its models from the likeliest on, those of little weight left out."""
    found: list[list[tuple[float, str, Floats]]] = [[] for _ in batch.lengths]
    for models in fitted:
        scores, params = criterion(batch, models, cycle).tolist(), _learned(batch, models)
        for place, s in enumerate(models.series.tolist()):
            if np.isfinite(scores[place]):
                found[s].append((scores[place], str(models.specs[place]), params[:, place]))
    outcomes: list[Outcome] = []
    for rows in found:
        rows.sort(key=lambda row: row[0])
        weights = np.exp([(rows[0][0] - row[0]) / FLATNESS for row in rows])
        kept = weights >= LEAST_WEIGHT * weights.sum()
        weights = weights[kept] / weights[kept].sum()
        parts = [part for weight, row in zip(weights, rows, strict=False) for part in (np.array([weight]), row[2])]
        specs = JOINT.join(row[1] for row in rows[: len(weights)])
        outcomes.append((specs, np.concatenate(parts)) if rows else ValueError("no model could be fitted"))
    return outcomes


def _learned(batch: Batch, models: Models) -> Floats:
    """(7 + M, K) parameters as they are kept."""
    own = batch.of_series(models.series)
    ahead = smooth(models.season, own.values, models.parameters)[0]
    errors = (own.values - ahead) / np.where(models.relative, ahead, 1.0) * own.seen
    free = np.array([count(spec, len(models.parameters) - SEASONS) - 1 for spec in models.specs.tolist()])
    variance = np.sum(errors**2, axis=0) / np.maximum(own.lengths - free, 1)
    variance *= 1 + free / own.lengths  # what estimating the parameters adds, as in a regression
    weights = raw_weights(models.parameters)
    return np.concatenate([np.stack(weights), variance[None], models.parameters[LEVEL:]])


# ---------------------------------------------------------------------- forecasting


def _ahead(batch: Batch, ends: Sequence[Ints], spec: str, params: Floats, horizon: int) -> tuple[Floats, Floats]:
    """Mean and variance (E, H), the origins of all series one after the other.  params: (7 + M, B)."""
    season, cycle = cast(Season, spec[-1]), len(params) - 7
    alpha, beta, gamma, phi, variance = params[:5]
    shares = np.stack([alpha, beta / alpha, gamma / (1 - alpha), phi])
    _, level, trend, seasons = smooth(season, batch.values, np.concatenate([shares, params[5:]]))
    series, end = np.repeat(np.arange(len(ends)), [len(part) for part in ends]), np.concatenate(ends)
    damping = np.cumsum(phi[series, None] ** np.arange(1, horizon + 1), axis=1)  # (E, H)
    line = level[end, series][:, None] + trend[end, series][:, None] * damping
    season_ahead = np.zeros_like(line)
    if season != "N":
        season_ahead = seasons[end[:, None] + np.arange(horizon) % cycle, series[:, None]]
    mean = line * season_ahead if season == "M" else line + season_ahead
    weights = params[:4, series]
    return mean, forecast_variances(spec, weights, variance[series], line, season_ahead, cycle)
