"""A cell in both directions (Schuster & Paliwal 1997).

Dimension key: B batch, N tokens, I inputs, D width.
"""

from typing import cast

import torch
from torch import Tensor, nn

from forecast.layers.cells.kinds import CELLS, Cell, CellKind


class BothWays(nn.Module):
    """One cell reads from the first token, another from the last; each token's two states are joined to the width.

    (B, N, I) → (B, N, D).  It carries no state: a token's depends on those after it.
    """

    def __init__(self, kind: CellKind, inputs: int, width: int) -> None:
        super().__init__()
        self.ways = nn.ModuleList([cast("nn.Module", CELLS[kind](inputs, width)) for _ in range(2)])
        self.join = nn.Linear(2 * width, width)

    def read(self, x: Tensor) -> Tensor:
        onward, back = cast("list[Cell]", list(self.ways))
        joined: Tensor = self.join(torch.cat([onward.read(x), back.read(x.flip(1)).flip(1)], dim=-1))
        return joined
