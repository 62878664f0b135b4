"""The recursions of exponential smoothing for many series at once, and how their errors change with the parameters.

Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential Smoothing (2008), chapter 2.  All series of a batch take
the same step at the same time, so that a pass costs some dozen array operations a step, however many series there are.

With additive and with relative errors a model takes the same steps; only their likelihoods differ.
Dimension key: T steps, B series, P parameters, M season.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Floats, Ints

Bools = NDArray[np.bool_]
Season = Literal["N", "A", "M"]  # none, terms, factors

BLOCK = 64  # steps whose derivatives are held at a time


# Rows of the parameters (4 + 2 + M, B); beta is held as a share of alpha, gamma of 1 - alpha.
ALPHA, BETA_SHARE, GAMMA_SHARE, PHI, LEVEL, TREND, SEASONS = range(7)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How parameters fit.

    loss: (B,) sum of squared errors, times the squared geometric mean of the forecasts where errors are relative, so
    that the likelihood is -T/2 log(loss / T) but for a constant; infinite where there is none.
    curvature: (B, P, P) and gradient: (B, P), Gauss-Newton's, halved, of the loss.
    """

    loss: Floats
    curvature: Floats
    gradient: Floats

    def of(self, chosen: Bools) -> "Fit":
        """The fit of some series."""
        return Fit(loss=self.loss[chosen], curvature=self.curvature[chosen], gradient=self.gradient[chosen])

    def where_not(self, better: Bools, other: "Fit") -> "Fit":
        """This fit, and the other where that is better."""
        return Fit(
            loss=np.where(better, other.loss, self.loss),
            curvature=np.where(better[:, None, None], other.curvature, self.curvature),
            gradient=np.where(better[:, None], other.gradient, self.gradient),
        )


