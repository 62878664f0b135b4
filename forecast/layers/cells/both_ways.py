"""A cell in both directions (Schuster & Paliwal 1997).

Dimension key: B batch, N tokens, I inputs, D width.
"""

from typing import cast

import torch
from torch import Tensor, nn

from forecast.layers.cells.kinds import CELLS, Cell, CellKind


class BothWays(nn.Module):
    """One cell reads from the first token, another from the last; each token's two states are joined to the width.

    The last token gets the two final states, a summary of all tokens: its own state backwards has read it alone, and
    forecasts would read no other.  (B, N, I) → (B, N, D).  It carries no state, as a token's depends on later ones.
    """

    def __init__(self, kind: CellKind, inputs: int, width: int) -> None:
        super().__init__()
        self.ways = nn.ModuleList([cast("nn.Module", CELLS[kind](inputs, width)) for _ in range(2)])
        self.join = nn.Linear(2 * width, width)

    def read(self, x: Tensor) -> Tensor:
        onward, back = cast("list[Cell]", list(self.ways))
        backwards = back.read(x.flip(1))
        backwards = torch.cat([backwards.flip(1)[:, :-1], backwards[:, -1:]], dim=1)
        joined: Tensor = self.join(torch.cat([onward.read(x), backwards], dim=-1))
        return joined
