"""Auto-correlation instead of attention (Autoformer: Wu et al. 2021, section 3.2).

Dimension key: B batch, N tokens, D width, A heads, K lags.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor

from forecast.layers.attention.base import Attention
from forecast.layers.stack_config import Positions, StackConfig

FACTOR = 2  # the paper's c, of ⌊c·ln N⌋ lags; it takes 1 to 3
LEAST = torch.float32  # torch has no transform of shorter numbers on every device


class AutoCorrelation(Attention):
    """Whole sequences are read at the ``span`` lags at which queries resemble keys most, weighted by how much they do.

    The correlation at every lag comes from two Fourier transforms, so time grows with N·log N and memory with N.  Lags
    are chosen for each series and head, from the correlation's mean over the head's features.  Sequences are shifted in
    a circle, so every token may read every other one, and the correlation is that of the whole: it cannot be causal.
    """

    accepts: ClassVar[frozenset[Positions]] = frozenset({"learned", "sinusoidal", "none"})
    masks: ClassVar[bool] = False

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        self.span = config.span

    def lags_of(self, tokens: int) -> int:
        """K: ⌊2·ln N⌋ lags where the span is left open."""
        return min(self.span or max(1, math.floor(FACTOR * math.log(tokens))), tokens)

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        share = self.shares(query, key)
        with torch.autocast(value.device.type, enabled=False):
            lags, values = torch.fft.rfft(share), torch.fft.rfft(_exact(value), dim=2)
            # token n takes Σ share(τ)·value(n + τ): a correlation again, so a product of transforms
            mixed: Tensor = torch.fft.irfft(lags.conj()[..., None] * values, n=value.shape[2], dim=2)
        return mixed.to(value.dtype)

    def shares(self, query: Tensor, key: Tensor) -> Tensor:
        """(B, A, N): the weight of every lag, 0 for all but K of them (equation 6)."""
        correlation = self.correlation(query, key)
        highest, lag = correlation.topk(self.lags_of(query.shape[2]), dim=-1, sorted=False)
        return torch.zeros_like(correlation).scatter(-1, lag, torch.softmax(highest, -1))

    def correlation(self, query: Tensor, key: Tensor) -> Tensor:
        """(B, A, N): Σ query(n)·key(n - τ) over the tokens for every lag τ, in a circle, mean over features."""
        with torch.autocast(query.device.type, enabled=False):
            spectra = torch.fft.rfft(_exact(query), dim=2) * torch.fft.rfft(_exact(key), dim=2).conj()
            correlation: Tensor = torch.fft.irfft(spectra.mean(-1), n=query.shape[2])  # the mean first: one inverse
        return correlation

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self._project(x)
        share, places = self.shares(query, key), torch.arange(x.shape[1], device=x.device)
        return share[..., (places - places[:, None]) % x.shape[1]]


def _exact(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, LEAST))
