"""What fitting a neural forecaster comes to: one training, or two where the second learns from all rows."""

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from forecast.datasets.fingerprint import fingerprint
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Note
from forecast.datasets.windows import Window
from forecast.errors import ConfigError, TrainingError
from forecast.estimators.base import Job, OnReport
from forecast.estimators.holdout import HeldOut, gather_windows, hold_out, only, rows_before
from forecast.estimators.judging import HeldOutError, Told
from forecast.estimators.pretraining import outcome, pretrain, pretraining_steps, share_of
from forecast.estimators.room import require_room
from forecast.folders import claimed, made_folder
from forecast.training import checkpoint
from forecast.training.device import find_precision, set_seed
from forecast.training.distributed import ALONE, Ranks
from forecast.training.loop import Plan, Progress, Training
from forecast.training.schedule import Budget

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster

REFIT_SHARE = 0.55  # of max_time for the first of the two fits that refit=True asks for


@dataclass(frozen=True, kw_only=True)
class Learning:
    """One call of ``fit``, once the forecaster has resolved its settings, covariates and output.

    It leaves the trained network in ``forecaster.network_``.
    """

    forecaster: "NeuralForecaster"
    job: Job
    device: torch.device
    ranks: Ranks = ALONE

    def run(self, panel: Panel) -> Progress:
        """Learn from the panel; how the training that validation watched went."""
        folder = self.job.checkpoint
        if folder is None:
            return self._run(panel)
        with made_folder(folder), claimed(folder):
            try:
                progress = self._run(panel)
            except TrainingError:
                checkpoint.remove(folder)  # it would only break again, and stand in the way of other settings
                raise
            if not self.job.keep_checkpoint:
                checkpoint.remove(folder)
        return progress

    def _run(self, panel: Panel) -> Progress:
        forecaster, job = self.forecaster, self.job
        train, held_out = hold_out(panel, forecaster.horizon, job.validation)
        limit = forecaster.max_time
        if limit is not None and job.refit:
            limit *= REFIT_SHARE
        identity = {} if job.checkpoint is None and self.ranks.size == 1 else self._identity(held_out)
        self.ranks.require_same(identity)
        found, began = self.ranks.from_first(lambda: self._finished_before(identity)), job.began
        resolved, trainings, late = forecaster.resolved_, 2 if share_of(forecaster) else 1, False
        if job.refit and len(found) >= trainings:
            before = found[:trainings]
        else:
            steps = resolved.max_steps - pretraining_steps(forecaster)
            first = self.train(train, held_out, steps=steps, limit=limit, began=began, identity=identity, found=found)
            before, began = [*first.plan.identity.get(checkpoint.BEFORE, []), outcome(first)], first.budget.began
            late = self.ranks.from_first(lambda: first.budget.seconds() >= (forecaster.max_time or math.inf))
        progress = Progress(**before[-1])
        if trainings == 2:
            forecaster.report_["pretraining"] = {"steps": before[0]["step"], "history": before[0]["history"]}
        if job.refit and held_out is not None and not late:  # weights that were trained are better than new ones
            set_seed(forecaster.seed, self.device)
            steps, identity = max(progress.best_step, 1), identity | {checkpoint.BEFORE: before}
            limit = forecaster.max_time
            self.train(panel, None, steps=steps, limit=limit, began=began, identity=identity, found=found)
        return progress

    def train(
        self,
        panel: Panel,
        held_out: HeldOut | None,
        *,
        steps: int,
        limit: float | None,
        began: float,
        identity: dict[str, Any],
        found: list[dict[str, Any]],
    ) -> Training:
        """Train a new network for at most ``steps`` steps, and those of pretraining, until ``limit`` after ``began``.

        found: how the trainings went that need not be done again.  What comes back knows when the fit began, had one
        process done all of it.
        """
        forecaster, resolved = self.forecaster, self.forecaster.resolved_
        sizes = forecaster._sizes(panel.channels)
        require_room(resolved, sizes)
        forecaster.network_ = forecaster._network(sizes, forecaster.output_).to(self.device)
        windows = forecaster._windows(panel, self.device, rounded=True)
        if not windows.count(resolved.origins):
            raise ConfigError(
                f"no series is longer than the {resolved.min_context} steps that an origin needs before it",
                f"Lower min_context={forecaster.min_context}."
                if forecaster.min_context
                else f"Lower lookback={resolved.lookback} or patch={resolved.patch}.",
            )
        plan = self._plan(steps=steps, limit=limit, began=began, identity=identity)
        stop = False
        if share_of(forecaster):
            plan, stop = pretrain(self, windows, plan, found=found)
        training = Training(
            forecaster.network_,
            forecaster.output_,
            windows,
            plan,
            validation=self._validation(held_out),
            on_report=self._reporting(held_out),
            ranks=self.ranks,
        )
        if stop:
            training.progress.stopped = "report"
        with closing(training.batches):
            training.run()
        forecaster.network_.eval()
        return training

    def _plan(self, *, steps: int, limit: float | None, began: float, identity: dict[str, Any]) -> Plan:
        forecaster, resolved = self.forecaster, self.forecaster.resolved_
        before = identity.get(checkpoint.BEFORE)
        start = before[-1]["seconds"] if before else 0.0  # of a refit: its share of the clock is what is left
        return Plan(
            budget=Budget(max_steps=steps, max_time=limit, began=began, start=start),
            batch_size=resolved.batch_size,
            origins=resolved.origins,
            learning_rate=forecaster.learning_rate,
            weight_decay=forecaster.weight_decay,
            seed=forecaster.seed,
            patience=forecaster.patience,
            folder=self.job.checkpoint,
            identity=identity,
            precision=find_precision(forecaster.precision, self.device),
            compiled=forecaster.compile,
            paced=limit is not None and forecaster.threads is None and self._alone_on_cpu,
        )

    @property
    def _alone_on_cpu(self) -> bool:
        return self.ranks.size == 1 and self.device.type == "cpu"

    def _validation(self, held_out: HeldOut | None) -> list[Window] | None:
        """The windows held out, or this process's share of them."""
        if held_out is None:
            return None
        known, series, ends = held_out
        self.forecaster.output_.require(known.target)  # later data than the training's may have been given
        series, ends = series[self.ranks.rank :: self.ranks.size], ends[self.ranks.rank :: self.ranks.size]
        known, series = only(known, series)
        before = rows_before(known, series, ends, unit=self.forecaster.scale)
        seen = self.forecaster._windows(known, self.device, before, min_context=1, rounded=True)
        return gather_windows(seen, series, ends, size=self.forecaster._windows_per_pass())

    def _reporting(self, held_out: HeldOut | None) -> OnReport | None:
        """Who is told of each validation; the losses then know the MASE of the held-out windows, too."""
        told = self.job.on_report
        if told is None or held_out is None:
            return told
        error = HeldOutError(self.forecaster, held_out, self.device)
        return lambda step, seconds, losses: told(step, seconds, Told(losses, error))

    def _finished_before(self, identity: dict[str, Any]) -> list[dict[str, Any]]:
        """How the trainings of this fit went that came to their end, where a later one left a checkpoint."""
        return [] if self.job.checkpoint is None else checkpoint.continued(self.job.checkpoint, identity)

    def _identity(self, held_out: HeldOut | None) -> dict[str, Any]:
        """What a checkpoint must share with this fit to be resumed by it."""
        from forecast import __version__

        validation = None
        if held_out is not None:
            known, series, ends = held_out
            validation = [fingerprint(known), len(series), int(series.sum()), int(ends.sum())]
        return {
            "settings": self.forecaster.get_params(),
            "fingerprint": self.forecaster._fingerprint,
            "validation": validation,
            "version": __version__,
        }


