"""What a trial tells while it runs, so that a hopeless one ends early.

Reports are numbered alike for all trials: 1 to 20 are the validations of the first training, each the MASE of the
held-out windows, whatever is trained and by which loss; 20 + k is the MASE of the first k folds.
"""

import math
from typing import Any

VALIDATIONS = 20  # in one training


class Reports:
    """Hands the reports of one trial to Optuna, and ends the trial where the pruner says so.

    by_fold: report the folds alone, each block's own error under its own number, as a paired test wants them.
    """

    def __init__(self, trial: Any, *, folds: int, by_fold: bool = False) -> None:
        self.trial, self.folds, self.by_fold = trial, folds, by_fold
        self.validations, self.done, self.error = 0, 0, 0.0

    def validated(self, step: int, seconds: float, losses: dict[str, float]) -> None:
        """To be called at each validation of a training, as ``fit(on_report=…)`` does."""
        if self.by_fold or self.done or self.validations >= VALIDATIONS:
            return
        try:
            error = losses["mase"]
        except KeyError:  # pretraining, or nothing is held out
            return
        self.validations += 1
        self._report(error, self.validations, f"validation {self.validations} of {VALIDATIONS}")

    def folded(self, done: int, error: float) -> None:
        """To be called with the number of folds done and their MASE, as ``backtest(on_fold=…)`` does."""
        own = (done * error - self.done * self.error) / (done - self.done)
        self.done, self.error = done, error
        last = done == self.folds
        self._report(own if self.by_fold else error, VALIDATIONS + done, f"fold {done} of {self.folds}", last=last)

    def _report(self, error: float, number: int, place: str, *, last: bool = False) -> None:
        from optuna import TrialPruned

        if not math.isfinite(error):  # no series has a scale there; the pruners would take it for the worst of all
            return
        self.trial.report(error, number)
        if not last and self.trial.should_prune():
            reason = f"pruned after {place}: MASE {error:.4g}"
            self.trial.set_user_attr("reason", reason)
            raise TrialPruned(reason)
