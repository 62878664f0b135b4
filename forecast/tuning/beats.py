"""Whether the process that runs a trial is still at work.

Each running trial carries a mark of its process, which a thread renews every few seconds.  A trial is lost when the
process it names has ended on this machine, or when its mark has stood still for a minute while somebody looked: clocks
of different machines are never compared, and every kind of storage will do.  (Optuna's own heartbeat exists for
databases only, and overlooks a trial whose worker was killed before the first beat.)
"""

import os
import platform
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

WORKER = "worker"  # the user attribute of a trial that holds its mark
EVERY = 10.0  # seconds between two beats
GRACE = 60.0  # seconds of silence after which a trial is lost


def mark() -> dict[str, Any]:
    """Which process this is: name and identity of the machine, number and start of the process."""
    return {"host": platform.node(), "machine": _machine(), "process": os.getpid(), "began": _began(os.getpid())}


def has_ended(of: Any) -> bool:
    """Whether the process of a mark is known to have ended, as only its own machine can tell."""
    if not isinstance(of, dict) or of.get("machine") != _machine() or of.get("began") is None:
        return False
    return _began(int(of["process"])) != str(of["began"])


def is_of(trial: "FrozenTrial", process: int) -> bool:
    """Whether a trial is run by a process of this machine."""
    own = trial.user_attrs.get(WORKER, {})
    return (own.get("machine"), own.get("process")) == (_machine(), process)


@contextmanager
def beating(trial: "Trial", storage: "BaseStorage") -> Iterator[None]:
    """Mark a trial as this process' own, and renew the mark as long as the block runs."""
    trial.set_user_attr(WORKER, mark() | {"beat": 0})
    over = threading.Event()

    def renew() -> None:
        own, beat = mark(), 0
        while not over.wait(EVERY):
            beat += 1
            try:
                storage.set_trial_user_attr(trial._trial_id, WORKER, own | {"beat": beat})
            except Exception:  # the next beat may reach it; whoever runs the trial meets the fault, too
                continue

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Watch:
    """Looks at the marks of running trials again and again, and tells which have lost their process."""

    def __init__(self, grace: float = GRACE) -> None:
        self.grace = grace
        self._seen: dict[int, tuple[Any, float]] = {}  # by number of the trial: its mark, and since when

    def lost(self, trials: Iterable["FrozenTrial"]) -> list["FrozenTrial"]:
        """Those of the running trials whose process has ended, or given no sign for ``grace`` seconds of looking."""
        now, found = time.monotonic(), []
        for trial in trials:
            own = trial.user_attrs.get(WORKER)
            before, since = self._seen.get(trial.number, (None, now))
            if own != before:
                since = now
            self._seen[trial.number] = own, since
            if has_ended(own) or now - since > self.grace:
                found.append(trial)
        return found


def _machine() -> str:
    """What only processes share that see the same process numbers, until the machine starts anew."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # no Linux
        return f"{platform.node()} {uuid.getnode()}"


def _began(process: int) -> str | None:
    """When a process that is alive began, in the system's ticks; None where there is none or it cannot be told."""
    try:
        state, *rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else rest[18]  # a zombie has ended; proc(5): field 22
