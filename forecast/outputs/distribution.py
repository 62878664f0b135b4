"""Distributions whose parameters the network gives, trained on their likelihood (Salinas et al. 2020, section 3.1).

Dimension key: B batch, O origins, H horizon, C channels, Q parameters, V levels asked for.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor, distributions

from forecast.datasets.arrays import Floats
from forecast.errors import DataError
from forecast.outputs.base import CLIP, Number, masked_sum
from forecast.outputs.quantile import positive

DistributionKind = Literal["normal", "student-t", "negative-binomial"]
NARROWEST = 1e-3  # of the window's scale: a density of a point would make the loss infinite
LEAST_FREEDOM, MOST_FREEDOM = 2.01, 1000.0  # degrees: a variance that exists, and log-gammas with digits left
LEAST_MEAN, LEAST_DISPERSION = 1e-4, 1e-3  # of counts, on the window's scale
BEND = (
    0.25  # mean of counts at a raw output of 0; from a few times that on it is the raw output, as decoders feed it back
)


class NormalOutput:
    """Mean and deviation on the window's scale.  The median is the mean."""

    size = 2
    point = 0
    centred = True

    def distribution(self, raw: Tensor) -> distributions.Distribution:
        """Of raw (…, Q), on the window's scale (…)."""
        return distributions.Normal(raw[..., 0], _width(raw[..., 1]), validate_args=False)

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor, scale: Number = 1.0) -> tuple[Tensor, Tensor]:
        """Sum of the negative log-likelihoods on the window's scale."""
        log_prob: Tensor = self.distribution(raw).log_prob(answer.clamp(-CLIP, CLIP))
        return masked_sum(-log_prob, counted)

    def values(self, raw: Tensor, levels: tuple[float, ...], scale: Number = 1.0) -> Tensor:
        location, width = raw[..., 0], _width(raw[..., 1])
        return in_order([location] + [location + width * _normal_quantile(level) for level in levels])

    def draw(self, raw: Tensor, noise: Tensor, scale: Number = 1.0) -> Tensor:
        deviates: Tensor = torch.special.ndtri(noise[..., 0].to(_exact(raw))).to(raw.dtype)
        return raw[..., 0] + (_width(raw[..., 1])) * deviates

    def require(self, target: Floats) -> None:
        """Any number will do."""


