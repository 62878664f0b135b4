"""Attention over a fixed pattern of distances between tokens.

Dimension key: B batch, N queries, M keys, D width, A heads.
"""

from typing import ClassVar

import torch
from torch import Tensor

from forecast.layers.attention.base import Attention
from forecast.layers.attention.full import FullAttention
from forecast.layers.stack_config import Positions, StackConfig

attend = torch.nn.functional.scaled_dot_product_attention


class SparseAttention(FullAttention):
    """Every token reads the tokens at certain distances; with ``causal``, the earlier ones among them.

    A kind says its distances (``reads``) and how a long sequence is mixed without a score for every pair
    (``mix_long``).  Up to ``masked_up_to`` tokens a masked product of all pairs is faster.
    span: distances below it are all read, so that sequences of up to ``span`` tokens see full attention.
    """

    accepts: ClassVar[frozenset[Positions]] = Attention.accepts
    masked_up_to: ClassVar[int] = 256

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        self.span = config.span or self.usual_span(max(config.places // 2, 1))

    def usual_span(self, tokens: int) -> int:
        """The span for a lookback of so many tokens."""
        raise NotImplementedError

    def reads(self, distance: Tensor) -> Tensor:
        """Whether tokens at a distance (integers from 0 on, any shape) are read."""
        raise NotImplementedError

    def mix_long(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """What ``mix`` gives for as many queries as keys, in less than quadratic memory."""
        raise NotImplementedError

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        queries, keys = query.shape[2], key.shape[2]
        if keys <= self.span:
            return super().mix(query, key, value)
        if queries < keys or keys <= self.masked_up_to:
            return attend(query, key, value, attn_mask=self.mask(queries, keys, query.device))
        return self.mix_long(query, key, value)

    def mask(self, queries: int, keys: int, device: torch.device) -> Tensor:
        places = torch.arange(keys, device=device)
        return self.readable(places[keys - queries :], places)

    def readable(self, queries: Tensor, keys: Tensor) -> Tensor:
        """(…, N, M): whether the token at each place of ``queries`` (…, N) reads the one at each of ``keys`` (…, M)."""
        distance = queries[..., :, None] - keys[..., None, :]
        if self.causal:
            return self.reads(distance) & (distance >= 0)
        return self.reads(distance.abs())

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self._project(x)
        scores: Tensor = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        return torch.softmax(scores.masked_fill(~self.mask(x.shape[1], x.shape[1], x.device), -torch.inf), -1)
