"""Progress on standard error: a bar with losses, speed and the time left on a terminal; nothing where there is none."""

import sys
import time
from typing import Any

from forecast.automatic.watcher import OnReport, Watcher

REPORTS = 20  # validations in one training


class TerminalProgress(Watcher):
    """Shows stages and trainings with rich; to be used in a ``with`` block."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[told]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self.task: Any = None
        self.began = time.perf_counter()

    def __enter__(self) -> "TerminalProgress":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def stage(self, text: str) -> None:
        """A stage of unknown length: a bar that pulses."""
        self._begin(text, total=None)

    def training(self, name: str, *, limit: float | None) -> OnReport:
        """A training: a bar that moves at every validation."""
        self._begin(name, total=REPORTS)
        return self._report

    def trained(self) -> None:
        self.stage("")

    def _begin(self, text: str, *, total: int | None) -> None:
        if self.task is not None:
            self.bar.remove_task(self.task)
        self.task = self.bar.add_task(text, total=total, told="")
        self.began, self.done, self.last = time.perf_counter(), 0, 0

    def _report(self, step: int, seconds: float, losses: dict[str, float]) -> None:
        if step < self.last:  # a second training, on all rows, has begun
            self.done = 0
        self.last, self.done = step, self.done + 1
        self.bar.update(self.task, completed=min(self.done, REPORTS), told=told(step, seconds, losses, self.done))


def told(step: int, seconds: float, losses: dict[str, float], done: int) -> str:
    """Step, losses, speed and time left in a line."""
    left = seconds / max(done, 1) * max(REPORTS - done, 0)
    parts = [f"step {step}", f"loss {losses.get('loss', float('nan')):.4f}"]
    if "validation" in losses:
        parts.append(f"validation {losses['validation']:.4f}")
    if "windows_per_second" in losses:
        parts.append(f"{losses['windows_per_second']:,.0f} windows/s")
    return "  ".join([*parts, f"{left:.0f} s left"])


class Silent(Watcher):
    """Shows nothing; stands where there is no terminal or the user wants quiet."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None:
        return


def progress(*, quiet: bool) -> TerminalProgress | Silent:
    """The progress display that suits where standard error goes."""
    return Silent() if quiet or not sys.stderr.isatty() else TerminalProgress()
