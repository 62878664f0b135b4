"""Where a token stands.

Dimension key: B batch, N tokens, D width, A heads.
"""

import math

import torch
from torch import Tensor, nn

from forecast.layers.stack_config import Positions


class LearnedPositions(nn.Module):
    """One learned vector per place, for up to ``places`` tokens; later places repeat the last one."""

    def __init__(self, width: int, places: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(places, width) * 0.02)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        place = torch.arange(start, start + x.shape[1], device=x.device).clamp(max=len(self.table) - 1)
        return x + self.table[place]


class SinusoidalPositions(nn.Module):
    """Sines and cosines of geometrically spaced wavelengths (Vaswani et al. 2017, section 3.5)."""

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        return x + sinusoids(x.shape[1], x.shape[2], start=start, device=x.device)


class NoPositions(nn.Module):
    """Tokens as they are: rotary positions act inside attention."""

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        return x


def sinusoids(places: int, width: int, *, start: int = 0, device: torch.device | None = None) -> Tensor:
    """(places, width): sin(p / 10000^(2i / D)) in even columns, the cosine in odd ones, from p = start on."""
    rates = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10_000.0) / width))
    angles = torch.arange(start, start + places, device=device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def rotate(x: Tensor, start: int = 0) -> Tensor:
    """Rotate pairs of features of (B, A, N, D) by their token's position (Su et al. 2021, section 3.2).

    start: the position of the first token.
    """
    half = x.shape[-1] // 2
    rates = torch.exp(torch.arange(half, device=x.device) * (-math.log(10_000.0) / max(half, 1)))
    angles = torch.arange(start, start + x.shape[-2], device=x.device)[:, None] * rates
    sin, cos = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([first * cos - second * sin, first * sin + second * cos, rest], dim=-1)


def make_positions(kind: Positions, width: int, places: int) -> nn.Module:
    """The module that adds positions to tokens of which the first stands at place ``start``, 0 unless given."""
    if kind == "learned":
        return LearnedPositions(width, places)
    return SinusoidalPositions() if kind == "sinusoidal" else NoPositions()
