"""Functions that torch's compiler leaves as they are."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


def uncompiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function; where torch compiles its caller, it runs as it stands.

    ``torch.compiler.disable`` as a decorator would import the compiler, for which every first step would wait; here it
    is asked for only by a compiler at work.
    """

    @wraps(function)
    def call(*given: P.args, **named: P.kwargs) -> R:
        if not torch.compiler.is_compiling():
            return function(*given, **named)
        found: R = torch.compiler.disable(function)(*given, **named)  # type: ignore[no-untyped-call]
        return found

    return call
