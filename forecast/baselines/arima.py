"""Seasonal ARIMA, its orders found by a stepwise search.

Hyndman and Khandakar (2008): differences by the strength of the season and by KPSS tests, then orders by AICc, one step
away from the best so far.  The search scores conditional sums of squares, which cost a filter pass each; the chosen
orders are fitted by maximum likelihood with statsmodels.

Dimension key: T rows of one series, E origins, H horizon, M season, K states.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from forecast.baselines.differencing import differences, needed_differences, seasonal_strength
from forecast.baselines.local import Ahead, Outcome, attempt
from forecast.datasets.arrays import Floats, Ints

HIGHEST, HIGHEST_SEASONAL = 3, 1  # orders p, q and P, Q
TRIALS = 30  # models that a search scores at most
LARGEST_LIKELIHOOD = 150 * 12  # values times season up to which the likelihood is maximised after the search


@dataclass(frozen=True, order=True)
class Orders:
    """(p, d, q)(P, D, Q) and whether the differenced series has a mean."""

    p: int
    d: int
    q: int
    P: int = 0
    D: int = 0
    Q: int = 0
    mean: bool = False

    def __str__(self) -> str:
        return f"({self.p},{self.d},{self.q})({self.P},{self.D},{self.Q})" + "+mean" * self.mean

    @classmethod
    def parse(cls, text: str) -> "Orders":
        p, d, q, P, D, Q = (int(digit) for digit in text if digit.isdigit())
        return cls(p, d, q, P, D, Q, text.endswith("+mean"))

    @property
    def count(self) -> int:
        """Coefficients: p + q + P + Q."""
        return self.p + self.q + self.P + self.Q


class SeasonalARIMA:
    """Parameters: mean of the differenced series, variance, then p, q, P and Q coefficients in the order of SARIMAX."""

    name = "arima"
    deseasonalise = False
    values_at_a_time = 1  # nothing is gained by solving several together

    def learn(self, series: Sequence[Floats], *, season: int, positive: Sequence[bool]) -> list[Outcome]:
        return [attempt(learn, values, season) for values in series]

    def forecast(
        self,
        series: Sequence[Floats],
        ends: Sequence[Ints],
        *,
        learned: Sequence[tuple[str, Floats]],
        season: int,
        horizon: int,
    ) -> list[Ahead]:
        return [
            attempt(forecast, values, at, spec=spec, params=params, season=season, horizon=horizon)
            for values, at, (spec, params) in zip(series, ends, learned, strict=True)
        ]


ARIMA = SeasonalARIMA()


def learn(values: Floats, season: int) -> tuple[str, Floats]:
    """The orders chosen for one series, as they are spelled, and its parameters."""
    seasonal = int(season > 1 and len(values) >= 3 * season and seasonal_strength(values, season) > 0.64)
    work = differences(values, 0, seasonal, season)
    ordinary = needed_differences(work, 2 - seasonal)
    work = differences(values, ordinary, seasonal, season)
    if len(work) < 6 or np.ptp(work) < 1e-9:
        return str(Orders(0, ordinary, 0, 0, seasonal, 0, mean=True)), np.array([work.mean(), work.var()])
    orders, coefficients = search(work, ordinary, seasonal, season if len(work) > 2 * season else 1)
    mean = work.mean() if orders.mean else 0.0
    if orders.count and len(work) * season <= LARGEST_LIKELIHOOD:
        coefficients = maximise_likelihood(work - mean, orders, season, coefficients)
    errors = residuals(work - mean, orders, season, coefficients)
    free = max(len(work) - orders.count - orders.mean, 1)
    return str(orders), np.array([mean, np.sum(errors**2) / free, *coefficients])


def forecast(
    values: Floats, ends: Ints, *, spec: str, params: Floats, season: int, horizon: int
) -> tuple[Floats, Floats]:
    """Mean and standard deviation (E, H) of one series after its first ``ends`` values."""
    orders = Orders.parse(spec)
    mean, variance, coefficients = float(params[0]), float(params[1]), params[2:]
    lost = orders.d + orders.D * season
    if ends.min() < lost:
        raise ValueError("too few values to difference")
    work = differences(values, orders.d, orders.D, season) - mean
    ahead = mean + _forecast_differenced(work, ends - lost, orders, season, coefficients, horizon)
    delta = _difference_polynomial(orders, season)
    path = np.concatenate([values[ends[:, None] + np.arange(-lost, 0)], ahead], axis=1)  # (E, lost + H)
    for h in range(lost, lost + horizon):
        path[:, h] -= path[:, h - lost : h] @ delta[:0:-1]
    ar, ma = polynomials(orders, season, coefficients)
    weights = impulse_response(np.convolve(ar, delta), ma, horizon)
    return path[:, lost:], np.broadcast_to(np.sqrt(variance * np.cumsum(weights**2)), ahead.shape)


def _difference_polynomial(orders: Orders, season: int) -> Floats:
    polynomial = np.ones(1)
    for lag in [1] * orders.d + [season] * orders.D:
        polynomial = np.convolve(polynomial, _one_minus(lag))
    return polynomial


def _one_minus(lag: int) -> Floats:
    factor = np.zeros(lag + 1)
    factor[0], factor[lag] = 1.0, -1.0
    return factor


# ---------------------------------------------------------------------- search


def search(work: Floats, ordinary: int, seasonal: int, season: int) -> tuple[Orders, Floats]:
    """The orders with the lowest AICc that a stepwise search meets, and their coefficients."""
    top = HIGHEST_SEASONAL if season > 1 else 0
    means = (True, False) if ordinary + seasonal < 2 else (False,)
    starts = [(2, 2, 1, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1)]
    queue = [Orders(p, ordinary, q, min(P, top), seasonal, min(Q, top), means[0]) for p, q, P, Q in starts]
    queue += [Orders(0, ordinary, 0, 0, seasonal, 0, mean) for mean in means[1:]]
    scored: dict[Orders, tuple[float, Floats]] = {}
    while queue and len(scored) < TRIALS:
        scored |= {orders: score(work, orders, season) for orders in dict.fromkeys(queue)}
        best = min(scored, key=lambda orders: scored[orders][0])
        queue = [orders for orders in _neighbours(best, top, means) if orders not in scored]
    return best, scored[best][1]


def _neighbours(orders: Orders, top: int, means: tuple[bool, ...]) -> Iterator[Orders]:
    """Orders one step away; p and q, and P and Q, also change together."""
    here = (orders.p, orders.q, orders.P, orders.Q)
    limits = (HIGHEST, HIGHEST, top, top)
    moves = [(0,), (1,), (2,), (3,), (0, 1), (2, 3)]
    for move in moves:
        for by in (-1, 1):
            there = [value + by * (place in move) for place, value in enumerate(here)]
            if all(0 <= value <= limit for value, limit in zip(there, limits, strict=True)):
                p, q, P, Q = there
                yield Orders(p, orders.d, q, P, orders.D, Q, orders.mean)
    for mean in means:
        if mean != orders.mean:
            yield Orders(orders.p, orders.d, orders.q, orders.P, orders.D, orders.Q, mean)


def score(work: Floats, orders: Orders, season: int) -> tuple[float, Floats]:
    """AICc under the conditional sum of squares, and the coefficients that minimise it."""
    from scipy.optimize import least_squares

    centred = work - work.mean() if orders.mean else work
    count, length = orders.count + orders.mean + 1, len(work)
    if length - count - 1 <= 0 or orders.count >= length:
        return np.inf, np.zeros(orders.count)
    free = np.zeros(orders.count)
    if orders.count:
        found = least_squares(
            lambda free: residuals(centred, orders, season, _admissible(free, orders)),
            np.full(orders.count, 0.1),
            method="lm",
            max_nfev=100 * orders.count,
        )
        free = found.x
    coefficients = _admissible(free, orders)
    errors = residuals(centred, orders, season, coefficients)
    squares = max(float(np.mean(errors**2)), 1e-300)
    return length * np.log(squares) + 2 * count * length / (length - count - 1), coefficients


def _blocks(orders: Orders) -> tuple[slice, slice, slice, slice]:
    edges = np.cumsum([0, orders.p, orders.q, orders.P, orders.Q])
    first, second, third, fourth = (slice(int(a), int(b)) for a, b in pairwise(edges))
    return first, second, third, fourth


def _admissible(free: Floats, orders: Orders) -> Floats:
    """Any numbers as coefficients of stationary and invertible polynomials (Monahan 1984)."""
    coefficients = np.empty_like(free)
    for place, block in enumerate(_blocks(orders)):
        partial = 0.99 * np.tanh(free[block])
        found = np.zeros(0)
        for value in partial:
            found = np.append(found - value * found[::-1], value)
        coefficients[block] = found if place % 2 == 0 else -found
    return coefficients


def polynomials(orders: Orders, season: int, coefficients: Floats) -> tuple[Floats, Floats]:
    """Autoregressive and moving-average polynomials with their seasonal factors multiplied in, by rising lag."""
    p, q, P, Q = (coefficients[block] for block in _blocks(orders))
    ar = np.convolve(np.append(1.0, -p), _spaced(-P, season))
    return ar, np.convolve(np.append(1.0, q), _spaced(Q, season))


def _spaced(coefficients: Floats, season: int) -> Floats:
    polynomial = np.zeros(len(coefficients) * season + 1)
    polynomial[0] = 1.0
    polynomial[season::season] = coefficients
    return polynomial


def residuals(work: Floats, orders: Orders, season: int, coefficients: Floats) -> Floats:
    """(T,) one-step errors, zeros taken for what came before the first value."""
    from scipy.signal import lfilter

    ar, ma = polynomials(orders, season, coefficients)
    errors: Floats = lfilter(ar, ma, work)
    return errors


def impulse_response(ar: Floats, ma: Floats, horizon: int) -> Floats:
    """(H,) what one error does to the values 0, 1, … steps later."""
    from scipy.signal import lfilter

    impulse = np.zeros(horizon)
    impulse[0] = 1.0
    response: Floats = lfilter(ma, ar, impulse)
    return response


# ---------------------------------------------------------------------- likelihood


def _state_space(work: Floats, orders: Orders, season: int) -> Any:
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    seasonal = (orders.P, 0, orders.Q, season) if orders.P + orders.Q else (0, 0, 0, 0)
    return SARIMAX(work, order=(orders.p, 0, orders.q), seasonal_order=seasonal, concentrate_scale=True)


def maximise_likelihood(work: Floats, orders: Orders, season: int, start: Floats) -> Floats:
    """Coefficients of the highest exact likelihood, from those of the least conditional squares."""
    model = _state_space(work, orders, season)
    fit = model.fit(start_params=start, disp=False, cov_type="none", maxiter=30)
    return np.asarray(fit.params, np.float64)


def _forecast_differenced(
    work: Floats, ends: Ints, orders: Orders, season: int, coefficients: Floats, horizon: int
) -> Floats:
    """(E, H) forecasts of the centred differenced series after its first ``ends`` values: one Kalman pass for all."""
    if not orders.count:
        return np.zeros((len(ends), horizon))
    model = _state_space(work, orders, season)
    state = model.filter(coefficients).predicted_state[:, ends]  # (K, E) what the values before an end say of it
    transition, design = model.ssm["transition"], model.ssm["design"][0]
    ahead = np.empty((len(ends), horizon))
    for h in range(horizon):
        ahead[:, h] = design @ state
        state = transition @ state
    return ahead
