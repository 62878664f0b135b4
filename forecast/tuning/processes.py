"""A worker process: started, listened to, stopped and buried."""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector
from typing import IO, TYPE_CHECKING, Any

from forecast.errors import ConfigError, ForecastError
from forecast.tuning.faults import explained, quiet
from forecast.tuning.interrupts import Stop
from forecast.tuning.storage import open_storage
from forecast.tuning.study import OpenStudy, SamplerFor
from forecast.tuning.work import Objective, work

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
FAILED = 3  # exit code of a worker that has told why
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from forecast.tuning.processes import main; main()"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker is sent.  total: trials that the study is to have begun."""

    address: str
    name: str
    objective: Objective
    sampler_for: "SamplerFor | None"
    seed: int
    pruner: "BasePruner"
    total: int | None


def packed(job: Job) -> bytes:
    """The job as bytes; ``ConfigError`` where a part of it cannot be sent to another process."""
    try:
        return pickle.dumps(job)
    except Exception as error:
        cause = f"the search cannot be sent to other processes ({type(error).__name__}: {error})"
        raise ConfigError(cause, "Define its parts at the top of a module, or run one job.") from error


class Worker:
    """A process with its pipes.  number: from 1, for messages."""

    def __init__(self, number: int, job: bytes, *, jobs: int, threads: int) -> None:
        self.number = number
        self.errors: IO[bytes] = tempfile.TemporaryFile()
        shared = {"LOCAL_WORLD_SIZE": str(jobs), **dict.fromkeys(THREADS, str(threads))}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=os.environ | shared,
            start_new_session=True,  # Ctrl-C reaches the command alone, which then stops its workers
        )
        self._told = b""
        self.fault: dict[str, str] = {}
        with suppress(OSError):  # it has died already; that is noticed by its other pipe
            self._input.write(len(job).to_bytes(8, "little") + job)
            self._input.flush()

    @property
    def _input(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def output(self) -> IO[bytes]:
        """What it tells: a line of JSON each time."""
        assert self.process.stdout is not None
        return self.process.stdout

    def heard(self) -> bool:
        """Take in what it has told; False when it has ended."""
        part = os.read(self.output.fileno(), 1 << 16)
        *lines, self._told = (self._told + part).split(b"\n")
        for line in lines:
            self.fault = json.loads(line).get("fault", self.fault)
        return bool(part)

    def stop(self) -> None:
        """Ask it to give its trial back and end."""
        with suppress(OSError):
            self._input.close()

    def bury(self, patience: float | None = None) -> int:
        """Wait until it has ended, kill it where it takes longer, and give its exit code: negative for a signal."""
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.stop()
        self.output.close()
        return code

    def last_words(self) -> str:
        """The last line that it wrote to standard error."""
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        self.errors.close()
        return lines[-1].strip() if lines else ""


def wait_for(workers: Iterable[Worker], seconds: float) -> list[Worker]:
    """Workers that have told something or ended, at the latest after so many seconds."""
    with DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.output, EVENT_READ, worker)
        return [key.data for key, _ in selector.select(seconds)]


# ---------------------------------------------------------------------- inside a worker


def main() -> None:
    """Run trials until all are begun, or until the other end of standard input is closed."""
    output = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no message
    size = int.from_bytes(_read(8), "little")
    data = _read(size)
    if len(data) < size or not size:
        return  # the command has ended already
    ready = threading.Event()
    with Stop() as stop:
        threading.Thread(target=_listen, args=(stop, ready), daemon=True).start()
        try:
            job = _unpacked(data)
            with quiet(), explained(job.address):
                opened = _opened(job)
                ready.set()
                work(opened, job.objective, total=job.total, stop=stop, told=lambda n: _tell(output, {"done": n}))
        except ForecastError as error:
            kind = "config" if isinstance(error, ConfigError) else "other"
            _tell(output, {"fault": {"kind": kind, "cause": error.cause, "remedy": error.remedy}})
            sys.exit(FAILED)


def _unpacked(data: bytes) -> Job:
    """The job, from the pipe of the command that started this process: no file is ever read so."""
    try:
        job: Job = pickle.loads(data)
        return job
    except (AttributeError, ImportError) as error:
        cause = f"a worker process does not find a part of the search ({error})"
        raise ConfigError(cause, "Define it in a module that can be imported, or run one job.") from error


def _opened(job: Job) -> OpenStudy:
    import optuna

    storage = open_storage(job.address)
    study = optuna.load_study(study_name=job.name, storage=storage, pruner=job.pruner)
    return OpenStudy(study=study, storage=storage, address=job.address, sampler_for=job.sampler_for, seed=job.seed)


def _read(size: int) -> bytes:
    """So many bytes of standard input, past Python's buffer, whose lock a waiting thread would hold to the end."""
    parts = []
    while size and (part := os.read(0, min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _listen(stop: Stop, ready: threading.Event) -> None:
    """Wait for the end of standard input, which comes when the command stops this worker, and when it dies."""
    _read(1)
    if not ready.is_set():  # it still imports, and has begun nothing
        os._exit(0)
    stop.ask("interrupted")


def _tell(output: int, message: dict[str, Any]) -> None:
    with suppress(OSError):  # nobody listens any more
        os.write(output, json.dumps(message).encode() + b"\n")
