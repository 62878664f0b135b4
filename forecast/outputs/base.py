"""The contract of output heads: what a network's last axis means, its loss, and the forecasts it gives.

Dimension key: B batch, O origins, H horizon, C channels, Q outputs per step, V levels asked for.
"""

from typing import Protocol

import torch
from torch import Tensor

CLIP = 20.0  # standardised answers beyond this many deviations do not pull harder


class Output(Protocol):
    """``size`` values per step; ``point`` is the place of the point forecast among them (fed back when decoding)."""

    size: int
    point: int

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        """Sum over the counted targets and their number, from raw (B, O, H, C, Q), answer and mask (B, O, H, C)."""

    def values(self, raw: Tensor, levels: tuple[float, ...]) -> Tensor:
        """Point forecast and levels (…, 1 + V) from raw (…, Q); levels never decrease.

        Raises ``ConfigError`` for a level that the head cannot give.
        """


def masked_sum(losses: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the counted losses and their number; both (…) of one shape."""
    return torch.where(counted, losses, 0.0).sum(), counted.sum()
