"""The contract of output heads: what a network's last axis means, its loss, and the forecasts it gives.

Dimension key: B batch, O origins, H horizon, C channels, Q outputs per step, V levels asked for.
"""

from typing import Protocol

import torch
from torch import Tensor

from forecast.datasets.arrays import Floats

Number = Tensor | float
CLIP = 20.0  # standardised answers beyond this many deviations do not pull harder


class Output(Protocol):
    """``size`` values per step; ``point`` is the place of the point forecast among them (fed back when decoding).

    centred: whether windows are shifted; without, they are divided by their mean level only.
    What the network gives is on the window's scale.  ``scale`` is that scale, (…) or what broadcasts to it, for heads
    that need to know it.
    """

    size: int
    point: int
    centred: bool

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor, scale: Number = 1.0) -> tuple[Tensor, Tensor]:
        """Sum over the counted targets and their number, from raw (B, O, H, C, Q), answer and mask (B, O, H, C)."""

    def values(self, raw: Tensor, levels: tuple[float, ...], scale: Number = 1.0) -> Tensor:
        """Point forecast and levels (…, 1 + V) from raw (…, Q); levels never decrease.

        Raises ``ConfigError`` for a level that the head cannot give.
        """

    def draw(self, raw: Tensor, noise: Tensor, scale: Number = 1.0) -> Tensor:
        """A sample (…) from raw (…, Q) by uniform noise (…, 2) in (0, 1), which alone decides which sample it is.

        Raises ``ConfigError`` where the head has no spread.
        """

    def require(self, target: Floats) -> None:
        """Raises ``DataError`` for observed targets (N, C) in the user's units that the head has no likelihood of."""


def masked_sum(losses: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the counted losses and their number; both (…) of one shape."""
    return torch.where(counted, losses, 0.0).sum(), counted.sum()
