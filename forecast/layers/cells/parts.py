"""Small parts of recurrent blocks: a causal convolution, a normalisation and a linear map for each head.

Dimension key: B batch, N tokens, D width, A heads, K taps.
"""

import torch
from torch import Tensor, nn


class CausalConvolution(nn.Module):
    """Each feature's own weighted sum over its last K tokens, then SiLU.  (B, N, D) → (B, N, D).

    A sum of K shifted products: on a CPU several times faster than a grouped convolution at such widths.
    """

    def __init__(self, width: int, taps: int = 4) -> None:
        super().__init__()
        self.taps = taps
        bound = taps**-0.5
        self.weight = nn.Parameter(torch.empty(taps, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, before: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The sums, and the last K - 1 tokens, which are ``before`` for those that follow; zeros at the start."""
        tokens = x.shape[1]
        if before is None:
            extended = nn.functional.pad(x, (0, 0, self.taps - 1, 0))
        else:
            extended = torch.cat([before, x], dim=1)
        total = self.bias.expand_as(x)
        for place, weight in enumerate(self.weight.unbind()):
            total = torch.addcmul(total, extended[:, place : place + tokens], weight)
        return nn.functional.silu(total), extended[:, tokens:]


class HeadNorm(nn.Module):
    """Normalise every head of every token by itself, then scale each feature.  (B, N, D) → (B, N, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        split = x.reshape(*x.shape[:-1], self.heads, -1)
        return nn.functional.layer_norm(split, split.shape[-1:]).flatten(-2) * self.weight


class HeadLinear(nn.Module):
    """A linear map of each head's features, ``times`` as many out as in.  (B, N, D) → (B, N, times·D) by head."""

    def __init__(self, width: int, heads: int, times: int = 1) -> None:
        super().__init__()
        inputs = width // heads
        deviation = (2 / (5 * inputs)) ** 0.5  # Nguyen & Salazar 2019, as in xLSTM
        self.weight = nn.Parameter(torch.randn(heads, inputs, times * inputs) * deviation)

    def forward(self, x: Tensor) -> Tensor:
        heads, inputs, _ = self.weight.shape
        rows = x.reshape(-1, heads, inputs).transpose(0, 1)  # (A, B·N, D / A)
        return torch.bmm(rows, self.weight).transpose(0, 1).reshape(*x.shape[:-1], -1)
