"""A contender in a process of its own, under a stated allocator setting and number of threads."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

HERE = Path(__file__).parents[1]
START = "import sys; sys.path.append({here!r}); from comparison.worker import main; main({name!r})"
KEPT = str(1 << 30)  # bytes below which glibc keeps memory: what seqcast sets for itself
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")
Setting = Literal["default", "raised", "own"]


class ContenderError(Exception):
    """A contender could not do what was asked; the message is its own."""


@dataclass(frozen=True)
class Contender:
    """Name of a file in ``contenders`` and the interpreter that it runs in."""

    name: str
    python: str = sys.executable


def environment(setting: Setting, threads: int) -> dict[str, str]:
    """default: nobody changes the allocator.  raised: everybody keeps freed memory.  own: as each one is installed.

    Subnormal numbers are flushed by seqcast's own switch only, which ``default`` turns off.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "PYTHONPATH", "FORECAST_NO_TUNING"))}
    kept |= dict.fromkeys(THREADS, str(threads))
    kept |= {"PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1", "CUDA_VISIBLE_DEVICES": ""}
    if setting == "default":
        kept["FORECAST_NO_TUNING"] = "1"
    if setting == "raised":
        kept |= {"MALLOC_MMAP_THRESHOLD_": KEPT, "MALLOC_TRIM_THRESHOLD_": KEPT}
    return kept


class Process:
    """A running contender.  ``ask`` sends a request and waits; failures of the contender raise ``ContenderError``."""

    def __init__(self, contender: Contender, *, setting: Setting, threads: int) -> None:
        self.contender, self.setting = contender, setting
        self.folder = tempfile.TemporaryDirectory(prefix=f"compare-{contender.name}-")  # for what libraries write
        self.log = open(Path(self.folder.name) / "log", "w+")
        self.child = subprocess.Popen(
            [contender.python, "-c", START.format(here=str(HERE), name=contender.name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            cwd=self.folder.name,
            env=environment(setting, threads),
            text=True,
        )
        try:
            self._answer()
        except ContenderError:
            self.close()
            raise

    def ask(self, op: str, **arguments: Any) -> Any:
        assert self.child.stdin is not None
        try:
            print(json.dumps({"op": op, **arguments}), file=self.child.stdin, flush=True)
        except BrokenPipeError:
            raise ContenderError(f"{self.contender.name} has ended") from None
        return self._answer()

    def _answer(self) -> Any:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            self.child.wait()
            raise ContenderError(f"{self.contender.name} ended with {self.child.returncode}: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ContenderError(f"{self.contender.name}: {answer['error']}")
        return answer["ok"]

    def _last_words(self) -> str:
        self.log.seek(0)
        lines = [line for line in self.log.read().splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        if self.child.stdin is not None:
            self.child.stdin.close()
        try:
            self.child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        if self.child.stdout is not None:
            self.child.stdout.close()
        self.log.close()
        self.folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
