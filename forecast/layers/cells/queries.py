"""A recurrent cell that takes one step from the same state for each of many inputs.

Dimension key: M queries, I inputs, D width.
"""

import torch
from torch import Tensor, nn


class QueryCell(nn.Module):
    """A gated recurrent unit (Cho et al. 2014) that takes one step from one state for each of M queries.

    The steps do not follow one another, so that the state's share of the gates is computed once for all of them.
    Input: queries (…, M, I), state (…, D).  Output: (…, M, D).
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(inputs, 3 * width)  # reset, update, new: the order of torch's cell
        self.state = nn.Linear(width, 3 * width)

    def forward(self, queries: Tensor, state: Tensor) -> Tensor:
        held = state[..., None, :]  # (…, 1, D)
        reset, update, new = self.query(queries).chunk(3, dim=-1)  # each (…, M, D)
        held_reset, held_update, held_new = self.state(held).chunk(3, dim=-1)  # each (…, 1, D)
        new = torch.tanh(new + torch.sigmoid(reset + held_reset) * held_new)
        mixed: Tensor = torch.lerp(new, held.expand_as(new), torch.sigmoid(update + held_update))
        return mixed
