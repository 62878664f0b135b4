"""How many cores there are to keep busy; imports nothing, so that any process may ask."""

import math
import os
from functools import cache
from pathlib import Path


@cache
def cores() -> int:
    """Cores that this process may keep busy: those it may run on, two hardware threads of one core counted once.

    A container's share of processor time limits them.  Processes that torchrun or a search started here share them.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    physical = len({_read(f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list", str(n)) for n in allowed})
    quota, _, period = _read("/sys/fs/cgroup/cpu.max", "max").partition(" ")
    if quota.isdigit() and period.isdigit():
        physical = min(physical, math.ceil(int(quota) / int(period)))
    together = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, physical // max(int(together), 1) if together.isdigit() else physical)


def _read(path: str, otherwise: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return otherwise