def account(forecaster: "NeuralForecaster", panel: Panel, progress: Progress) -> dict[str, Any]:
    """What the report says of a training on the panel."""
    judged = np.isfinite(progress.best_loss) and any("validation" in report for report in progress.history)
    return {
        "parameters": sum(p.numel() for p in forecaster.network_.parameters()),
        "steps": progress.step,
        "best_step": progress.best_step,
        "validation_loss": progress.best_loss if judged else None,
        "stopped": progress.stopped,
        "history": progress.history,
        "notes": [asdict(note) for note in _notes(forecaster, panel, progress)],
    }


def _notes(forecaster: "NeuralForecaster", panel: Panel, progress: Progress) -> Iterator[Note]:
    asked, longest = forecaster.lookback or 0, int(panel.ends.max())
    if asked > longest:
        message = f"lookback={asked} is longer than the longest series, of {longest} steps; what is missing is padded"
        yield Note(topic="lookback", message=message, count=longest)
    if not progress.step:
        message = f"max_time={forecaster.max_time} was over before the first step: the network is untrained"
        yield Note(topic="time", message=message, count=0)
    if progress.parts > 1:
        message = f"memory ran out: each batch was trained in {progress.parts} passes, one by one, to the same result"
        yield Note(topic="memory", message=message, count=progress.parts)
