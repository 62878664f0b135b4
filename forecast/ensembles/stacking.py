"""Weights of each level by itself: those of least pinball loss, drawn towards equal ones where windows are few.

Dimension key: M members, N values, Q levels.
"""

import numpy as np

from forecast.datasets.arrays import Floats
from forecast.ensembles.scaled import Scaled

STEPS = 150
RATE = 1.0
MOST = 1 << 15  # values that a step looks at


def stack(found: Scaled) -> Floats:
    """(Q, M) weights of every level (one row where there are only points), each row non-negative with the sum 1.

    The loss is convex in the weights; exponentiated gradients (Kivinen and Warmuth 1997) start from equal weights and
    never leave the simplex, and the mean of the steps' weights is taken.  M windows draw the result half-way back to
    equal weights, more windows less: with few of them the best weights are mostly chance.
    """
    members, _, columns = found.forecasts.shape
    every = np.arange(0, found.count, -(-found.count // MOST))
    forecasts, actual = found.forecasts[:, every], found.actual[every]
    taus = np.array(found.levels or (0.5,))
    weights = np.full((columns, members), 1 / members)
    mean = np.zeros_like(weights)
    unit = np.maximum(_gradients(forecasts, actual, taus, weights).std(axis=1, keepdims=True), 1e-12)
    for step in range(1, STEPS + 1):
        slope = _gradients(forecasts, actual, taus, weights) / unit
        moved = np.log(np.maximum(weights, 1e-12)) - RATE / np.sqrt(step) * (slope - slope.mean(axis=1, keepdims=True))
        weights = np.exp(moved - moved.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        mean += weights
    drawn = members / (members + found.windows)
    return np.asarray((1 - drawn) * mean / STEPS + drawn / members)


def _gradients(forecasts: Floats, actual: Floats, taus: Floats, weights: Floats) -> Floats:
    """(Q, M) slope of the mean pinball loss of each level along each member's weight."""
    combined = np.einsum("mnq,qm->nq", forecasts, weights)
    pull = (actual[:, None] < combined) - taus  # (N, Q)
    return np.asarray(np.einsum("nq,mnq->qm", pull, forecasts) / len(actual))
