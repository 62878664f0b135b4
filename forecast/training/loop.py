"""The one training loop: AdamW, one cycle of the rate, clipped gradients, best weights kept, early stopping.

Dimension key: B batch, O origins, H horizon, C channels.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from forecast.datasets.batches import Batches
from forecast.datasets.windows import Window, Windows
from forecast.errors import TrainingError
from forecast.networks.base import Network
from forecast.outputs import Output
from forecast.training import checkpoint
from forecast.training.optimiser import AdamW, clip_gradients
from forecast.training.schedule import LANDING, Budget, learning_rate

OnReport = Callable[[int, float, dict[str, float]], bool | None]


GREW = "the weights had grown too far at this learning rate"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train.

    reports: validations over the whole run.  patience: reports without improvement before the rate falls.
    identity: what a checkpoint must share to be resumed.
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


@dataclass(kw_only=True)
class Progress:
    """Where a run stands; JSON can hold it.  landing: share of the budget at which its last fall of the rate began."""

    step: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_loss: float = math.inf
    stale: int = 0
    windows: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    landing: float | None = None
    stopped: str = ""


class Training:
    """One run of the loop over a network's weights."""

    def __init__(
        self,
        network: Network,
        output: Output,
        windows: Windows,
        plan: Plan,
        *,
        validation: list[Window] | None = None,
        on_report: OnReport | None = None,
    ) -> None:
        self.network, self.output, self.windows, self.plan = network, output, windows, plan
        self.validation, self.on_report = validation, on_report
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.optimiser = AdamW(self.parameters, weight_decay=plan.weight_decay)
        self.batches = Batches(windows, batch_size=plan.batch_size, origins=plan.origins, seed=plan.seed)
        self.progress = Progress()
        self.best = self._weights()
        self.losses: list[Tensor] = []  # of the steps since the last report, read all at once
        self.began = time.perf_counter()

    def run(self) -> Progress:
        """Train to the end of the budget, load the best weights, and say how it went.

        Raises ``TrainingError`` when the loss turns non-finite; the network then holds the last good weights.
        """
        self._resume()
        self.network.train()
        progress, plan = self.progress, self.plan
        report_at = self._next_report(plan.budget.progress(progress.step))
        while (done := plan.budget.progress(progress.step)) < 1 and not progress.stopped:
            self._step(learning_rate(done, plan.learning_rate, progress.landing))
            done = plan.budget.progress(progress.step)
            if done >= report_at:
                self._report(done)
                report_at = self._next_report(done)
        if self.losses:
            self._report(1.0)
        self.network.load_state_dict(self.best)
        progress.stopped = progress.stopped or ("steps" if progress.step >= plan.budget.max_steps else "time")
        return progress

    def _next_report(self, done: float) -> float:
        return min(1.0, (math.floor(done * self.plan.reports + 1e-9) + 1) / self.plan.reports)

    def _step(self, rate: float) -> None:
        plan = self.plan
        window = self.batches[self.progress.step]
        assert window.answer is not None and window.counted is not None
        total, count = self.output.loss(self.network(window, plan.origins), window.answer, window.counted)
        loss = total / count.clamp(min=1)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = clip_gradients(self.parameters, plan.clip)
        self.optimiser.step(rate)
        self.losses.append(torch.stack([loss.detach(), norm, count]))
        self.progress.step += 1
        self.progress.windows += plan.batch_size * plan.origins

    def _report(self, done: float) -> None:
        progress = self.progress
        block = torch.stack(self.losses).cpu()
        self.losses.clear()
        self._require_finite(block)
        losses = {"loss": float(block[:, 0].mean())}
        if self.validation:
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
        elapsed = progress.seconds + time.perf_counter() - self.began
        losses["windows_per_second"] = progress.windows / max(elapsed, 1e-9)
        progress.history.append({"step": progress.step, "seconds": elapsed, **losses})
        self._land(done)
        if self.plan.folder is not None:
            self._save(elapsed)
        if self.on_report is not None and self.on_report(progress.step, elapsed, losses):
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
        total = count = torch.zeros(())
        for window in self.validation or []:
            assert window.answer is not None and window.counted is not None
            part, targets = self.output.loss(self.network(window), window.answer, window.counted)
            total, count = total + part.cpu(), count + targets.cpu()
        self.network.train()
        return float(total / count.clamp(min=1))

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

    # ------------------------------------------------------------------ checkpoints

    def _save(self, elapsed: float) -> None:
        assert self.plan.folder is not None
        tensors = {
            **checkpoint.pack("network", dict(self.network.state_dict())),
            **checkpoint.pack("best", self.best),
            **checkpoint.pack("optimiser", self.optimiser.state()),
            "random/torch": torch.get_rng_state(),
        }
        state = {**vars(self.progress), "seconds": elapsed}
        checkpoint.write(self.plan.folder, tensors, {"identity": self.plan.identity, "progress": state})

    def _resume(self) -> None:
        found = None if self.plan.folder is None else checkpoint.read(self.plan.folder, self.plan.identity)
        if found is None:
            return
        tensors, state = found
        self.network.load_state_dict(checkpoint.unpack("network", tensors))
        self.best = checkpoint.unpack("best", tensors)
        self.optimiser.load_state(checkpoint.unpack("optimiser", tensors))
        torch.set_rng_state(tensors["random/torch"])
        self.progress = Progress(**state["progress"])
