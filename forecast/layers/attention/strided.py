"""Strided sparse attention (Sparse Transformer: Child et al. 2019, section 4.2).

Dimension key: B batch, N tokens, D width, A heads, S stride, K blocks of S tokens, M tokens of a column.
"""

import math

import torch
from torch import Tensor

from forecast.layers.attention.sparse import SparseAttention


class StridedAttention(SparseAttention):
    """Every token reads itself, the ``span`` - 1 tokens before it, and every ``span``-th one before these.

    The paper gives these two patterns to heads or layers of their own, or to all heads together, as here.  Tokens of
    one phase of the stride, a column, read each other, and blocks of a stride read the one before: scores for both,
    under one softmax.  Time and memory grow with N·(S + N / S), so with N·√N for a stride of √N.
    """

    def usual_span(self, tokens: int) -> int:
        """The square root of the tokens, at which the two parts cost the same."""
        return max(2, math.isqrt(tokens - 1) + 1)

    def reads(self, distance: Tensor) -> Tensor:
        return (distance < self.span) | (distance % self.span == 0)

    def mix_long(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        tokens, stride = query.shape[2], self.span
        padding = (0, 0, 0, -tokens % stride)
        query, key, value = (torch.nn.functional.pad(part, padding) for part in (query, key, value))
        query = query / query.shape[-1] ** 0.5
        near_keys, near_values = self._beside(key), self._beside(value)  # (B, A, K, 2·S or 3·S, D / A)
        near = _blocks(query, stride) @ near_keys.transpose(-1, -2)  # (B, A, K, S, 2·S or 3·S)
        column = _columns(query, stride) @ _columns(key, stride).transpose(-1, -2)  # (B, A, S, M, M)
        near_mask, column_mask = self._masks(tokens, query.shape[2] // stride, query.device)
        near, column = near.masked_fill(~near_mask, -torch.inf), column.masked_fill(~column_mask, -torch.inf)
        scores = torch.cat([near, column.transpose(2, 3)], dim=-1)  # M = K, and each row is one token's
        shares = torch.softmax(scores, -1)
        from_near, from_column = shares[..., : near.shape[-1]], shares[..., near.shape[-1] :]
        mixed: Tensor = from_near @ near_values  # (B, A, K, S, D / A)
        mixed = mixed + (from_column.transpose(2, 3) @ _columns(value, stride)).transpose(2, 3)
        return mixed.flatten(2, 3)[:, :, :tokens]

    def _beside(self, x: Tensor) -> Tensor:
        """(B, A, K, 2·S or 3·S, D / A): each block of (B, A, N, D / A) after the one before it, and before the next."""
        stride, after = self.span, 0 if self.causal else self.span
        windows = torch.nn.functional.pad(x, (0, 0, stride, after)).unfold(2, 2 * stride + after, stride)
        return windows.transpose(-1, -2)

    def _masks(self, tokens: int, blocks: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """(K, S, 2·S or 3·S) for a block and those beside it, and (S, M, M) for columns, which leave out what is near.

        No query reads a key that fills up the last block; one that fills it up itself still reads its own block.
        """
        stride = self.span
        start = torch.arange(blocks, device=device) * stride
        own = torch.arange(stride, device=device)
        beside = torch.arange(-stride, stride if self.causal else 2 * stride, device=device)
        near, apart = own[:, None] - beside, start[:, None] - start  # distances of query and key
        if self.causal:
            near_read, apart_read = (near >= 0) & (near < stride), apart > 0
        else:
            near_read, apart_read = near.abs() < stride, apart != 0
        near_there, column_there = start[:, None] + beside, start + own[:, None]  # places of keys
        near_exists = (near_there >= 0) & (near_there < tokens)
        return near_read & near_exists[:, None], apart_read & (column_there < tokens)[:, None]


def _blocks(x: Tensor, stride: int) -> Tensor:
    """(B, A, N, D / A) as (B, A, K, S, D / A)."""
    return x.reshape(*x.shape[:2], -1, stride, x.shape[-1])


def _columns(x: Tensor, stride: int) -> Tensor:
    """(B, A, N, D / A) as (B, A, S, M, D / A)."""
    return _blocks(x, stride).transpose(2, 3)
