"""The one training loop: AdamW, one cycle of the rate, clipped gradients, best weights kept, early stopping.

Dimension key: B batch, O origins, H horizon, C channels.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from forecast.datasets.batches import Batches, rows_of
from forecast.datasets.windows import Window, Windows
from forecast.errors import TrainingError
from forecast.layers.scheduled import Scheduled
from forecast.networks.base import Network
from forecast.outputs import Output
from forecast.training import checkpoint
from forecast.training.device import in_passes, set_seed
from forecast.training.distributed import ALONE, Ranks
from forecast.training.optimiser import AdamW
from forecast.training.pace import Pace, as_they_come
from forecast.training.schedule import LANDING, Budget, learning_rate
from forecast.training.step import Step

OnReport = Callable[[int, float, dict[str, float]], bool | None]
GREW = "the weights had grown too far at this learning rate"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train.

    reports: validations over the whole run.  patience: reports without improvement before the rate falls.
    identity: what a checkpoint must share to be resumed.  precision: of the network's training passes.
    compiled: whether torch compiles these.  paced: whether CPU threads may come and go, at the cost of the last digits.
    trained: whether the weights come from a training before, in which what changes in its course came to its end.
    """

    budget: Budget
    batch_size: int
    origins: int
    learning_rate: float
    weight_decay: float
    seed: int
    reports: int = 20
    patience: int | None = None
    clip: float = 1.0
    folder: Path | None = None
    identity: dict[str, Any] = field(default_factory=dict)
    precision: torch.dtype = torch.float32
    compiled: bool = False
    paced: bool = False
    trained: bool = False


@dataclass(kw_only=True)
class Progress:
    """Where a run stands; JSON can hold it.  landing: share of the budget at which its last fall of the rate began.

    parts: passes that a batch is taken in, so that memory suffices.
    """

    step: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_loss: float = math.inf
    stale: int = 0
    windows: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    landing: float | None = None
    parts: int = 1
    stopped: str = ""


