"""Exponential smoothing with error, trend and season, chosen by the corrected information criterion (AICc).

Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential Smoothing (2008).  statsmodels fits and filters; the
forecast variances of models with multiplicative errors, which it only simulates, follow the book's section 6.

A model is spelled error-trend-season: ``AAdM`` is additive errors, damped additive trend, multiplicative season.
Dimension key: T rows of one series, E origins, H horizon, M season.
"""

from typing import Any

import numpy as np

from forecast.datasets.arrays import Floats, Ints

ADDITIVE = ("ANN", "AAN", "AAdN", "ANA", "AAA", "AAdA")
MULTIPLICATIVE = ("MNN", "MAN", "MAdN", "MNM", "MAM", "MAdM")  # for positive values only
FINALISTS = 2  # models whose first states are estimated too, after a quick ranking with heuristic ones
LARGEST_ESTIMATE = 4000  # values times season up to which that is worth its time


class ExponentialSmoothing:
    """Parameters: alpha, beta, gamma, phi (0, 0, 0, 1 where unused), error variance; first level, trend, season (M)."""

    name = "ets"
    deseasonalise = False

    def learn(self, values: Floats, *, season: int, positive: bool) -> tuple[str, Floats]:
        specs = [
            spec
            for spec in ADDITIVE + MULTIPLICATIVE * positive
            if (spec[-1] == "N" or 1 < season <= len(values) // 2) and _count(spec, season) < len(values) - 2
        ]
        begin = 10 + 2 * (season // 2)  # statsmodels' heuristic first states need as many values
        if len(values) < begin:
            spec, fit = _ranked(values, specs, season, "estimated")[0]
            return spec, _params(fit, spec, season)
        ranked = _ranked(values, specs, season, "heuristic")
        if len(values) * season <= LARGEST_ESTIMATE:
            ranked = _ranked(values, [spec for spec, _ in ranked[:FINALISTS]], season, "estimated")
        spec, fit = ranked[0]
        return spec, _params(fit, spec, season)

    def forecast(
        self, values: Floats, ends: Ints, *, spec: str, params: Floats, season: int, horizon: int
    ) -> tuple[Floats, Floats]:
        weights, variance, first = params[:4], float(params[4]), params[5:]
        level, trend, seasonal = _filter(values, spec, weights, first, season)
        damping = np.cumsum(weights[3] ** np.arange(1, horizon + 1))  # (H,)
        line = level[ends][:, None] + trend[ends][:, None] * damping  # (E, H)
        phases = np.arange(horizon) % max(season, 1)
        season_ahead = seasonal[ends[:, None] + phases] if spec[-1] != "N" else np.zeros_like(line)
        mean = line * season_ahead if spec[-1] == "M" else line + season_ahead
        return mean, np.sqrt(_variances(spec, weights, variance, line, season_ahead, season))


ETS = ExponentialSmoothing()


def _count(spec: str, season: int) -> int:
    """Estimated numbers of a model: weights, first states and the variance."""
    return 3 + 2 * (spec[1] == "A") + ("d" in spec) + season * (spec[-1] != "N")


def _model(values: Floats, spec: str, season: int, **first: Any) -> Any:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    words = {"A": "add", "M": "mul", "N": None}
    return ETSModel(
        values,
        error=words[spec[0]],
        trend=words[spec[1]],
        damped_trend="d" in spec,
        seasonal=words[spec[-1]],
        seasonal_periods=season if spec[-1] != "N" else None,
        **first,
    )


def _ranked(values: Floats, specs: list[str], season: int, method: str) -> list[tuple[str, Any]]:
    """The models with their fits, from the lowest AICc on; those that cannot be fitted are left out."""
    scored = []
    for spec in specs:
        try:
            fit = _model(values, spec, season, initialization_method=method).fit(disp=False)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            continue
        count = _count(spec, season)
        score = -2 * fit.llf + 2 * count * len(values) / (len(values) - count - 1)
        if np.isfinite(score):
            scored.append((score, spec, fit))
    if not scored:
        raise ValueError("no model could be fitted")
    return [(spec, fit) for _, spec, fit in sorted(scored, key=lambda row: row[0])]


def _params(fit: Any, spec: str, season: int) -> Floats:
    trended, seasoned = spec[1] == "A", spec[-1] != "N"
    return np.array(
        [
            fit.smoothing_level,
            fit.smoothing_trend if trended else 0.0,
            fit.smoothing_seasonal if seasoned else 0.0,
            fit.damping_trend if "d" in spec else 1.0,
            fit.sse / max(fit.nobs - _count(spec, season) + 1, 1),
            fit.initial_level,
            fit.initial_trend if trended else 0.0,
            *(fit.initial_seasonal if seasoned else ()),
        ]
    )


def _filter(values: Floats, spec: str, weights: Floats, first: Floats, season: int) -> tuple[Floats, Floats, Floats]:
    """Level and trend after 0, 1, … T values, each (T + 1,); the season (M + T,), entry t + M set by value t."""
    trended, seasoned = spec[1] == "A", spec[-1] != "N"
    known = {
        "initial_level": first[0],
        "initial_trend": first[1] if trended else None,
        "initial_seasonal": first[2:] if seasoned else None,
    }
    used = [True, trended, seasoned, "d" in spec]
    model = _model(values, spec, season, initialization_method="known", **known)
    states = model.smooth(weights[used]).states
    trend = states[:, 1] if trended else np.zeros(len(values))
    season_states = np.concatenate([first[2:], states[:, -1]]) if seasoned else np.zeros(0)
    return np.concatenate([first[:1], states[:, 0]]), np.concatenate([first[1:2], trend]), season_states


def _variances(spec: str, weights: Floats, variance: float, line: Floats, season_ahead: Floats, season: int) -> Floats:
    """(E, H) forecast variances: tables 6.2 (additive errors) and 6.3 (multiplicative) of the book.

    line: (E, H) level and trend carried on.  season_ahead: (E, H).  With a multiplicative season the book's
    approximation is used, which is close while the variance is small.
    """
    alpha, beta, gamma, phi = weights.tolist()
    horizon = line.shape[1]
    steps = np.arange(1, horizon)
    effect = alpha + beta * np.cumsum(phi**steps)  # of one error on the forecast j steps later
    if spec[-1] == "A":
        effect = effect + gamma * (steps % season == 0)
    if spec[0] == "A":
        grown = variance * np.concatenate([[1.0], 1 + np.cumsum(effect**2)])
        return np.broadcast_to(grown, line.shape)
    mean = line + season_ahead if spec[-1] == "A" else line
    theta = np.empty_like(mean)
    for h in range(horizon):
        theta[:, h] = mean[:, h] ** 2 + variance * theta[:, :h] @ effect[:h][::-1] ** 2
    if spec[-1] != "M":
        return (1 + variance) * theta - mean**2
    seasons = np.arange(horizon) // season
    variances: Floats = season_ahead**2 * ((1 + variance) * (1 + gamma**2 * variance) ** seasons * theta - mean**2)
    return variances
