"""Who is told how a choice goes on."""

import math
from collections.abc import Callable

OnReport = Callable[[int, float, dict[str, float]], bool | None]


class Watcher:
    """Is told how a job goes on; a subclass shows what it likes."""

    def stage(self, text: str) -> None:
        """A new part of the work begins."""

    def training(self, name: str, *, limit: float | None) -> OnReport | None:
        """A network begins to train for at most ``limit`` seconds; what is returned is called at each validation."""
        return None

    def trained(self) -> None:
        """The training that was announced last has ended."""


class Reporting(Watcher):
    """Hands the reports of all trainings to one listener, as ``fit(on_report=…)`` asks for."""

    def __init__(self, on_report: OnReport | None) -> None:
        self.on_report = on_report

    def training(self, name: str, *, limit: float | None) -> OnReport | None:
        return self.on_report


class BestStep:
    """Remembers the step with the lowest validation loss while it hands the reports on."""

    def __init__(self, follow: OnReport | None) -> None:
        self.follow, self.step, self.last, self.loss = follow, 1, 1, math.inf

    def __call__(self, step: int, seconds: float, losses: dict[str, float]) -> bool | None:
        self.last = max(self.last, step)
        judged = losses.get("validation", -float(step))  # without validation the latest weights are kept
        if judged < self.loss:
            self.step, self.loss = step, judged
        return self.follow(step, seconds, losses) if self.follow is not None else None
