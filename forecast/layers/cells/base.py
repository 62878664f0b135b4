"""The contract of every recurrent cell, and what cells share that read any number of tokens at once.

Dimension key: B batch, N tokens, I inputs, D width, A heads.
"""

from math import gcd
from typing import Protocol

from torch import Tensor, nn

from forecast.layers.trunk import Carried

MOST_HEADS = 4


class Cell(Protocol):
    """A module that reads tokens one by one.  kept: how many tensors (B, …) its state holds, h (B, D) first."""

    kept: int

    def read(self, x: Tensor) -> Tensor:
        """States (B, N, D) of tokens (B, N, I)."""

    def begin(self, x: Tensor) -> tuple[Tensor, Carried]:
        """``read``, and the state after the last token."""

    def step(self, x: Tensor, carried: Carried) -> Carried:
        """The state after one more token (B, I)."""


class RunningCell(nn.Module):
    """A ``Cell`` that says in ``run`` how it reads tokens from the start or from a state on."""

    kept: int

    def run(self, x: Tensor, carried: Carried | None) -> tuple[Tensor, Carried]:
        """States (B, N, D) of tokens (B, N, I), and what is kept beside the last of them.

        carried: the state before, h (B, D) first; None at the start.
        """
        raise NotImplementedError

    def read(self, x: Tensor) -> Tensor:
        return self.run(x, None)[0]

    def begin(self, x: Tensor) -> tuple[Tensor, Carried]:
        states, beside = self.run(x, None)
        return states, [states[:, -1], *beside]

    def step(self, x: Tensor, carried: Carried) -> Carried:
        states, beside = self.run(x[:, None], carried)
        return [states[:, 0], *beside]


def heads_of(width: int) -> int:
    """How many heads share a width: four, or as many fewer as divide it (Beck et al. 2024 use four throughout)."""
    return gcd(width, MOST_HEADS)
