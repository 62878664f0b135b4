"""Weights of each level by itself: those of least pinball loss, drawn towards simple ones where windows are few.

Dimension key: M members, N values, Q levels.
"""

import numpy as np

from forecast.datasets.arrays import Floats
from forecast.ensembles.scaled import Scaled

STEPS = 150
RATE = 1.0
MOST = 1 << 14  # values that a step looks at


def stack(found: Scaled, simple: Floats) -> Floats:
    """(Q, M) weights of every level (one row where there are only points), each row non-negative with the sum 1.

    The loss is convex in the weights; exponentiated gradients (Kivinen and Warmuth 1997) start from equal weights and
    never leave the simplex, and the mean of the steps' weights is taken.  M windows draw the result half-way to the
    ``simple`` weights (M,), more windows less: with few of them the best weights are mostly chance.
    """
    members, count, columns = found.errors.shape
    errors = np.ascontiguousarray(found.errors[:, :: -(-count // MOST)].T)  # (Q, N, M)
    weights = np.full((columns, members), 1 / members)
    mean = np.zeros_like(weights)
    unit = np.maximum(_slopes(errors, found.taus, weights).std(axis=1, keepdims=True), 1e-12)
    for step in range(1, STEPS + 1):
        slopes = _slopes(errors, found.taus, weights) / unit
        moved = np.log(np.maximum(weights, 1e-12)) - RATE / np.sqrt(step) * slopes
        weights = np.exp(moved - moved.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        mean += weights / STEPS
    drawn = members / (members + found.windows)
    return np.asarray((1 - drawn) * mean + drawn * simple)


def _slopes(errors: Floats, taus: Floats, weights: Floats) -> Floats:
    """(Q, M) slope of the mean pinball loss of each level along each member's weight."""
    combined = np.matmul(errors, weights[..., None])[..., 0]  # (Q, N)
    pull = taus[:, None] - (combined < 0)
    return np.asarray(np.matmul(pull[:, None], errors)[:, 0] / errors.shape[1])
