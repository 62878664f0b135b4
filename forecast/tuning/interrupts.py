"""Stopping a trial in its middle, and never in the middle of the bookkeeping around it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

WAKE = getattr(signal, "SIGUSR1", signal.SIGINT)  # by which other threads interrupt the main one, asleep or not
PATIENCE = 2  # signals that may come during the bookkeeping before it is cut short, too


class Stopped(KeyboardInterrupt):
    """The trial was interrupted, for the reason that is its message."""


class Stop:
    """Whether to stop, and why.  Within ``with stop:`` Ctrl-C asks for it; within ``stop.interruptible()`` it happens.

    Other threads ask by ``ask(why)``.  In a thread that is not the main one a trial is not interrupted.
    """

    def __init__(self) -> None:
        self.why = ""
        self._open, self._asked = False, 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            wanted = {WAKE, signal.SIGINT}
            if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a command in the background
                wanted.discard(signal.SIGINT)
            self._before = {number: signal.signal(number, self._signalled) for number in wanted}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}

    def ask(self, why: str) -> None:
        """Stop as soon as can be, whichever thread says so."""
        self.why = self.why or why
        if WAKE in self._before and self._open:
            main = threading.main_thread().ident
            if os.name == "posix" and main is not None:
                signal.pthread_kill(main, WAKE)
            else:
                signal.raise_signal(WAKE)

    @contextmanager
    def after(self, seconds: float | None, why: str) -> Iterator[None]:
        """Ask for it when so many seconds are over and the block still runs."""
        if seconds is None:
            yield
            return
        timer = threading.Timer(max(seconds, 0.0), self.ask, (why,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Raise ``Stopped`` in the block when it is asked for."""
        self._open = True
        try:
            if self.why:
                raise Stopped(self.why)
            yield
        finally:
            self._open = False

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self.why = self.why or "interrupted"
        self._asked += 1
        if self._open:
            self._open = False
            raise Stopped(self.why)
        if self._asked > PATIENCE:
            raise KeyboardInterrupt
