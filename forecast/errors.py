"""Every failure that the toolkit reports, as one tree.

ForecastError            exit code 1   anything that the toolkit itself says went wrong
├─ ConfigError           exit code 2   a setting or option is wrong (also a ValueError)
│  └─ NotFittedError     exit code 2   asked to predict before fit (also an AttributeError)
├─ DataError             exit code 3   the data cannot be used as they are (also a ValueError)
├─ ModelFormatError      exit code 4   a model folder is missing, damaged, foreign or too new
├─ TrainingError         exit code 1   the loss turned non-finite; says at which step and why
└─ ResourceError         exit code 1   the machine gave out: memory, or another process of the run
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

MOST_NAMES = 60  # that an error lists
MEMORY_SIGNS = ("allocate memory", "out of memory", "alloc_failed")  # in torch's words, of libraries below it too


class ForecastError(Exception):
    """A cause and, where there is one, a remedy; ``where`` holds the place (file, row, column, value, name)."""

    exit_code = 1

    def __init__(self, cause: str, remedy: str = "", **where: Any) -> None:
        super().__init__(cause if not remedy else f"{cause}\n{remedy}")
        self.cause = cause
        self.remedy = remedy
        self.where = where


class ConfigError(ForecastError, ValueError):
    """A setting or option has a name or value that is not allowed."""

    exit_code = 2


class NotFittedError(ConfigError, AttributeError):
    """``predict``, ``score`` or ``save`` was called before ``fit``."""


class DataError(ForecastError, ValueError):
    """The data cannot be used as they are."""

    exit_code = 3


class ModelFormatError(ForecastError):
    """A saved model is missing, damaged, foreign, or of a newer format."""

    exit_code = 4


class TrainingError(ForecastError):
    """Training had to stop, and the last good weights were kept."""


class ResourceError(ForecastError):
    """Memory ran out, or another process of the run was lost; a checkpoint stays good."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, which torch tells as a ``RuntimeError`` of no kind of its own on the CPU."""
    told = isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in MEMORY_SIGNS)
    return told or isinstance(error, MemoryError)


def unknown_name(kind: str, given: str, known: Iterable[str]) -> ConfigError:
    """The error for a name that is not in a table: nearest match first, then all of them unless they are very many."""
    names = sorted(known)
    close = get_close_matches(str(given), names, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    listed = ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} names from {names[0]} to {names[-1]}"
    return ConfigError(f"unknown {kind} {given!r}", f"{hint}Known: {listed}.", name=given)
