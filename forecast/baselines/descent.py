"""Least squares for many small problems at once: Levenberg and Marquardt's method within bounds.

Moré (1978) for the method; a parameter that would leave its bounds stays at the bound for the step.
Dimension key: B problems, P parameters.
"""

from collections.abc import Callable

import numpy as np

from forecast.baselines.smoothing import Fit
from forecast.datasets.arrays import Floats, Ints

FIRST_DAMPING, MOST_DAMPING = 1e-2, 1e6
SMALLEST_GAIN = 1e-7  # share of the loss that a step must promise to save to be taken

Evaluate = Callable[[Floats, Ints], Fit]


def minimise(evaluate: Evaluate, start: Floats, low: Floats, high: Floats, *, rounds: int) -> tuple[Floats, Floats]:
    """Parameters (P, B) of the least loss found from ``start`` (P, B) within ``low`` and ``high`` (P, B), and it (B,).

    ``evaluate(parameters, problems)`` measures the problems with these numbers.  Problems that are done leave the
    batch, so that later rounds cost less.
    """
    best = np.clip(start, low, high)
    problems = np.arange(best.shape[1])
    found = evaluate(best, problems)
    losses = found.loss.copy()
    damping = np.full(len(problems), FIRST_DAMPING)
    for _ in range(rounds):
        here = best[:, problems]
        step = _step(found, damping, here, low[:, problems], high[:, problems])
        promised = _promised(found, step)
        tiny = (promised < SMALLEST_GAIN * found.loss) & (promised >= 0) & (damping <= 1)
        going = ~tiny & (damping < MOST_DAMPING) & np.isfinite(found.loss)
        if not going.any():
            break
        found, problems, damping = found.of(going), problems[going], damping[going]
        trial = np.clip((here + step)[:, going], low[:, problems], high[:, problems])
        tried = evaluate(trial, problems)
        better = tried.loss < found.loss
        best[:, problems[better]] = trial[:, better]
        losses[problems[better]] = tried.loss[better]
        damping = np.where(better, damping / 5, damping * 8)
        found = found.where_not(better, tried)
    return best, losses


def _step(found: Fit, damping: Floats, here: Floats, low: Floats, high: Floats) -> Floats:
    """(P, B) the damped Gauss-Newton step; a parameter that it would take past a bound goes there, the others adapt."""
    diagonal = np.diagonal(found.curvature, axis1=1, axis2=2)
    floor = 1e-10 * np.max(diagonal, axis=1, keepdims=True) + 1e-300
    least, most = (low - here).T, (high - here).T  # (B, P)
    step = np.zeros(least.shape)
    held = np.asarray(least == most)
    rest = np.arange(len(step))
    for _ in range(len(here)):
        pull = -found.gradient[rest] - (found.curvature[rest] @ step[rest][..., None])[..., 0]  # of those held alone
        system = np.where(held[rest][:, :, None] | held[rest][:, None], 0.0, found.curvature[rest])
        places = np.arange(len(here))
        damped = diagonal[rest] * (1 + damping[rest, None]) + floor[rest]
        system[:, places, places] = np.where(held[rest], 1.0, damped)
        solved = _solve(system, np.where(held[rest], 0.0, pull))
        free = np.where(held[rest], step[rest], solved)
        past = ~held[rest] & ((free < least[rest]) | (free > most[rest]))
        done = np.asarray(~past.any(axis=1))
        step[rest] = np.where(done[:, None] | past, np.clip(free, least[rest], most[rest]), step[rest] * held[rest])
        held[rest] |= past
        rest = rest[~done]
        if not len(rest):
            break
    return step.T


def _solve(system: Floats, pull: Floats) -> Floats:
    """(B, P) solutions; 0 where the system is not finite."""
    finite = np.isfinite(system).all(axis=(1, 2)) & np.isfinite(pull).all(axis=1)
    safe = np.where(np.asarray(finite)[:, None, None], system, np.eye(pull.shape[1])).astype(np.float64)
    return np.linalg.solve(safe, np.where(np.asarray(finite)[:, None], pull, 0.0).astype(np.float64)[..., None])[..., 0]


def _promised(found: Fit, step: Floats) -> Floats:
    """(B,) by how much a step (P, B) lowers the loss if the errors are linear in the parameters."""
    bend = (found.curvature @ step.T[..., None])[..., 0]
    promised: Floats = -np.sum((2 * found.gradient + bend) * step.T, axis=1)
    return promised
