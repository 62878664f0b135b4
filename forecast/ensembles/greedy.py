"""Ensemble selection: members are added one by one, with replacement, as long as the mean gets better.

Source: Caruana, Niculescu-Mizil, Crew and Ksikes 2004, Ensemble selection from libraries of models (section 2).

Dimension key: M members, N values, Q columns.
"""

import numpy as np

from forecast.datasets.arrays import Floats
from forecast.ensembles.scaled import Scaled

ROUNDS = 30  # a weight of the combination is a multiple of one over the rounds that were best
GAIN = (
    1e-4  # share of the loss that a further round must save: less is chance, and costs a member more to forecast with
)


def pick(found: Scaled, *, rounds: int = ROUNDS) -> Floats:
    """(M,) weights.  The first pick is the best member, so that the result is never worse than it on these values."""
    members, tilts = found.errors, found.tilts()
    total, trial = np.zeros_like(members[0]), np.empty_like(members[0])
    tilt, counts = 0.0, np.zeros(len(members))
    best, chosen = np.inf, counts
    for size in range(1, rounds + 1):
        losses = np.array([_magnitude(total, member, trial) for member in members])
        losses = (losses + tilt + tilts) / size  # the loss of a multiple is the multiple of the loss
        member = int(losses.argmin())
        total += members[member]
        tilt += tilts[member]
        counts[member] += 1
        if size == 1 or losses[member] < best * (1 - GAIN):
            best, chosen = float(losses[member]), counts / size
    return chosen


def _magnitude(total: Floats, member: Floats, trial: Floats) -> float:
    """Mean absolute value of the sum of the two; ``trial`` is room to work in."""
    np.add(total, member, out=trial)
    return float(np.abs(trial, out=trial).mean())
