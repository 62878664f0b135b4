"""Several processes that torchrun has started for one ``forecast fit``: they begin, speak and end as one."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from forecast.errors import ConfigError

GIVEN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torchrun tells each of its processes
FAILED = "forecast/failed"  # rank and exit code of the process that failed first

_store: Any = None  # which all processes can read, and which outlives them


def count() -> int:
    """How many processes there are; 1 where the command was started without torchrun."""
    told = [os.environ.get(name, "") for name in GIVEN]
    return int(told[1]) if all(told) and told[0].isdigit() and told[1].isdigit() else 1


def first() -> bool:
    """Whether this process is the one that prints and writes."""
    return count() == 1 or os.environ["RANK"] == "0"


def require_one(command: str | None) -> None:
    """``ConfigError`` where several processes were started for a command that only one can carry out."""
    if count() > 1 and command != "fit":
        raise ConfigError(
            f"forecast {command or ''} works in one process, and {count()} were started".replace("  ", " "),
            "Start it without torchrun; fit alone trains with several processes.",
        )


@contextmanager
def joined(data: str, *, model: str, trains: bool) -> Iterator[None]:
    """Join the other processes, if there are any, and leave when all are done.

    trains: whether the model is one that is trained in steps, which several processes can share.
    Raises ``ConfigError`` where there is nothing to share, ``ResourceError`` where another process is lost.
    """
    if count() == 1:
        yield
        return
    if not trains:
        raise ConfigError(f"{model} is fitted by one process, and {count()} were started", "Start it without torchrun.")
    if data == "-":
        raise ConfigError("several processes cannot read standard input", "Give a file.")
    import torch
    import torch.distributed as dist

    from forecast.training.distributed import PATIENCE, is_lost, lost_process

    global _store
    try:
        meeting = dist.rendezvous("env://", timeout=PATIENCE)  # type: ignore[attr-defined]
        _store, rank, size = next(iter(meeting))
        backend = "cpu:gloo,cuda:nccl" if dist.is_nccl_available() else "gloo"
        dist.init_process_group(backend, store=_store, rank=rank, world_size=size, timeout=PATIENCE)
        yield
        dist.all_reduce(torch.zeros(1))  # nobody leaves before all are done
        dist.destroy_process_group()
    except RuntimeError as error:
        if is_lost(error):
            raise lost_process() from error
        raise


def leave(code: int) -> None:
    """End a process that had joined others, at once; any other process goes on.

    Torch's threads outlive the group, and one that lets go of a tensor while the interpreter ends would abort it.
    """
    if _store is not None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def agreed(code: int) -> tuple[bool, int]:
    """Whether this process is the first of all to fail, which then says why, and the exit code that all leave with."""
    if count() == 1:
        return True, code
    own = f"{os.environ['RANK']}:{code}"
    if _store is not None:
        with suppress(Exception):  # the keeper of the store may be gone
            told = _store.compare_set(FAILED, "", own).decode()
            return told == own, int(told.split(":")[1])
    return first(), code
