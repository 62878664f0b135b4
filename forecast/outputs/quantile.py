"""Quantile levels that cannot cross, with the pinball loss (Koenker & Bassett 1978).

Dimension key: B batch, O origins, H horizon, C channels, Q trained levels, V levels asked for.
"""

import torch
from torch import Tensor

from forecast.errors import ConfigError
from forecast.outputs.base import CLIP


class QuantileOutput:
    """The network gives the middle level and, outwards from it, positive steps.

    levels: sorted; the middle one is the one nearest to 0.5, which is added where it is missing.
    """

    def __init__(self, levels: tuple[float, ...]) -> None:
        self.levels = tuple(sorted({*levels, 0.5}))
        self.size = len(self.levels)
        self.point = 0  # the middle level comes first in the raw outputs
        self.middle = self.levels.index(0.5)

    def quantiles(self, raw: Tensor) -> Tensor:
        """Levels (…, Q) in rising order from raw outputs (…, Q)."""
        middle = raw[..., :1]
        steps = positive(raw[..., 1:])
        below = middle - steps[..., : self.middle].cumsum(-1)
        above = middle + steps[..., self.middle :].cumsum(-1)
        return torch.cat([below.flip(-1), middle, above], dim=-1)

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        """Pinball loss, twice the mean over levels: with the one level 0.5 it is the absolute error.

        Written for few passes over (B, O, H, C, Q): the levels come from a small matrix product, the loss is linear
        in the error with a slope that needs no gradient.
        """
        quantiles = raw[..., :1] + positive(raw[..., 1:]) @ self._signs(raw)
        error = answer.clamp(-CLIP, CLIP)[..., None] - quantiles
        levels = torch.tensor(self.levels, device=raw.device, dtype=raw.dtype)
        slope = (levels - (error.detach() < 0).to(raw.dtype)) * counted[..., None]
        return (error * slope).sum() * (2 / self.size), counted.sum()

    def _signs(self, raw: Tensor) -> Tensor:
        """(Q − 1, Q): how each positive step moves each level, in rising order of the levels."""
        place = torch.arange(self.size) - self.middle
        below = -(place[None] <= -1 - torch.arange(self.middle)[:, None]).to(raw.dtype)
        above = (place[None] >= 1 + torch.arange(self.size - 1 - self.middle)[:, None]).to(raw.dtype)
        return torch.cat([below, above]).to(raw.device)

    def values(self, raw: Tensor, levels: tuple[float, ...]) -> Tensor:
        quantiles = self.quantiles(raw)
        columns = [quantiles[..., self.middle]]
        for level in levels:
            columns.append(self._interpolate(quantiles, level))
        return torch.stack(columns, dim=-1)

    def _interpolate(self, quantiles: Tensor, level: float) -> Tensor:
        """The level, straight between its trained neighbours; outside of them it is unknown."""
        if not self.levels[0] - 1e-9 <= level <= self.levels[-1] + 1e-9:
            raise ConfigError(
                f"level {level:g} lies outside the trained levels {self.levels[0]:g} to {self.levels[-1]:g}",
                f"Train with levels that reach it: levels=({min(level, self.levels[0]):g}, …).",
            )
        place = min(max(sum(known <= level for known in self.levels) - 1, 0), max(self.size - 2, 0))
        if self.size == 1:
            return quantiles[..., 0]
        low, high = self.levels[place], self.levels[place + 1]
        share = min(max((level - low) / (high - low), 0.0), 1.0)
        return torch.lerp(quantiles[..., place], quantiles[..., place + 1], share)


def positive(x: Tensor) -> Tensor:
    """(x + √(x² + 4)) / 2 (squareplus, Barron 2021): softplus without its exponential, which was a sixth of a step."""
    return 0.5 * (x + (x.square() + 4).sqrt())
