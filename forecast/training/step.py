"""One step of training, the same by whomever it is taken: by one process or by several, in one pass or in parts."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from forecast.datasets.batches import rows_of
from forecast.datasets.windows import Window
from forecast.errors import ConfigError, ResourceError, is_out_of_memory
from forecast.layers.penalty import penalised
from forecast.networks.base import Network
from forecast.outputs import Output
from forecast.training.device import free_cached
from forecast.training.distributed import ALONE, Ranks
from forecast.training.optimiser import AdamW, clip_gradients

COMPILERS = ("torch._dynamo", "torch._inductor")


class Step:
    """An update of the weights from one batch.

    The loss is the sum over the counted targets divided by their number, over all parts of the batch and all
    processes.  The gradients are those of the sum; the division waits for the clipping, when the number is known.
    parts: passes that a batch is taken in, doubled where memory runs out; the result is the same up to rounding.
    precision: of the network's passes; its weights, the output and the loss stay float32.
    """

    def __init__(
        self,
        network: Network,
        output: Output,
        optimiser: AdamW,
        *,
        origins: int,
        clip: float,
        ranks: Ranks = ALONE,
        precision: torch.dtype = torch.float32,
        compiled: bool = False,
    ) -> None:
        self.output, self.optimiser, self.origins, self.clip, self.ranks = output, optimiser, origins, clip, ranks
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.device = self.parameters[0].device
        self.penalised = penalised(network)
        model: nn.Module = torch.compile(network, dynamic=False) if compiled else network  # type: ignore[assignment]
        self.model = ranks.wrap(model, self.device)
        self.precision = precision
        self.parts = 1

    def __call__(self, window: Window, rate: float) -> Tensor:
        """Update at learning rate ``rate``; (3,) loss, norm of the gradient and counted targets, which nobody read.

        Raises ``ResourceError`` where memory does not suffice for one segment, or for a process's share, and
        ``ConfigError`` where the network cannot be compiled.
        """
        sums = self._gradients(window)
        while sums is None:
            self._shrink(len(window.target))
            sums = self._gradients(window)
        count = sums[1].clamp(min=1)
        norm = clip_gradients(self.parameters, self.clip, scale=self.ranks.size / count)
        self.optimiser.step(rate)
        return torch.stack([sums[0] / count, norm, sums[1]])

    def _gradients(self, window: Window) -> Tensor | None:
        """(2,) summed loss and counted targets, with the gradients of the sum; None where memory ran out."""
        self.optimiser.zero_grad()
        rows = len(window.target)
        size = -(-rows // self.parts)
        sums: Tensor | None = None
        try:
            for first in range(0, rows, size):
                part = window if size == rows else rows_of(window, slice(first, first + size))
                found = self._backward(part)
                sums = found if sums is None else sums + found
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                return None
            if type(error).__module__.startswith(COMPILERS):
                reason = " ".join(str(error).strip().splitlines()[:2])  # whose compiler, and what it says
                raise ConfigError(f"the network cannot be compiled here: {reason}", "Set compile=False.") from error
            raise
        return sums

    def _backward(self, window: Window) -> Tensor:
        assert window.answer is not None and window.counted is not None
        with self._autocast():
            raw = self.model(window, self.origins)
        total, count = self.output.loss(raw.float(), window.answer, window.counted, window.scale[:, None])
        sums = torch.stack([total.detach(), count])
        wait = self.ranks.add_up(sums)  # while the backward pass runs
        for module in self.penalised:
            total = total + count * module.penalty()  # of the gradient, not of the loss that is reported
        total.backward()  # type: ignore[no-untyped-call]
        wait()
        return sums

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    def _shrink(self, rows: int) -> None:
        """Take batches in twice as many parts from now on."""
        if self.ranks.size > 1:  # the others are in the middle of the same step
            raise ResourceError(
                f"out of memory on {self.device} with {rows} segments per process",
                "Start more processes, or lower batch_size, origins, lookback or hidden_size.",
            )
        if self.parts >= rows:
            raise ResourceError(
                f"out of memory on {self.device}, even with one segment per pass",
                "Lower origins, lookback or hidden_size, or use a device with more memory.",
            )
        self.parts = min(2 * self.parts, rows)
        free_cached()
