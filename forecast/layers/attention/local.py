"""Sliding-window attention (Beltagy et al. 2020, section 3.1; Child et al. 2019, section 4.2).

Dimension key: B batch, N tokens, D width, A heads, K blocks, W tokens per block.
"""

import torch
from torch import Tensor

from forecast.layers.attention.sparse import SparseAttention, attend

LONGEST_SPAN = 128  # tokens, unless a longer one is asked for
SHORTEST_BLOCK = 64  # tokens: below it there are more blocks than one product is worth


class LocalAttention(SparseAttention):
    """Every token reads itself and the ``span`` - 1 tokens before it; without ``causal``, as many after it as well.

    Time and memory grow with N times the span: queries go in blocks, each of which reads its own block and the one
    before (and after), so that a mask of one block serves all.
    """

    def usual_span(self, tokens: int) -> int:
        """Half of the tokens, so that two layers reach all of them; of very many, what one block is fast with."""
        return min(max(2, -(-tokens // 2)), LONGEST_SPAN)

    def reads(self, distance: Tensor) -> Tensor:
        return distance < self.span

    def first(self, place: int) -> int:
        return max(place - self.span + 1, 0)

    def mix_long(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        width, tokens = max(self.span, SHORTEST_BLOCK), query.shape[2]
        after = 0 if self.causal else 1  # blocks read after one's own
        last = tokens // width - after  # the first block that is not surrounded by others
        if last < 2:
            return self._mix_part(query, key, value, first=0, end=tokens)
        head = self._mix_part(query, key, value, first=0, end=width)
        tail = self._mix_part(query, key, value, first=last * width, end=tokens)
        middle = self._mix_blocks(query[:, :, width : last * width], key, value, width=width)
        return torch.cat([head, middle, tail], dim=2)

    def _mix_part(self, query: Tensor, key: Tensor, value: Tensor, *, first: int, end: int) -> Tensor:
        """The queries of places ``first`` to ``end`` over all keys in their reach."""
        begin, stop = max(first - self.span + 1, 0), end if self.causal else min(end + self.span - 1, query.shape[2])
        places = torch.arange(begin, stop, device=query.device)
        mask = self.readable(torch.arange(first, end, device=query.device), places)
        return attend(query[:, :, first:end], key[:, :, begin:stop], value[:, :, begin:stop], attn_mask=mask)

    def _mix_blocks(self, query: Tensor, key: Tensor, value: Tensor, *, width: int) -> Tensor:
        """Queries (B, A, K·W, D / A) from the second block on, over the blocks beside their own."""
        batch, heads, tokens, _ = query.shape
        reach = 2 * width if self.causal else 3 * width
        places = torch.arange(reach, device=query.device)
        mask = self.readable(places[width : 2 * width], places)  # (W, 2·W or 3·W)
        keys, values = (
            part[:, :, : tokens - width + reach].flatten(0, 1).unfold(1, reach, width).transpose(-1, -2)
            for part in (key, value)
        )  # (B·A, K, 2·W or 3·W, D / A), views of overlapping blocks
        blocks = query.reshape(batch * heads, tokens // width, width, -1)
        return attend(blocks, keys, values, attn_mask=mask).reshape(query.shape)
