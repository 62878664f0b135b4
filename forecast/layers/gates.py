"""Gates that mix two views of the same tokens."""

import torch
from torch import Tensor, nn

from forecast.layers.precision import full_precision


class MixingGate(nn.Module):
    """g·a + (1 − g)·b with g = sigmoid(W[a, b]), one gate per feature.  Inputs, output: (…, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * width, width)

    @full_precision
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(torch.cat([a, b], dim=-1)))
        return torch.lerp(b, a, gate)
