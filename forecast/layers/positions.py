"""Where a token stands.

Dimension key: B batch, N tokens (queries inside the scores), M keys, D width, A heads, R distances.
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
    """Tokens as they are: rotary, relative and ALiBi positions act inside attention."""

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        return x


class Distances(nn.Module):
    """What the distance of two tokens adds to how much one reads the other, before the softmax.

    The last of the N queries stands at the place of the last of the M keys.
    Input: queries (B, A, N, D / A), M.  Output: the queries with which contents are compared, of the same shape, and
    what is added to their scores divided by √(D / A): (B or 1, A, N, M), −∞ for later keys where ``causal``.
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, query: Tensor, keys: int, *, causal: bool) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class AlibiDistances(Distances):
    """Scores fall with the distance, in each head at a slope of its own (Press et al. 2022, section 3).

    The slope of head a of A is 2^(−8a / A), counted from 1.  Where tokens read both ways, the distance has no sign.
    """

    def forward(self, query: Tensor, keys: int, *, causal: bool) -> tuple[Tensor, Tensor]:
        heads = torch.arange(1, self.heads + 1, device=query.device)
        slopes = torch.exp2(heads * (-8 / self.heads)).to(query.dtype)
        place = torch.arange(keys, device=query.device)
        distance = place[keys - query.shape[-2] :, None] - place  # (N, M)
        falling = -slopes[:, None, None] * distance.abs()
        return query, (falling.masked_fill(distance < 0, -math.inf) if causal else falling)[None]


class RelativeDistances(Distances):
    """Queries are compared with sinusoids of the distance, too (Dai et al. 2019, section 3.3).

    The score of query q for key k at distance r is (q + u)·k + (q + v)·W r, with u and v learned per head and W for
    all: the paper's four terms.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(heads)
        self.project = nn.Linear(width, width, bias=False)
        self.content, self.place = (nn.Parameter(torch.zeros(width)) for _ in range(2))  # u and v

    def forward(self, query: Tensor, keys: int, *, causal: bool) -> tuple[Tensor, Tensor]:
        queries, size = query.shape[-2:]
        nearest = 0 if causal else -queries  # one more than needed: rows of one length shift without a gap
        weight = self.project.weight
        table = sinusoids(keys - nearest, len(weight), start=nearest, device=weight.device, dtype=weight.dtype).flip(0)
        distances = self.project(table).unflatten(-1, (self.heads, size))  # (R, A, D / A), the farthest first
        content, place = (part.to(query.dtype).view(self.heads, 1, size) for part in (self.content, self.place))
        scores = (query + place) @ (distances.permute(1, 2, 0) / math.sqrt(size)).to(query.dtype)  # (B, A, N, R)
        if causal:
            scores = nn.functional.pad(scores, (0, queries), value=-math.inf)
        return query + content, _shift(scores, keys)


def _shift(scores: Tensor, keys: int) -> Tensor:
    """(…, N, M) by key from (…, N, M + N) by distance, the farthest first: row n of N from its place N − 1 − n on.

    The rows are laid end to end and cut anew one element shorter (Dai et al. 2019, appendix B).
    """
    queries, length = scores.shape[-2:]
    flat = scores.flatten(-2)[..., queries - 1 : queries - 1 + queries * (length - 1)]
    return flat.reshape(*scores.shape[:-2], queries, length - 1)[..., :keys]


def make_distances(kind: Positions, width: int, heads: int) -> Distances | None:
    """What adds positions to the scores of attention; None where they act elsewhere."""
    if kind == "alibi":
        return AlibiDistances(heads)
    return RelativeDistances(width, heads) if kind == "relative" else None


def sinusoids(
    places: int, width: int, *, start: int = 0, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> Tensor:
    """(places, width): sin(p / 10000^(2i / D)) in even columns, the cosine in odd ones, from p = start on."""
    rates = torch.exp(torch.arange(0, width, 2, device=device, dtype=dtype) * (-math.log(10_000.0) / width))
    angles = torch.arange(start, start + places, device=device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def rotate(x: Tensor, start: int = 0, apart: int = 1) -> Tensor:
    """Rotate pairs of features of (B, A, N, D) by their token's position (Su et al. 2021, section 3.2).

    start: the position of the first token.  apart: how many positions lie from one to the next.
    """
    half = x.shape[-1] // 2
    rates = torch.exp(torch.arange(half, device=x.device) * (-math.log(10_000.0) / max(half, 1)))
    angles = (start + apart * torch.arange(x.shape[-2], device=x.device))[:, None] * rates
    sin, cos = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([first * cos - second * sin, first * sin + second * cos, rest], dim=-1)


def make_positions(kind: Positions, width: int, places: int) -> nn.Module:
    """The module that adds positions to tokens of which the first stands at place ``start``, 0 unless given."""
    if kind == "learned":
        return LearnedPositions(width, places)
    return SinusoidalPositions() if kind == "sinusoidal" else NoPositions()
