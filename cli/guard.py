"""What stands around every command: failures become one line of cause, one of remedy, and an exit code."""

import errno
import os
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup

from forecast.cli import processes
from forecast.errors import ForecastError, is_out_of_memory

FAULT, USAGE, INTERRUPTED, TERMINATED = 1, 2, 130, 128 + signal.SIGTERM
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# typer brings its own click or takes the installed one, by version; this is the one that it raises
UsageFault: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a command may know of how it was called (its context's ``obj``).  began: ``time.perf_counter()`` then."""

    began: float
    words: tuple[str, ...]

    @property
    def line(self) -> str:
        """The command line, as it can be typed again."""
        return shlex.join(["forecast", *self.words])


class Commands(TyperGroup):
    """The command group that keeps these manners, however it is called."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        run, call = super().main, Call(began=time.perf_counter(), words=tuple(given))
        extra |= {"standalone_mode": False, "obj": call}
        code = guarded(lambda: run(given, *rest, **extra), debug="--debug" in given)
        if standalone_mode:
            sys.exit(code)
        return code


def guarded(call: Callable[[], Any], *, debug: bool) -> int:
    """Run ``call`` and return the exit code; what went wrong is told on standard error."""
    try:
        result = call()
        sys.stdout.flush()
        code = result if isinstance(result, int) else 0
        if code == INTERRUPTED:  # typer has made an exit of the interrupt
            complain("interrupted", "")
        return code
    except BaseException as error:
        if isinstance(error, SystemExit) and (processes.count() == 1 or error.code != TERMINATED):
            raise
        if debug and not isinstance(error, KeyboardInterrupt | SystemExit):
            traceback.print_exc()
        return _report(error)


def _report(error: BaseException) -> int:
    """Say what went wrong, unless another process of the run has done so; the exit code."""
    cause, remedy, code = _account(error)
    speaks, code = processes.agreed(code)
    if speaks and cause:
        complain(cause, remedy)
    return code


def _account(error: BaseException) -> tuple[str, str, int]:
    """Cause, remedy and exit code of an error; an empty cause where nothing is to be said."""
    if isinstance(error, ForecastError):
        return error.cause, error.remedy, error.exit_code
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "interrupted", "", INTERRUPTED
    if isinstance(error, SystemExit):
        cause = "the run was ended from outside, as it is where one of its processes has died"
        return cause, "See what was said of it; the same command goes on from the last checkpoint.", TERMINATED
    if isinstance(error, UsageFault):
        return _usage(error)
    if isinstance(error, BrokenPipeError):  # the reader of our output, `head` for example, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return "", "", FAULT
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return f"the output cannot be written: {error.strerror}", "Make room, or send it elsewhere.", FAULT
    if is_out_of_memory(error):
        remedy = "Give fewer series, a shorter history, or smaller settings (--set batch_size=32)."
        return "out of memory", remedy, FAULT
    what = str(error).strip().splitlines()
    cause = f"{type(error).__name__}: {what[0] if what else 'no message'}"
    return cause, "This is a fault of the program; run it again with --debug to see where.", FAULT


def _usage(error: Any) -> tuple[str, str, int]:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":  # making it has printed the help
        return "", "", USAGE
    where = context.command_path if context is not None else "forecast"
    return error.format_message(), f"See: {where} --help", USAGE


def complain(cause: str, remedy: str) -> None:
    """One line of cause and, where there is one, one of remedy, on standard error."""
    lines = [f"error: {_one_line(cause)}", *([_one_line(remedy)] if remedy else [])]
    print("\n".join(lines), file=sys.stderr, flush=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())
