"""How a backtest goes: which folds there are, what each fit may see, and what is reported meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.errors import ConfigError

OnReport = Callable[[int, float, dict[str, float]], bool | None]
OnFold = Callable[[int, float], object]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one call of ``backtest`` asks for; the arguments and their meaning are listed there."""

    folds: int
    step: int
    horizon: int
    gap: int = 0
    window: int | None = None
    refit: bool | int = False
    warm: bool = False
    fitted: bool = False
    anchored: bool = False
    season: int | None = None
    on_report: OnReport | None = None
    on_fold: OnFold | None = None

    @property
    def reach(self) -> int:
        """Rows from the origin to the last step that is scored."""
        return self.gap + self.horizon

    @property
    def every(self) -> int:
        """Folds per fit."""
        return self.folds if self.refit is False else int(self.refit)

    def check(self) -> None:
        """Raise one ``ConfigError`` that names every argument that is wrong."""
        faults = list(self._faults())
        if faults:
            raise ConfigError(f"{', '.join(faults)}: not a whole number of at least 1", "Give counts of 1 or more.")
        if isinstance(self.gap, bool) or not isinstance(self.gap, int | np.integer) or self.gap < 0:
            raise ConfigError(f"gap={self.gap!r} is not a whole number of at least 0", "Give the rows that come late.")
        if self.fitted and (self.refit is not False or self.window is not None):
            raise ConfigError(
                "fitted=True scores weights as they are, refit and window are of new fits", "Choose one of the two."
            )
        if self.warm and self.refit is False:
            cause = "warm=True goes on from the weights before, but nothing is fitted twice"
            raise ConfigError(cause, "Say how often to fit again: refit (--refit).")

    def _faults(self) -> Iterator[str]:
        counts: dict[str, Any] = {"folds": self.folds, "step": self.step, "horizon": self.horizon}
        counts |= {name: getattr(self, name) for name in ("window", "season") if getattr(self, name) is not None}
        if self.refit is not True and self.refit is not False:
            counts["refit"] = self.refit
        for name, value in counts.items():
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                yield f"{name}={value!r}"
