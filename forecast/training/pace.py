"""How many CPU threads take a training step fastest at the moment."""

import time
from collections.abc import Callable

import torch

TRIES = 2  # steps per number of threads in a trial; the first one of them wakes the threads up
FIRST_GAP = 32  # steps until the next trial, then twice as many, and so on
SLOWER = 2.0  # times the seconds of the last trial: what other programs do must have changed


class Pace:
    """Takes steps with all threads that may be used or with one, whichever was faster when both were last tried.

    On two idle cores two threads take three quarters of the time that one takes (M4 Hourly, defaults).  Where another
    program takes turns on these cores they take 3 to 50 times as long: at each operation they wait for one another, and
    one of them does not run.  Numbers of threads differ in the last digits of a result, so that this is for runs that
    the clock ends, which nobody can repeat to the digit anyway.
    """

    def __init__(self, threads: int) -> None:
        self.choices = (1, threads)
        self.gap = FIRST_GAP
        self.taken = 0  # steps since the trial began
        self.fastest: dict[int, float] = {}
        self.recent = 0.0

    def __call__(self, step: Callable[[], None]) -> None:
        """Take one step."""
        place, tries = self.taken, TRIES * len(self.choices)
        if place < tries:
            torch.set_num_threads(self.choices[place // TRIES])
        began = time.perf_counter()
        step()
        seconds = time.perf_counter() - began
        self.taken += 1
        if place < tries:
            threads = self.choices[place // TRIES]
            self.fastest[threads] = min(seconds, self.fastest.get(threads, seconds))
            if self.taken == tries:
                self._choose()
            return
        self.recent += (seconds - self.recent) / 8
        changed = self.recent > SLOWER * min(self.fastest.values())
        if self.taken - tries >= self.gap or (changed and self.taken - tries >= FIRST_GAP):
            self.gap = FIRST_GAP if changed else 2 * self.gap
            self.taken, self.fastest = 0, {}

    def _choose(self) -> None:
        best = min(self.fastest, key=self.fastest.__getitem__)
        torch.set_num_threads(best)
        self.recent = self.fastest[best]


def as_they_come(step: Callable[[], None]) -> None:
    """Take a step with the threads that are set."""
    step()
