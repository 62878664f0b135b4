"""Device, threads and the two process-wide switches that make a step on CPU faster.

The switches are set at the first fit, never at import, and not at all where the environment variable
``FORECAST_NO_TUNING`` is set:

- glibc returns big blocks to the system after every step and maps them anew; raised thresholds keep them (1.7 times
  faster LSTM steps for some 25 MB of memory).
- Subnormal numbers, which unscaled gradients produce, slow arithmetic down twofold; they are flushed to zero.
"""

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TypeVar

import torch

from forecast.cores import cores
from forecast.errors import ConfigError, ResourceError, is_out_of_memory

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
KEPT_BYTES = 1 << 30
T = TypeVar("T")
_RANDOM = threading.RLock()


@cache
def tune_process() -> None:
    """Set the process-wide switches once."""
    if os.environ.get("FORECAST_NO_TUNING"):
        return
    torch.set_flush_denormal(True)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # not glibc
        return
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def find_device(name: str) -> torch.device:
    """``auto``: CUDA where there is one, else the CPU.  ``ConfigError`` for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()  # a device that holds no values is none
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}", "Try auto or cpu.") from None
    return device


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """What training passes compute in.  ``auto``: bfloat16 on GPUs that do so in hardware, else float32."""
    if name == "auto":
        able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if able else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


@contextmanager
def borrowed(threads: int | None) -> Iterator[None]:
    """Run with own threads, by default at most one for each core, and leave torch's number of them as it was found.

    How busy the machine is does not count: with another number of threads, sums come out in another last digit.
    """
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads or min(before, cores()))
        yield
    finally:
        torch.set_num_threads(before)


def used(device: torch.device) -> AbstractContextManager[object]:
    """Make a GPU the one that kernels are started on."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[float]:
    """Run with own random state, and leave torch's as it was found; gives the seconds that it had to wait.

    Torch has one random state for all threads of a process, so that two runs in two threads take turns.
    """
    began = time.perf_counter()
    with _RANDOM, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        set_seed(seed, device)
        yield time.perf_counter() - began


def set_seed(seed: int, device: torch.device) -> None:
    """Seed torch on the CPU and on ``device`` only; ``torch.manual_seed`` would seed every GPU of the process."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def in_passes(rows: int, size: int, run: Callable[[slice], T]) -> Iterator[T]:
    """What ``run`` gives for slice after slice of at most ``size`` of the rows, and of half where memory runs out.

    ``ResourceError`` where one row is too much.
    """
    first = 0
    while first < rows:
        size = min(size, rows - first)
        done = _attempt(run, slice(first, first + size))
        if done:
            yield done[0]
            first += size
        elif size > 1:
            size = -(-size // 2)
        else:
            raise ResourceError("out of memory for a single window", "Use a device with more memory, or device=cpu.")


def _attempt(run: Callable[[slice], T], rows: slice) -> tuple[T, ...]:
    """What ``run`` gives for the rows, in a tuple that is empty where memory ran out."""
    try:
        return (run(rows),)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    free_cached()
    return ()


def free_cached() -> None:
    """Give back the memory that torch keeps on a GPU for later; where no GPU was used, this does nothing."""
    torch.cuda.empty_cache()
