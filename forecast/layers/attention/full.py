"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2) through torch's fused kernel.

Dimension key: B batch, N queries, M keys, D width, A heads, R room for tokens to come.
"""

from typing import ClassVar

import torch
from torch import Tensor

from forecast.layers.attention.base import Attention
from forecast.layers.stack_config import Positions


class FullAttention(Attention):
    """Every token reads all tokens; with ``causal``, those up to itself."""

    accepts: ClassVar[frozenset[Positions]] = frozenset(
        {"learned", "sinusoidal", "rotary", "relative", "alibi", "none"}
    )
    carries = True

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Queries (B, A, N, D / A) of the last N of M tokens, keys and values (B, A, M, D / A) of all of them."""
        queries, keys = query.shape[-2], key.shape[-2]
        mask: Tensor | None = None
        if self.distances is not None:
            query, mask = self.distances(query, keys, causal=self.causal)
        elif self.causal and 1 < queries:  # a single query is the last token and reads all
            if queries == keys:
                return torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            mask = up_to_itself(queries, keys, query.device)
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self._project(x)
        places: Tensor | None = None
        if self.distances is not None:
            query, places = self.distances(query, x.shape[1], causal=self.causal)
        scores: Tensor = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        if places is not None:
            scores = scores + places
        if self.causal:
            scores = scores.masked_fill(~self.reach(x.shape[1], x.device), -torch.inf)
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
        before = slice(self.first(place), place + 1)
        return self._join(self.mix(query, keys[:, :, before], values[:, :, before]))

    def grow(self, x: Tensor, kept: list[Tensor], place: int) -> tuple[Tensor, list[Tensor]]:
        """``step`` that leaves what was kept (nothing at first) as it was, so that gradients can flow back through it.

        Returns (B, 1, D), and the keys and values with one more place.
        """
        query, *new = self._project(x, place)
        kept = [torch.cat(pair, dim=2) for pair in zip(kept, new, strict=True)] if kept else new
        return self._join(self.mix(query, *kept)), kept

    def first(self, place: int) -> int:
        """The first token that the one at ``place`` reads."""
        return 0

    def reach(self, length: int, device: torch.device) -> Tensor:
        """(N, N): which tokens each one reads where ``causal``."""
        return up_to_itself(length, length, device)


def up_to_itself(queries: int, keys: int, device: torch.device) -> Tensor:
    """(N, M): which keys stand no later than a query, where the last of both stand at the same place."""
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)
