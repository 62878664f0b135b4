"""Quantile levels that cannot cross, with the pinball loss (Koenker & Bassett 1978).

Dimension key: B batch, O origins, H horizon, C channels, Q trained levels, V levels asked for.
"""

from typing import Any

import torch
from torch import Tensor

from forecast.datasets.arrays import Floats
from forecast.errors import ConfigError
from forecast.outputs.base import CLIP, Number


class QuantileOutput:
    """The network gives the middle level and, outwards from it, positive steps.

    levels: sorted; the middle one is the one nearest to 0.5, which is added where it is missing.
    """

    centred = True

    def __init__(self, levels: tuple[float, ...]) -> None:
        self.levels = tuple(sorted({*levels, 0.5}))
        self.size = len(self.levels)
        self.point = 0  # the middle level comes first in the raw outputs
        self.middle = self.levels.index(0.5)
        self._moved: dict[tuple[torch.device, torch.dtype], tuple[Tensor, Tensor]] = {}

    def quantiles(self, raw: Tensor) -> Tensor:
        """Levels (…, Q) in rising order from raw outputs (…, Q)."""
        middle = raw[..., :1]
        steps = positive(raw[..., 1:])
        below = middle - steps[..., : self.middle].cumsum(-1)
        above = middle + steps[..., self.middle :].cumsum(-1)
        return torch.cat([below.flip(-1), middle, above], dim=-1)

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor, scale: Number = 1.0) -> tuple[Tensor, Tensor]:
        """Pinball loss, twice the mean over levels: with the one level 0.5 it is the absolute error."""
        levels, signs = self._constants(raw.device, raw.dtype)
        total: Tensor = Pinball.apply(raw, answer.clamp(-CLIP, CLIP), counted, levels, signs)  # type: ignore[no-untyped-call]
        return total * (2 / self.size), counted.sum()

    def _constants(self, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Levels (Q,), and signs (Q − 1, Q): how each positive step moves each level.  Moved to a device but once."""
        if (device, dtype) not in self._moved:
            place = torch.arange(self.size) - self.middle
            below = -(place[None] <= -1 - torch.arange(self.middle)[:, None]).to(dtype)
            above = (place[None] >= 1 + torch.arange(self.size - 1 - self.middle)[:, None]).to(dtype)
            levels = torch.tensor(self.levels, dtype=dtype)
            self._moved[device, dtype] = levels.to(device), torch.cat([below, above]).to(device)
        return self._moved[device, dtype]

    def values(self, raw: Tensor, levels: tuple[float, ...], scale: Number = 1.0) -> Tensor:
        if not levels:
            return raw[..., :1]
        quantiles = self.quantiles(raw)
        columns = [quantiles[..., self.middle]]
        for level in levels:
            columns.append(self._interpolate(quantiles, level))
        return torch.stack(columns, dim=-1)

    def draw(self, raw: Tensor, noise: Tensor, scale: Number = 1.0) -> Tensor:
        """By inverse transform, straight between the trained levels and held at the outermost ones."""
        quantiles, rank = self.quantiles(raw), noise[..., 0]
        if self.size == 1:
            raise ConfigError(
                "this forecaster was trained for the median only and has nothing to draw samples from",
                "Fit it with levels=(0.05, …, 0.95) or with a distribution.",
            )
        known = torch.tensor(self.levels, dtype=rank.dtype, device=rank.device)
        shape = (rank + quantiles[..., 0]).shape
        rank = rank.clamp(known[0], known[-1]).expand(shape).contiguous()
        place = (torch.searchsorted(known, rank, right=True) - 1).clamp(max=self.size - 2)
        share = (rank - known[place]) / (known[place + 1] - known[place])
        quantiles = quantiles.expand(*shape, self.size)
        low = quantiles.gather(-1, place[..., None])[..., 0]
        high = quantiles.gather(-1, place[..., None] + 1)[..., 0]
        return torch.lerp(low, high, share.to(low.dtype))

    def require(self, target: Floats) -> None:
        """Any number will do."""

    def _interpolate(self, quantiles: Tensor, level: float) -> Tensor:
        """The level: one of the trained, else straight between its neighbours; outside of them it is unknown."""
        if level in self.levels:
            return quantiles[..., self.levels.index(level)]
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


class Pinball(torch.autograd.Function):
    """Sum of the pinball losses over the counted targets, which makes its own gradient while it is at it.

    The loss is linear in the error with a slope that needs no gradient, so that of all the arrays in between only the
    gradient is kept.  They hold the levels outermost, N = B·O·H·C to a level: rows of eleven numbers are too short
    for the vector units.
    """

    @staticmethod
    def forward(ctx: Any, raw: Tensor, answer: Tensor, counted: Tensor, levels: Tensor, signs: Tensor) -> Tensor:
        by_level = raw.reshape(-1, raw.shape[-1]).T  # (Q, N)
        steps = by_level[1:]
        root = (steps.square() + 4).sqrt_()
        positive_steps = (steps + root).mul_(0.5)
        error = (answer.reshape(-1) - by_level[0]) - signs.T @ positive_steps
        slope = (levels[:, None] - (error < 0).to(raw.dtype)).mul_(counted.reshape(-1).to(raw.dtype))
        if ctx.needs_input_grad[0]:
            gradient = torch.empty_like(by_level)
            torch.sum(slope, 0, out=gradient[0])
            torch.mul(positive_steps.div_(root), signs @ slope, out=gradient[1:])
            ctx.save_for_backward(gradient.T.reshape(raw.shape))
        return (error * slope).sum()

    @staticmethod
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * -factor, None, None, None, None


def positive(x: Tensor) -> Tensor:
    """(x + √(x² + 4)) / 2 (squareplus, Barron 2021): softplus without its exponential, which was a sixth of a step."""
    return 0.5 * (x + (x.square() + 4).sqrt())
