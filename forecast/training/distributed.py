"""Several processes that train one network together, each on its share of every batch.

A fit is shared where ``torch.distributed`` is initialised in more than one process, by the command line under torchrun
or by the user's own program; each of the processes then calls ``fit`` with the same data and settings.  The first one
alone decides by its clock, calls ``on_report`` and reads and writes files; what it finds the others are told.
"""

import hashlib
import inspect
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from forecast.errors import ConfigError, ForecastError, ResourceError

T = TypeVar("T")
PATIENCE = timedelta(minutes=30)  # how long a process waits for the others: one may be reading data or a checkpoint
LOST = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe", "timed out")  # in torch's words


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among those that train together; alone by default.

    group: of torch.distributed, for values on the CPU.
    """

    rank: int = 0
    size: int = 1
    group: Any = None

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """The rows of a batch that are this process's; shares differ by a row where they do not come out even.

        ``ConfigError`` for a batch that leaves a process without a row.
        """
        if batch_size < self.size:
            raise ConfigError(
                f"batch_size={batch_size} cannot be shared by {self.size} processes",
                "Raise batch_size, or start fewer processes (--nproc-per-node).",
            )
        return slice(self.rank * batch_size // self.size, (self.rank + 1) * batch_size // self.size)

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model whose backward pass leaves the mean of all processes' gradients in the parameters."""
        if self.size == 1:
            return model
        from torch.nn.parallel import DistributedDataParallel

        accepted = inspect.signature(DistributedDataParallel).parameters
        name = "forward_sync_buffers" if "forward_sync_buffers" in accepted else "broadcast_buffers"
        buffers: dict[str, Any] = {name: False}
        return DistributedDataParallel(
            model,
            process_group=None if device.type == "cuda" else self.group,
            init_sync=False,  # the same seed has made the same weights, and buffers are constants
            static_graph=True,  # the same parameters are used at every step, though not all of them need be
            **buffers,
        )

    def add_up(self, values: Tensor) -> Callable[[], Any]:
        """Begin to add ``values`` up over the processes, in place; what is returned waits for the sum."""
        if self.size == 1:
            return _nothing
        group = None if values.device.type == "cuda" else self.group
        work = torch.distributed.all_reduce(values, group=group, async_op=True)
        return work.wait  # type: ignore[no-any-return]

    def number_of_first(self, value: float) -> float:
        """The first process's value."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        torch.distributed.broadcast(told, 0, group=self.group)
        return float(told)

    def from_first(self, give: Callable[[], T]) -> T:
        """What ``give`` returns in the first process, which alone calls it; what it raises is raised everywhere."""
        if self.size == 1:
            return give()
        told: list[Any] = [None, None]
        if self.first:
            try:
                told = [give(), None]
            except Exception as error:
                told = [None, _sendable(error)]
        torch.distributed.broadcast_object_list(told, 0, group=self.group)
        if told[1] is not None:
            raise told[1]
        return told[0]  # type: ignore[no-any-return]

    def require_same(self, what: Any) -> None:
        """``ConfigError`` in every process unless all of them were given the same."""
        if self.size == 1:
            return
        digests: list[Any] = [None] * self.size
        own = hashlib.sha256(repr(what).encode()).hexdigest()
        torch.distributed.all_gather_object(digests, own, group=self.group)
        if len(set(digests)) > 1:
            raise ConfigError(
                f"the {self.size} processes were not given the same data and settings",
                "Start all of them with the same command, on the same files.",
            )


ALONE = Ranks()


@contextmanager
def together() -> Iterator[Ranks]:
    """The processes that train together.  ``ResourceError`` where one of them is lost on the way."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        yield ALONE
        return
    try:
        yield Ranks(rank=distributed.get_rank(), size=distributed.get_world_size(), group=_for_the_cpu())
    except RuntimeError as error:
        if not is_lost(error):
            raise
        raise lost_process() from error


def _for_the_cpu() -> Any:
    """A group for values on the CPU: the one that is there or, if that is for GPUs alone, another one."""
    if "cpu:gloo" in torch.distributed.get_backend_config():
        return torch.distributed.group.WORLD
    return torch.distributed.new_group(backend="gloo", timeout=PATIENCE)


def is_lost(error: BaseException) -> bool:
    """Whether torch says that another process does not answer any more."""
    named = isinstance(error, getattr(torch.distributed, "DistError", ()))
    return named or (isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in LOST))


def lost_process() -> ResourceError:
    return ResourceError(
        "another process of this training has died or does not answer",
        "See what it said, and start all of them again: a fit with a checkpoint goes on from there.",
    )


def own_device(device: torch.device, ranks: Ranks) -> torch.device:
    """``device`` or, where it is any GPU, this process's own of them; ``ConfigError`` where there are too few."""
    if ranks.size == 1 or device.type != "cuda" or device.index is not None:
        return device
    count = torch.cuda.device_count()
    place = int(os.environ.get("LOCAL_RANK", ranks.rank))
    if place >= count:
        raise ConfigError(
            f"process {place + 1} of this machine has no GPU of its own: there are {count}",
            f"Start {count} processes (--nproc-per-node {count}), or set device=cpu.",
        )
    return torch.device("cuda", place)


def _nothing() -> None:
    return None


def _sendable(error: Exception) -> Exception:
    """The error, or its words where it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return ForecastError(f"{type(error).__name__}: {error}")
