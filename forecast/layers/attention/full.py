"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2) through torch's fused kernel.

Dimension key: B batch, N queries, M keys, D width, A heads, R room for tokens to come.
"""

import torch
from torch import Tensor

from forecast.layers.attention.base import Attention


class FullAttention(Attention):
    """Every token reads all tokens; with ``causal``, those up to itself."""

    carries = True

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self._project(x)
        scores: Tensor = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        if self.causal:
            later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        return torch.softmax(scores, -1)

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        query, key, value = self._project(x)
        kept = [
            torch.zeros(*part.shape[:2], room, part.shape[3], device=x.device, dtype=x.dtype) for part in (key, value)
        ]
        kept[0][:, :, : x.shape[1]], kept[1][:, :, : x.shape[1]] = key, value
        return self._join(self.mix(query, key, value)), kept

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        query, key, value = self._project(x, place)
        keys, values = kept
        keys[:, :, place : place + 1], values[:, :, place : place + 1] = key, value
        before = slice(0, place + 1)
        mixed = torch.nn.functional.scaled_dot_product_attention(query, keys[:, :, before], values[:, :, before])
        return self._join(mixed)
