"""Runs in the interpreter of a contender: takes requests as lines of JSON, answers each with one.

What libraries print goes to standard error; answers alone go to standard output.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from comparison.series import Spec, big_frame, load

ENOUGH = 2.0  # seconds spent on one median


class Worker:
    """One contender's state between requests."""

    def __init__(self, contender: str) -> None:
        self.contender = importlib.import_module(f"contenders.{contender}")
        self.runs: dict[str, Callable[[int], tuple[float, int]]] = {}
        self.calls: dict[str, Callable[[], object]] = {}

    def versions(self) -> dict[str, str]:
        return {"python": sys.version.split()[0], **self.contender.versions()}

    def variants(self) -> list[dict[str, Any]]:
        """Settings of the training among which the documentation leaves the choice."""
        return list(getattr(self.contender, "VARIANTS", ({},)))

    def models(self) -> list[str]:
        return list(getattr(self.contender, "MODELS", ()))

    def open_training(self, data: str, spec: dict[str, Any], origins: int) -> str:
        name = f"training {len(self.runs)}"
        self.runs[name] = self.contender.training(load(data), Spec(**spec), origins)
        return name

    def train(self, name: str, steps: int) -> tuple[float, int]:
        """Seconds and windows of so many steps."""
        return self.runs[name](steps)

    def open_predictions(self, data: str, spec: dict[str, Any]) -> list[str]:
        opened = self.contender.predictions(load(data), Spec(**spec))
        self.calls |= opened
        return list(opened)

    def call(self, name: str, times: int) -> float:
        """Median seconds of one call; fewer calls where they take long."""
        seconds: list[float] = []
        while len(seconds) < times and sum(seconds) < ENOUGH:
            began = time.perf_counter()
            self.calls[name]()
            seconds.append(time.perf_counter() - began)
        return float(np.median(seconds))

    def accuracy(self, data: str, spec: dict[str, Any], out: str) -> dict[str, float]:
        """Fit, forecast all test windows, keep the forecasts (S, W, H) as a file; seconds of both."""
        series = load(data)
        began = time.perf_counter()
        fitted, forecast = self.contender.accuracy(series, Spec(**spec))
        np.save(out, np.asarray(forecast, np.float32))
        return {"fit": fitted, "predict": time.perf_counter() - began - fitted}

    def first_step(self, series: int, rows: int, spec: dict[str, Any]) -> dict[str, float]:
        """From a frame to the first training step: seconds, and megabytes at most and before (the whole process)."""
        prepare = getattr(self.contender, "prepare", lambda: None)
        prepare()  # imports are no part of it
        frame = big_frame(series, rows)
        clear = Path("/proc/self/clear_refs")
        if clear.exists():
            clear.write_text("5")  # the peak counts from here on
        before = memory("VmRSS")
        began = time.perf_counter()
        self.contender.first_step(frame, Spec(**spec))
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "before": before, "peak": memory("VmHWM")}


def memory(field: str) -> float:
    """Megabytes of this process (Linux); NaN elsewhere."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith(field))


def main(contender: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        worker: Worker | None = Worker(contender)
        first: dict[str, Any] = {"ok": "ready"}
    except Exception as error:
        worker, first = None, {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(first), file=answers, flush=True)
    for line in sys.stdin if worker else ():
        request = json.loads(line)
        try:
            answer: dict[str, Any] = {"ok": getattr(worker, request.pop("op"))(**request)}
        except NotImplementedError as error:
            answer = {"error": str(error)}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