class StudentOutput:
    """Location, width and degrees of freedom (more than 2) on the window's scale.  The median is the location."""

    size = 3
    point = 0
    centred = True

    def distribution(self, raw: Tensor) -> distributions.Distribution:
        """Of raw (…, Q), on the window's scale (…)."""
        location, width, freedom = self._parameters(raw)
        return distributions.StudentT(freedom, location, width, validate_args=False)

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor, scale: Number = 1.0) -> tuple[Tensor, Tensor]:
        """Sum of the negative log-likelihoods on the window's scale."""
        log_prob: Tensor = self.distribution(raw).log_prob(answer.clamp(-CLIP, CLIP))
        return masked_sum(-log_prob, counted)

    def values(self, raw: Tensor, levels: tuple[float, ...], scale: Number = 1.0) -> Tensor:
        location, width, freedom = self._parameters(raw)
        quantiles = _student_quantiles(freedom, levels)
        return in_order([location] + [location + width * quantile for quantile in quantiles])

    def draw(self, raw: Tensor, noise: Tensor, scale: Number = 1.0) -> Tensor:
        """By the polar method of Bailey (1994), which turns two uniform numbers into one deviate without rejection."""
        location, width, freedom = self._parameters(raw)
        radius = (freedom * torch.expm1(-2 / freedom * noise[..., 0].log())).sqrt()
        drawn: Tensor = location + width * radius * torch.cos(2 * torch.pi * noise[..., 1])
        return drawn.to(raw.dtype)

    def require(self, target: Floats) -> None:
        """Any number will do."""

    def _parameters(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        freedom = LEAST_FREEDOM + positive(raw[..., 2]).clamp(max=MOST_FREEDOM)
        return raw[..., 0], _width(raw[..., 1]), freedom


class NegativeBinomialOutput:
    """Mean and dispersion of counts: the variance is mean + dispersion · mean².

    Windows are scaled but not shifted.  The mean grows with a window's scale ν and the dispersion with 1 / √ν (Salinas
    et al. 2020, sections 3.1 and 3.3); the likelihood is that of the counts themselves, in float64.
    """

    size = 2
    point = 0
    centred = False

    def distribution(self, raw: Tensor, scale: Number = 1.0) -> distributions.Distribution:
        """Of raw (…, Q), in counts (…)."""
        mean, dispersion = self._parameters(raw, scale)
        logits = (mean * dispersion).log()
        return distributions.NegativeBinomial(1 / dispersion, logits=logits, validate_args=False)

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor, scale: Number = 1.0) -> tuple[Tensor, Tensor]:
        """Sum of the negative log-likelihoods of the counts."""
        counts = (answer.clamp(0, CLIP) * scale).round().to(_exact(raw))
        log_prob: Tensor = self.distribution(raw, scale).log_prob(counts)
        total, count = masked_sum(-log_prob, counted)
        return total.to(raw.dtype), count

    def values(self, raw: Tensor, levels: tuple[float, ...], scale: Number = 1.0) -> Tensor:
        return in_order([self._quantile(raw, level, scale) for level in (0.5, *levels)])

    def draw(self, raw: Tensor, noise: Tensor, scale: Number = 1.0) -> Tensor:
        return self._quantile(raw, noise[..., 0].cpu().double().numpy(), scale)

    def require(self, target: Floats) -> None:
        """``DataError`` unless the observed targets are whole numbers of at least 0."""
        bad = (target < 0) | (target != np.floor(target)) & ~np.isnan(target)
        if bad.any():
            raise DataError(
                f"distribution=negative-binomial is one of counts, but the target holds {float(target[bad][0]):g} "
                f"(such values in all: {int(bad.sum())})",
                "Use distribution=student-t or normal, or give whole numbers of at least 0.",
            )

    def _parameters(self, raw: Tensor, scale: Number) -> tuple[Tensor, Tensor]:
        exact = raw.to(_exact(raw))
        root = scale.to(exact.dtype).sqrt() if isinstance(scale, Tensor) else scale**0.5
        mean = LEAST_MEAN + BEND * positive(exact[..., 0] / BEND)
        return scale * mean, (LEAST_DISPERSION + positive(exact[..., 1])) / root

    def _quantile(self, raw: Tensor, level: float | Floats, scale: Number) -> Tensor:
        """(…) on the window's scale; 4 µs each."""
        from scipy import stats

        mean, dispersion = (part.detach().cpu().double().numpy() for part in self._parameters(raw, scale))
        found = stats.nbinom.ppf(level, 1 / dispersion, 1 / (1 + mean * dispersion))
        return torch.from_numpy(np.asarray(found)).to(raw.device, raw.dtype) / scale


DistributionOutput = NormalOutput | StudentOutput | NegativeBinomialOutput
DISTRIBUTIONS: Mapping[DistributionKind, type[DistributionOutput]] = {
    "normal": NormalOutput,
    "student-t": StudentOutput,
    "negative-binomial": NegativeBinomialOutput,
}


def in_order(columns: list[Tensor]) -> Tensor:
    """Point and levels (…, 1 + V); what rounding has turned round in neighbouring levels is put right."""
    found = torch.stack(columns, dim=-1)
    if len(columns) > 2:
        found[..., 1:] = found[..., 1:].cummax(-1).values
    return found


def _width(raw: Tensor) -> Tensor:
    """By softplus, whose exponential makes a hundredth as easy to say as a tenth: smooth series need it."""
    return NARROWEST + torch.nn.functional.softplus(raw)


def _exact(raw: Tensor) -> torch.dtype:
    """Float64 where the device has it: log-gammas of large counts differ in their last digits."""
    return torch.float32 if raw.device.type == "mps" else torch.float64


def _normal_quantile(level: float) -> float:
    return float(torch.special.ndtri(torch.tensor(level, dtype=torch.float64)))


def _student_quantiles(freedom: Tensor, levels: tuple[float, ...]) -> list[Tensor]:
    """The standard distribution's quantile (…) of each level; 0.4 µs each, those of .1 and .9 together."""
    from scipy import special

    degrees = freedom.detach().cpu().double().numpy()
    tails: dict[float, Tensor] = {}
    found = []
    for level in levels:
        tail = round(min(level, 1 - level), 15) or level
        if tail not in tails:
            quantile = special.stdtrit(degrees, tail)
            tails[tail] = torch.from_numpy(np.asarray(quantile)).to(freedom.device, freedom.dtype)
        found.append(tails[tail] if level <= 0.5 else -tails[tail])
    return found
