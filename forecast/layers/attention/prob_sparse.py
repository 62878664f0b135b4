"""ProbSparse attention (Informer: Zhou et al. 2021, section 3.2).

Dimension key: B batch, N tokens, D width, A heads, U queries that read, S keys in a sample, G groups of queries.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor

from forecast.layers.attention.base import Attention
from forecast.layers.stack_config import StackConfig

FACTOR = 5  # the paper's c, in its experiments: c·ln N queries read, and as many keys are a sample
GROUPS = 16  # different samples of keys
GOLDEN, SILVER = 0.6180339887498949, 0.41421356237309503  # irrational steps spread over all places


class ProbSparseAttention(Attention):
    """Only the queries that would read unevenly read at all, ``span`` of them; the others take the mean of the values.

    How unevenly a query would read is measured on a sample of keys: its highest score less its mean score.  The paper
    draws the sample at random; here it is one key of each of S equal stretches, elsewhere for each of 16 groups of
    queries, and the same at every call.  Which queries read depends on all tokens, so it cannot be causal:
    with later tokens others would have read.  Time and memory grow with N·log N where the span is left open.
    """

    masks: ClassVar[bool] = False

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        self.span = config.span

    def queries_of(self, tokens: int) -> int:
        """U: as many as keys in a sample, but half of the tokens at most, where they are few."""
        return min(self.span or min(keys_of(tokens), -(-tokens // 2)), tokens)

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        place = self.chosen(query, key)
        read = torch.nn.functional.scaled_dot_product_attention(query.gather(2, _wide(place, query)), key, value)
        mean = value.mean(2, keepdim=True).expand_as(value)
        return mean.scatter(2, _wide(place, value), read.to(value.dtype))

    def chosen(self, query: Tensor, key: Tensor) -> Tensor:
        """(B, A, U): the places of the queries that read."""
        tokens = query.shape[2]
        return self.unevenness(query, key).topk(self.queries_of(tokens), dim=-1, sorted=False).indices

    @torch.no_grad()
    def unevenness(self, query: Tensor, key: Tensor) -> Tensor:
        """(B, A, N): the highest less the mean score of each query over its sample of keys (equation 4)."""
        tokens, groups = query.shape[2], min(GROUPS, query.shape[2])
        rows = -(-tokens // groups)
        padded = torch.nn.functional.pad(query, (0, 0, 0, rows * groups - tokens))
        grouped = padded.reshape(*query.shape[:2], rows, groups, -1).transpose(2, 3)  # (B, A, G, N / G, D / A)
        sampled = key[:, :, sample(tokens, keys_of(tokens), groups, key.device)]  # (B, A, G, S, D / A)
        scores = grouped @ sampled.transpose(-1, -2) / query.shape[-1] ** 0.5
        uneven: Tensor = scores.amax(-1) - scores.mean(-1)  # (B, A, G, N / G)
        return uneven.transpose(2, 3).flatten(2)[..., :tokens]

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self._project(x)
        place = self.chosen(query, key)
        scores = query.gather(2, _wide(place, query)) @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        evenly = query.new_full((*query.shape[:3], query.shape[2]), 1 / query.shape[2])
        return evenly.scatter(2, _wide(place, evenly), torch.softmax(scores, -1).to(evenly.dtype))


def keys_of(tokens: int) -> int:
    """S: five times the logarithm, as the paper's authors round it, and 1 at least."""
    return min(max(FACTOR * math.ceil(math.log(tokens)), 1), tokens)


def sample(tokens: int, keys: int, groups: int, device: torch.device) -> Tensor:
    """(G, S): one place of each of S equal stretches of the tokens, elsewhere in each stretch and for each group."""
    stretch = torch.arange(keys, device=device)
    within = (torch.arange(groups, device=device)[:, None] * GOLDEN + stretch * SILVER) % 1
    return ((stretch + within.clamp(max=0.999)) * (tokens / keys)).long().clamp(max=tokens - 1)


def _wide(place: Tensor, x: Tensor) -> Tensor:
    """Places (B, A, U) for every feature of (B, A, N, D)."""
    return place[..., None].expand(*place.shape, x.shape[-1])
