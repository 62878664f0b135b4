"""The table of recurrent cells.  A new cell is a file beside this one and a row here.

Dimension key: B batch, N tokens, I inputs, D width.
"""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from torch import Tensor

from forecast.layers.cells.fused import GRU, LSTM, RNN
from forecast.layers.trunk import Carried

CellKind = Literal["lstm", "gru", "rnn"]


class Cell(Protocol):
    """A module that reads tokens one by one.  kept: how many tensors (B, …) its state holds, h (B, D) first."""

    kept: int

    def read(self, x: Tensor) -> Tensor:
        """States (B, N, D) of tokens (B, N, I)."""

    def begin(self, x: Tensor) -> tuple[Tensor, Carried]:
        """``read``, and the state after the last token."""

    def step(self, x: Tensor, carried: Carried) -> Carried:
        """The state after one more token (B, I)."""


CELLS: Mapping[CellKind, Callable[[int, int], Cell]] = {"lstm": LSTM, "gru": GRU, "rnn": RNN}
