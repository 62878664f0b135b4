"""Gates that mix two views of the same tokens."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.layers.precision import full_precision


class MixingGate(nn.Module):
    """g·a + (1 − g)·b with g = sigmoid(W[a, b]), one gate per feature.  Inputs, output: (…, D).

    names: what a and b are, for those who read the gate.
    """

    explains: ClassVar[str] = "gate"

    def __init__(self, width: int, names: tuple[str, str] = ("attention", "recurrence")) -> None:
        super().__init__()
        self.names = names
        self.gate = nn.Linear(2 * width, width)

    @full_precision
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.lerp(b, a, self.weights(a, b))

    def weights(self, a: Tensor, b: Tensor) -> Tensor:
        """(…, D): the share of ``a`` in each feature; ``b`` has the rest."""
        return torch.sigmoid(self.gate(torch.cat([a, b], dim=-1)))
