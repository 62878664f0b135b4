"""Recurrent cells over tokens as a trunk.

Dimension key: B batch, N tokens, I inputs, D width.
"""

from dataclasses import dataclass
from functools import partial
from typing import cast

from torch import Tensor, nn

from forecast.layers.cells.both_ways import BothWays
from forecast.layers.cells.kinds import CELLS, Cell, CellKind
from forecast.layers.dropout import make_dropout
from forecast.layers.precision import full_precision
from forecast.layers.trunk import Carried, Trunk


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig:
    """inputs: width of the tokens.  width: of the layers.

    residual: add each layer to its input where that is as wide.  bidirectional: read in both directions.
    """

    cell: CellKind
    inputs: int
    width: int
    layers: int = 1
    dropout: float = 0.0
    residual: bool = True
    bidirectional: bool = False


class RecurrentStack(Trunk):
    """Layers of one cell, each added to its input where that is as wide, so that depth costs no gradient.

    (B, N, I) → (B, N, D).  In both directions it is not causal and carries no state.
    """

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        widths = [config.inputs] + [config.width] * (config.layers - 1)
        make = partial(BothWays, config.cell) if config.bidirectional else CELLS[config.cell]
        self.layers = nn.ModuleList(cast("nn.Module", make(inputs, config.width)) for inputs in widths)
        self.dropout = make_dropout(config.dropout)
        self.width, self.residual = config.width, config.residual
        self.causal = self.carries = not config.bidirectional
        self.kept = sum(cell.kept for cell in self._cells()) if self.carries else 0

    @full_precision
    def forward(self, x: Tensor) -> Tensor:
        for cell in self._cells():
            x = self._add(x, cell.read(x))
        return x

    def begin(self, x: Tensor, room: int = 0) -> tuple[Tensor, Carried]:
        """``forward``, and the states of every layer; a recurrent state has room for any number of tokens."""
        if not self.carries:
            return super().begin(x, room)
        carried: Carried = []
        for cell in self._cells():
            states, last = cell.begin(x)
            carried += last
            x = self._add(x, states)
        return x, carried

    def step(self, x: Tensor, carried: Carried, place: int = 0) -> tuple[Tensor, Carried]:
        """One more token (B, 1, I).  ``place`` does not matter to a recurrent state."""
        x = x[:, 0]
        after: Carried = []
        for cell in self._cells():
            after += cell.step(x, carried[len(after) : len(after) + cell.kept])
            x = self._add(x, after[-cell.kept])
        return x[:, None], after

    def _cells(self) -> list[Cell]:
        return cast("list[Cell]", list(self.layers))

    def _add(self, x: Tensor, states: Tensor) -> Tensor:
        states = self.dropout(states)
        return x + states if self.residual and x.shape == states.shape else states