def smooth(season: Season, values: Floats, parameters: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Run models over the values (T, B) with parameters (4 + 2 + M, B); one without a trend has beta and trend 0.

    Returns the forecasts one step ahead (T, B); level and trend after 0, 1, … T values (T + 1, B); and the seasonal
    indices (M + T, B), the one at t + M set by value t.
    """
    (steps, batch), cycle = values.shape, len(parameters) - SEASONS
    alpha, beta, gamma, phi = raw_weights(parameters)
    ahead = np.empty((steps, batch))
    level, trend = np.empty((2, steps + 1, batch))
    seasons = np.empty((cycle + steps, batch))
    level[0], trend[0], seasons[:cycle] = parameters[LEVEL], parameters[TREND], parameters[SEASONS:]
    for t in range(steps):
        slope = phi * trend[t]
        onward = level[t] + slope
        if season == "M":
            ahead[t] = onward * seasons[t]
            error = values[t] - ahead[t]
            seasons[t + cycle] = seasons[t] + gamma * error / onward
            error /= seasons[t]
        elif season == "A":
            ahead[t] = onward + seasons[t]
            error = values[t] - ahead[t]
            seasons[t + cycle] = seasons[t] + gamma * error
        else:
            ahead[t] = onward
            error = values[t] - onward
        level[t + 1] = onward + alpha * error
        trend[t + 1] = slope + beta * error
    return ahead, level, trend, seasons


def raw_weights(parameters: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """alpha, beta, gamma and phi, each (B,), of parameters (4 + …, B)."""
    alpha, trend_share, season_share, phi = parameters[:LEVEL]
    return alpha, alpha * trend_share, (1 - alpha) * season_share, phi


def loss(season: Season, values: Floats, seen: Floats, parameters: Floats, relative: Bools) -> Floats:
    """(B,) the loss of ``Fit``, over the steps where ``seen`` (T, B) is 1."""
    ahead = smooth(season, values, parameters)[0]
    scale = np.where(relative & (seen > 0), np.where(ahead > 0, ahead, np.nan), 1.0)
    squares = np.sum(((values - ahead) / scale) ** 2 * seen, axis=0)
    return _finite(squares * np.exp(2 * np.log(scale).sum(axis=0) / seen.sum(axis=0)))


def fit(season: Season, values: Floats, seen: Floats, parameters: Floats, relative: Bools, rows: Ints) -> Fit:
    """The loss and its derivatives by the parameters in ``rows`` (P,).

    values, seen: (T, B), seen is 0 after the end.  relative: (B,) whether errors are in proportion to the forecast.
    """
    walk = _Walk(season, parameters, rows)
    sums = _Sums(relative, len(rows))
    for begin in range(0, len(values), BLOCK):
        part = slice(begin, begin + BLOCK)
        ahead, slopes = walk.forward(values[part], begin)
        sums.add(values[part], seen[part], ahead, walk.by_rows(slopes))
    return sums.total()


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.inf)


class _Walk:
    """The states and their derivatives by the weights as they are (not as shares) and by the first states."""

    def __init__(self, season: Season, parameters: Floats, rows: Ints) -> None:
        self.season, self.parameters = season, parameters
        self.raw = raw_weights(parameters)
        self.level: Floats = parameters[LEVEL].copy()
        self.trend: Floats = parameters[TREND].copy()
        self.seasons = parameters[SEASONS:].copy()
        shape = (len(rows), parameters.shape[1])
        self.level_slope: Floats = np.zeros(shape)
        self.trend_slope: Floats = np.zeros(shape)
        self.season_slope = np.zeros((len(self.seasons), *shape))
        self.place = {int(row): place for place, row in enumerate(rows)}
        for row, place in self.place.items():
            if row == LEVEL:
                self.level_slope[place] = 1.0
            elif row == TREND:
                self.trend_slope[place] = 1.0
            elif row >= SEASONS:
                self.season_slope[row - SEASONS, place] = 1.0

    def forward(self, values: Floats, begin: int) -> tuple[Floats, Floats]:
        """Forecasts one step ahead (T, B) over the next values and their derivatives (T, P, B)."""
        ahead, slopes = np.empty(values.shape), np.empty((len(values), *self.level_slope.shape))
        step = {"N": self._plain, "A": self._additive, "M": self._multiplicative}[self.season]
        for t, value in enumerate(values):
            slope, slope_slope = self.raw[3] * self.trend, self.raw[3] * self.trend_slope
            if PHI in self.place:
                slope_slope[self.place[PHI]] += self.trend
            onward, onward_slope = self.level + slope, self.level_slope + slope_slope
            phase = (begin + t) % max(len(self.seasons), 1)
            error, error_slope = step(value, phase, onward, onward_slope, ahead[t : t + 1], slopes[t])
            self.level, self.level_slope = self._moved(ALPHA, onward, onward_slope, error, error_slope)
            self.trend, self.trend_slope = self._moved(BETA_SHARE, slope, slope_slope, error, error_slope)
        return ahead, slopes

    def _moved(
        self, weight: int, state: Floats, slope: Floats, error: Floats, error_slope: Floats
    ) -> tuple[Floats, Floats]:
        """A state after an error of which it takes a share, and its derivatives."""
        share = self.raw[weight]
        moved = slope + share * error_slope
        if weight in self.place:
            moved[self.place[weight]] += error
        return state + share * error, moved

    def _plain(
        self, value: Floats, phase: int, onward: Floats, onward_slope: Floats, ahead: Floats, slopes: Floats
    ) -> tuple[Floats, Floats]:
        ahead[0], slopes[:] = onward, onward_slope
        return value - onward, -onward_slope

    def _additive(
        self, value: Floats, phase: int, onward: Floats, onward_slope: Floats, ahead: Floats, slopes: Floats
    ) -> tuple[Floats, Floats]:
        ahead[0] = onward + self.seasons[phase]
        np.add(onward_slope, self.season_slope[phase], out=slopes)
        error, error_slope = value - ahead[0], -slopes
        self.seasons[phase], self.season_slope[phase] = self._moved(
            GAMMA_SHARE, self.seasons[phase], self.season_slope[phase], error, error_slope
        )
        return error, error_slope

    def _multiplicative(
        self, value: Floats, phase: int, onward: Floats, onward_slope: Floats, ahead: Floats, slopes: Floats
    ) -> tuple[Floats, Floats]:
        """The season takes the error over the level, level and trend take it over the season."""
        index, index_slope = self.seasons[phase].copy(), self.season_slope[phase].copy()
        ahead[0] = onward * index
        np.multiply(onward_slope, index, out=slopes)
        slopes += onward * index_slope
        by_season = (value - ahead[0]) / onward
        by_season_slope = -(slopes + by_season * onward_slope) / onward
        self.seasons[phase], self.season_slope[phase] = self._moved(
            GAMMA_SHARE, index, index_slope, by_season, by_season_slope
        )
        by_level = (value - ahead[0]) / index
        return by_level, -(slopes + by_level * index_slope) / index

    def by_rows(self, slopes: Floats) -> Floats:
        """The derivatives by beta and gamma as those by their shares; alpha moves both.  In place."""
        alpha, trend_share, season_share, _ = self.parameters[:LEVEL]
        if BETA_SHARE in self.place:
            slopes[:, self.place[ALPHA]] += trend_share * slopes[:, self.place[BETA_SHARE]]
            slopes[:, self.place[BETA_SHARE]] *= alpha
        if GAMMA_SHARE in self.place:
            slopes[:, self.place[ALPHA]] -= season_share * slopes[:, self.place[GAMMA_SHARE]]
            slopes[:, self.place[GAMMA_SHARE]] *= 1 - alpha
        return slopes


class _Sums:
    """What the loss and its derivatives are made of, added up block by block."""

    def __init__(self, relative: Bools, count: int) -> None:
        batch = len(relative)
        self.relative = relative
        self.squares, self.logs, self.steps = np.zeros((3, batch))
        self.curvature, self.gradient = np.zeros((batch, count, count)), np.zeros((batch, count))
        self.growth = np.zeros((batch, count))  # sum of the relative derivatives of the forecasts

    def add(self, values: Floats, seen: Floats, ahead: Floats, slopes: Floats) -> None:
        """Take a block in; ``slopes`` (T, P, B) is used up."""
        scale = np.where(self.relative & (seen > 0), np.where(ahead > 0, ahead, np.nan), 1.0)
        errors = (values - ahead) / scale * seen
        slopes *= (seen / scale)[:, None]
        if self.relative.any():
            self.growth += slopes.sum(axis=0).T * self.relative[:, None]
            slopes *= np.where(self.relative, values / scale, 1.0)[:, None]
        self.logs += np.log(scale).sum(axis=0)
        self.steps += seen.sum(axis=0)
        self.squares += np.sum(errors**2, axis=0)
        by_series = np.ascontiguousarray(slopes.transpose(2, 1, 0))  # (B, P, T)
        self.curvature += by_series @ by_series.transpose(0, 2, 1)
        self.gradient -= (by_series @ errors.T[..., None])[..., 0]

    def total(self) -> Fit:
        growth = self.growth / self.steps[:, None]
        cross = self.gradient[:, :, None] * growth[:, None]
        curvature = self.curvature + cross + cross.transpose(0, 2, 1)
        curvature += self.squares[:, None, None] * growth[:, :, None] * growth[:, None]
        gradient = self.gradient + self.squares[:, None] * growth
        scale = np.exp(2 * self.logs / self.steps)
        return Fit(
            loss=_finite(self.squares * scale),
            curvature=curvature * scale[:, None, None],
            gradient=gradient * scale[:, None],
        )
