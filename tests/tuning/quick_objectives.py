"""Objectives that worker processes of the tests can import."""

import os
import signal
import time
from pathlib import Path
from typing import Any


class Quadratic:
    """(x - 0.3) squared, told in a few reports, after some seconds."""

    def __init__(self, seconds: float = 0.0, reports: int = 3, log: Path | None = None) -> None:
        self.seconds, self.reports, self.log = seconds, reports, log

    def __call__(self, trial: Any) -> float:
        from optuna import TrialPruned

        x = trial.suggest_float("x", 0.0, 1.0)
        value = (x - 0.3) ** 2
        if self.log is not None:
            with open(self.log, "a") as file:
                file.write(f"{trial.number} {os.getpid()} {os.environ.get('OMP_NUM_THREADS')}\n")
        for step in range(1, self.reports + 1):
            time.sleep(self.seconds / self.reports)
            trial.report(value + 1 / step, step)
            if trial.should_prune():
                raise TrialPruned
        return value


class Deadly(Quadratic):
    """Kills its own process in some trials, as the system does when memory runs out."""

    def __init__(self, numbers: tuple[int, ...] = (), **rest: Any) -> None:
        super().__init__(**rest)
        self.numbers = numbers

    def __call__(self, trial: Any) -> float:
        x = super().__call__(trial)
        if not self.numbers or trial.number in self.numbers:
            os.kill(os.getpid(), signal.SIGKILL)
        return x


class Faulty(Quadratic):
    """Fails in trial 0 by an error, in trial 1 by NaN."""

    def __call__(self, trial: Any) -> float:
        value = super().__call__(trial)
        if trial.number == 0:
            raise ValueError("the first one fails")
        return float("nan") if trial.number == 1 else value


def random_sampler(*, seed: int) -> Any:
    """A sampler by its seed."""
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)
