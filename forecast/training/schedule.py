"""How far a fit has come, and the learning rate there."""

import math
import time
from dataclasses import dataclass

WARM_UP = 0.1  # share of the run that the rate rises
LAST = 0.01  # of the highest rate, at the end
LANDING = 0.15  # share of the budget in which a run that no longer improves brings its rate down


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Steps and seconds that a fit may take.  began: ``time.perf_counter()`` that the seconds count from.

    start: seconds that trainings before this one took of them.
    """

    max_steps: int
    max_time: float | None
    began: float
    start: float = 0.0

    def progress(self, step: int) -> float:
        """Share of the budget used after ``step`` steps: the larger of steps and seconds, at most 1."""
        used = step / self.max_steps
        if self.max_time is not None:
            left = self.max_time - self.start
            used = max(used, (self.seconds() - self.start) / left if left > 0 else 1.0)
        return min(used, 1.0)

    def seconds(self) -> float:
        """Seconds since the budget began."""
        return time.perf_counter() - self.began


def one_cycle(progress: float, highest: float) -> float:
    """Learning rate: up along a quarter cosine, down along half a cosine (Smith & Topin 2018)."""
    if progress < WARM_UP:
        return highest * (LAST + (1 - LAST) * math.sin(math.pi / 2 * progress / WARM_UP))
    fall = (progress - WARM_UP) / (1 - WARM_UP)
    return highest * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * fall)))


def learning_rate(progress: float, highest: float, landing: float | None) -> float:
    """The cycle's rate or, from the share ``landing`` of the budget on, a fall from the rate there to nearly nothing.

    A run that stops at a high rate keeps weights that still jump about; the short fall settles them.
    """
    if landing is None:
        return one_cycle(progress, highest)
    fall = min((progress - landing) / LANDING, 1.0)
    return one_cycle(landing, highest) * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * fall)))
