"""Near tokens as they are, far ones in groups that grow with the distance.

After H-Transformer-1D (Zhu & Soricut 2021, section 5), with its blocks and its rule of which are read at which scale;
but queries are not pooled, so that no token learns of a later one, and a group is one summary.
Dimension key: B batch, N tokens, A heads, E width of a head, G blocks, S tokens of a block, K keys read, M summaries.
"""

import math

import torch
from torch import Tensor

from forecast.layers.attention.base import Attention
from forecast.layers.attention.chunks import beside, cut, map_of
from forecast.layers.stack_config import StackConfig

LARGEST_BLOCK = 64


class HierarchicalAttention(Attention):
    """A token reads its own block and the one before (and after) exactly, and summaries of all others.

    On scale l a group is 2^l blocks.  It is read as one key, the mean of its keys, and one value, the mean of its
    values, and counts as many times as it has tokens.  A block is read in its group on the coarsest scale on which that
    does not touch the reader's: each token once, in groups no longer than they are far.  That is 2·S keys and at most 2
    per scale (3·S and 3 in both directions): O(N·(S + log N)).  Groups behind the reader are complete, so that nothing
    depends on what follows.
    span: tokens of a block; by default the root of the lookback's, 64 at most.  One of the whole window is full
    attention.
    """

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        tokens = max(config.places // 2, 1)
        self.span = config.span or min(max(math.isqrt(tokens - 1) + 1, 2), LARGEST_BLOCK)

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        tokens = query.shape[-2]
        attend = torch.nn.functional.scaled_dot_product_attention
        if tokens <= self.span:
            return attend(query, key, value, is_causal=self.causal)
        query, key, value = (cut(part, self.span) for part in (query, key, value))  # (B, A, G, S, ·)
        mask = _near(tokens, self.span, causal=self.causal, device=query.device)
        groups, counts = _groups(query.shape[2], causal=self.causal, device=query.device)
        keys, values = beside(key, causal=self.causal), beside(value, causal=self.causal)
        if groups.shape[1]:
            sizes = _sizes(tokens, self.span, counts, device=query.device).to(query.dtype)
            keys, values = (
                torch.cat([near, _summaries(blocks, counts, sizes)[:, :, groups.clamp_min(0)]], -2)
                for near, blocks in ((keys, key), (values, value))
            )
            weight = sizes.log()[groups.clamp_min(0)].masked_fill(groups < 0, -math.inf)  # (G, M)
            mask = torch.cat([mask.to(query.dtype), weight[:, None].expand(-1, self.span, -1)], -1)
        shape = (*query.shape[:-1], value.shape[-1])
        query, keys, values = (part.flatten(0, 1) for part in (query, keys, values))
        mixed = attend(query, keys, values, attn_mask=mask.to(query.dtype))
        return mixed.reshape(shape).flatten(2, 3)[:, :, :tokens]

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self._project(x)
        return map_of(self.mix, query, key)


def _near(tokens: int, size: int, *, causal: bool, device: torch.device) -> Tensor:
    """(G, S, K): 0 where a token of a block reads one of its own block or a neighbour, −∞ elsewhere."""
    blocks = -(-tokens // size)
    own = torch.arange(size, device=device)
    near = torch.arange(-size, size if causal else 2 * size, device=device)
    place = torch.arange(blocks, device=device)[:, None] * size + near  # (G, K)
    unread = ((place < 0) | (place >= tokens))[:, None].expand(-1, size, -1)
    if causal:
        unread = unread | (near > own[:, None])
    return torch.zeros(unread.shape, device=device).masked_fill(unread, -math.inf)


def _groups(blocks: int, *, causal: bool, device: torch.device) -> tuple[Tensor, list[int]]:
    """(G, M) numbers of the groups that each block reads, −1 for none, counted over all scales; the groups of each.

    On a scale block b reads groups b − 2 and, where b is odd, b − 3; where it may look ahead, b + 2 and, where b is
    even, b + 3.
    """
    block, first = torch.arange(blocks, device=device), 0
    counts: list[int] = []
    found = [torch.zeros(blocks, 0, dtype=torch.int64, device=device)]
    while (count := -(-blocks // (1 << len(counts)))) > 2:
        place = block >> len(counts)
        odd = place % 2 == 1
        wanted = [place - 2, (place - 3).where(odd, -1)]
        if not causal:
            wanted += [place + 2, (place + 3).where(~odd, -1)]
        there = torch.stack(wanted, -1)
        found.append((there + first).where((there >= 0) & (there < count), -1))
        counts.append(count)
        first += count
    return torch.cat(found, -1), counts


def _sizes(tokens: int, size: int, counts: list[int], *, device: torch.device) -> Tensor:
    """Tokens in each group of all scales."""
    sizes = []
    for scale, count in enumerate(counts):
        length = size * 2**scale
        start = torch.arange(count, device=device) * length
        sizes.append((tokens - start).clamp(max=length))
    return torch.cat(sizes)


def _summaries(blocks: Tensor, counts: list[int], sizes: Tensor) -> Tensor:
    """Means over the groups of all scales, (B, A, ·, E), of blocks (B, A, G, S, E) that are filled up with zeros."""
    sums = [blocks.sum(-2)]
    for _ in counts[1:]:
        sums.append(cut(sums[-1], 2).sum(-2))
    return torch.cat(sums, -2) / sizes[:, None]