class Training:
    """One run of the loop over a network's weights.

    ranks: the processes that share it.  Each has all of the windows and validates on its own part of those held out;
    ``plan.folder`` and ``on_report`` are the first one's.
    """

    def __init__(
        self,
        network: Network,
        output: Output,
        windows: Windows,
        plan: Plan,
        *,
        validation: list[Window] | None = None,
        on_report: OnReport | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.network, self.output, self.windows, self.plan = network, output, windows, plan
        self.validation, self.on_report, self.ranks = validation, on_report, ranks
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.scheduled = [part for part in network.modules() if isinstance(part, Scheduled)]
        self.optimiser = AdamW(self.parameters, weight_decay=plan.weight_decay)
        share = ranks.share(plan.batch_size)
        self.batches = Batches(windows, batch_size=plan.batch_size, origins=plan.origins, seed=plan.seed, share=share)
        self.step = Step(
            network,
            output,
            self.optimiser,
            origins=plan.origins,
            clip=plan.clip,
            ranks=ranks,
            precision=plan.precision,
            compiled=plan.compiled,
        )
        self.progress = Progress()
        self.best = self._weights()
        self.losses: list[Tensor] = []  # of the steps since the last report, read all at once
        self.began = time.perf_counter()
        self.budget = plan.budget
        self.cadence: checkpoint.Cadence | None = None

    def run(self) -> Progress:
        """Train to the end of the budget, load the best weights, and say how it went.

        Raises ``TrainingError`` when the loss turns non-finite; the network then holds the last good weights.
        """
        if self._resume():
            return self.progress
        self.network.train()
        progress, plan = self.progress, self.plan
        if not self.ranks.first:  # each process drops out other activations
            set_seed(plan.seed + self.ranks.rank * 1_000_003 + progress.step, self.parameters[0].device)
        report_at = self._next_report(self._done())
        threads = torch.get_num_threads()
        pace = Pace(threads) if plan.paced and threads > 1 else as_they_come
        while (done := self._done()) < 1 and not progress.stopped:
            for part in self.scheduled:
                part.advance(1.0 if plan.trained else done)
            pace(partial(self._step, learning_rate(done, plan.learning_rate, progress.landing)))
            done = self._done()
            if done >= report_at:
                self._report(done)
                report_at = self._next_report(done)
            self._save_if_due()
        torch.set_num_threads(threads)  # a second training of this fit has the choice again
        if self.losses:
            self._report(1.0)
        self.network.load_state_dict(self.best)
        progress.stopped = progress.stopped or ("steps" if progress.step >= plan.budget.max_steps else "time")
        self._save_if_due(ended=True)
        return progress

    def _next_report(self, done: float) -> float:
        return min(1.0, (math.floor(done * self.plan.reports + 1e-9) + 1) / self.plan.reports)

    def _done(self) -> float:
        """Share of the budget used; one clock counts for all."""
        done = self.budget.progress(self.progress.step)
        return done if self.budget.max_time is None else self.ranks.number_of_first(done)

    def _step(self, rate: float) -> None:
        self.losses.append(self.step(self.batches[self.progress.step], rate))
        self.progress.parts = self.step.parts
        self.progress.step += 1
        self.progress.windows += self.plan.batch_size * self.plan.origins

    def _report(self, done: float) -> None:
        progress = self.progress
        block = torch.stack(self.losses).cpu()
        self.losses.clear()
        self._require_finite(block)
        losses = {"loss": float(block[:, 0].mean())}
        if self.validation is not None:
            losses["validation"] = self.validate()
            finite = math.isfinite(losses["validation"])
        else:  # nothing else would notice what the last step made of the weights
            finite = bool(torch.stack(torch._foreach_norm(tuple(self.parameters))).isfinite().all())
        if not finite:
            raise self._broken(progress.step, GREW, "Lower learning_rate.")
        judged = losses.get("validation", -float(progress.step))  # without validation the latest weights are the best
        if judged < progress.best_loss:
            progress.best_loss, progress.best_step, progress.stale = judged, progress.step, 0
            self.best = self._weights()
        else:
            progress.stale += 1
        elapsed = self._elapsed()
        losses["windows_per_second"] = progress.windows / max(elapsed, 1e-9)
        progress.history.append({"step": progress.step, "seconds": elapsed, **losses})
        self._land(done)
        if self.ranks.from_first(lambda: self.on_report is not None and self.on_report(progress.step, elapsed, losses)):
            progress.stopped = "report"

    def _land(self, done: float) -> None:
        """Begin the last fall of the rate when nothing improves any more, and end the run after it."""
        progress, patience = self.progress, self.plan.patience
        if progress.landing is not None:
            if done >= progress.landing + LANDING:
                progress.stopped = "early"
        elif patience is not None and progress.stale >= patience:
            progress.landing = done

    @torch.inference_mode()
    def validate(self) -> float:
        """Mean loss over the held-out windows."""
        self.network.eval()
        sums = torch.zeros(2)
        for window in self.validation or []:
            rows = len(window.target)
            for part in in_passes(rows, rows, partial(self._judged, window)):
                sums += part
        self.ranks.add_up(sums)()
        self.network.train()
        return float(sums[0] / sums[1].clamp(min=1))

    def _judged(self, window: Window, rows: slice) -> Tensor:
        """(2,) on the CPU: summed loss and counted targets of some of the held-out windows."""
        window = rows_of(window, rows)
        assert window.answer is not None and window.counted is not None
        raw = self.network.forced(window)
        return torch.stack(self.output.loss(raw, window.answer, window.counted, window.scale[:, None])).cpu()

    def _require_finite(self, block: Tensor) -> None:
        """Tell at which step of the block (steps, [loss, norm, count]) the run broke, and why."""
        if not block[:, 2].any():
            raise TrainingError(
                "no training window holds enough observed steps to learn from",
                "Shorten lookback, or give data with fewer gaps.",
                step=self.progress.step,
            )
        bad = (~torch.isfinite(block)).any(1).nonzero()
        if not len(bad):
            return
        place = int(bad[0, 0])
        step = self.progress.step - len(block) + place + 1
        if torch.isfinite(block[place, 0]):
            raise self._broken(step, "a gradient overflowed", "Lower learning_rate.")
        if step > 1:
            raise self._broken(step, GREW, "Lower learning_rate.")
        remedy = "Look for extreme values, or set transform='log1p'."
        raise self._broken(step, "an input is not finite or too large", remedy)

    def _broken(self, step: int, cause: str, remedy: str) -> TrainingError:
        """Go back to the best weights; the error that says why."""
        self.network.load_state_dict(self.best)
        kept = f"The weights of step {self.progress.best_step} are kept."
        return TrainingError(f"the loss turned non-finite at step {step}: {cause}. {kept}", remedy, step=step)

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def _elapsed(self) -> float:
        """Seconds of this run, those before it was killed included."""
        return self.progress.seconds + time.perf_counter() - self.began

    # ------------------------------------------------------------------ checkpoints

    def _save_if_due(self, *, ended: bool = False) -> None:
        """Write down all that the rest of the run depends on; of a run that has ended, what came of it."""
        if self.plan.folder is None or self.cadence is None or not self.cadence.due():
            return
        began = time.perf_counter()
        tensors = checkpoint.pack("best", self.best)
        if not ended:
            tensors |= self._running()
        if "losses" in tensors and not tensors["losses"].isfinite().all():
            return  # of no use to anyone; the next report says why
        state = {
            "identity": self.plan.identity,
            "progress": {**vars(self.progress), "seconds": self._elapsed()},
            "used": self.budget.seconds(),
            "ended": ended,
        }
        checkpoint.write(self.plan.folder, tensors, state)
        self.cadence.written(began)

    def _running(self) -> dict[str, Tensor]:
        device = self.parameters[0].device
        losses = {"losses": torch.stack(self.losses)} if self.losses else {}
        return {
            **checkpoint.pack("network", dict(self.network.state_dict())),
            **checkpoint.pack("optimiser", self.optimiser.state()),
            **checkpoint.pack("random", checkpoint.random_states(device)),
            **losses,
        }

    def _resume(self) -> bool:
        """Go on where the checkpoint stands, if there is one; whether that run had ended."""
        if self.plan.folder is not None:
            size = 4 * sum(p.nbytes for p in self.parameters)  # best and optimiser as well
            self.cadence = checkpoint.Cadence.of(size)
        found = self.ranks.from_first(self._found)
        if found is None:
            return False
        tensors, state = found
        self.progress = Progress(**state["progress"])
        self.step.parts = self.progress.parts
        self.budget = replace(self.budget, began=self.budget.began - state["used"])
        self.best = checkpoint.unpack("best", tensors)
        if state["ended"]:
            self.network.load_state_dict(self.best)
            return True
        device = self.parameters[0].device
        self.network.load_state_dict(checkpoint.unpack("network", tensors))
        self.optimiser.load_state(checkpoint.unpack("optimiser", tensors))
        checkpoint.restore_random_states(checkpoint.unpack("random", tensors), device)
        self.losses = list(tensors["losses"].to(device)) if "losses" in tensors else []
        return False

    def _found(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        return None if self.plan.folder is None else checkpoint.read(self.plan.folder, self.plan.identity)
