"""Samples and their levels.

Dimension key: B batch, n paths, H horizon, C channels, V levels.
"""

import torch
from torch import Tensor

from forecast.outputs.distribution import in_order

EDGE = 1e-6  # uniform numbers keep this far from 0 and 1, where quantiles are infinite


def spread_noise(paths: int, horizon: int, channels: int, *, seed: int) -> Tensor:
    """Uniform numbers (n, H, C, 2) in (0, 1), of which each step has one in each n-th of that range.

    A Latin hypercube (McKay, Beckman and Conover 1979): every number is uniform, and the levels of n paths are as
    steady as those of several times as many independent ones.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = paths, horizon, channels, 2
    ranks = torch.rand(shape, generator=generator).argsort(0)
    return ((ranks + torch.rand(shape, generator=generator)) / paths).clamp(EDGE, 1 - EDGE)


def levels_of_paths(paths: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Median and levels (B, H, C, 1 + V) of paths (B, n, H, C), straight between neighbouring ones."""
    ranked = paths.sort(1).values
    last = ranked.shape[1] - 1
    columns = []
    for level in (0.5, *levels):
        low = min(int(level * last), last - 1) if last else 0
        columns.append(torch.lerp(ranked[:, low], ranked[:, min(low + 1, last)], level * last - low))
    return in_order(columns)
