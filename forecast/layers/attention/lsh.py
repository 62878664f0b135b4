"""Attention among tokens whose directions hash alike (Reformer, Kitaev et al. 2020, section 2).

Dimension key: B batch, N tokens, A heads, E width of a head, V width of the values, R rounds, G chunks,
S tokens of a chunk.
"""

import math

import torch
from torch import Tensor, nn

from forecast.errors import ConfigError
from forecast.layers.attention.base import Attention, split_heads
from forecast.layers.attention.chunks import beside, cut, map_of
from forecast.layers.positions import rotate
from forecast.layers.precision import full_precision
from forecast.layers.stack_config import StackConfig

ROUNDS = 4  # the paper's figure 4: nearly exact at test time with 4 to 8
LARGEST_CHUNK = 64
MOST_DIRECTIONS = 32  # beyond as many, buckets are pairs of two smaller hashes, whose cost is the root of one's
ITSELF = -1e5  # score of a token with itself: read where there is nothing else only


class LSHAttention(Attention):
    """Queries are keys; tokens are sorted by their bucket, and each chunk reads itself and the one before it.

    Several rounds with their own rotations are merged by the sums of their exponentials (equation 7); a token that
    several rounds find counts as often.  Keys have length 1, which stands for the scaling by √E.  The rotations are
    drawn once and saved with the weights, so that forecasts do not depend on chance.
    span: tokens of a chunk, twice those of a bucket on average; by default the root of the lookback's, 64 at most.
    A span of the whole window is full attention with shared queries and keys.
    """

    def __init__(self, config: StackConfig) -> None:
        if config.causal:
            raise ConfigError(
                "attention='lsh' sorts the whole window by its hashes, so that later tokens decide which earlier ones "
                "meet, and cannot be causal",
                "Set architecture='encoder', or choose another attention.",
            )
        super().__init__(config)
        self.inputs = nn.Linear(config.width, 2 * config.width)
        tokens = max(config.places // 2, 1)
        self.span = config.span or min(max(math.isqrt(tokens - 1) + 1, 2), LARGEST_CHUNK)
        half = -(-tokens // self.span)  # of the buckets
        if half <= MOST_DIRECTIONS:
            self.halves = [half]
        else:
            first = math.isqrt(half // 2) + 1
            self.halves = [first, -(-half // (2 * first))]
        directions = torch.randn(config.heads, ROUNDS, config.width // config.heads, sum(self.halves))
        self.register_buffer("directions", directions)
        self.directions: Tensor

    @full_precision
    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        tokens = query.shape[-2]
        if tokens <= self.span:
            return _chunk(query[:, :, None], key[:, :, None], value[:, :, None], tokens)[0][:, :, 0]
        order = self.buckets(key).sort(stable=True).indices  # (B, A, R, N)
        query, key, value = (cut(_picked(part, order), self.span) for part in (query, key, value))
        mixed, sums = _chunk(query, beside(key, causal=True), beside(value, causal=True), tokens)
        places = torch.arange(tokens, device=order.device).expand_as(order)
        back = torch.empty_like(order).scatter_(-1, order, places)
        sums = sums.flatten(3)[..., :tokens].gather(-1, back)
        mixed = _picked(mixed.flatten(3, 4)[..., :tokens, :], back)
        return (torch.softmax(sums, 2)[..., None] * mixed).sum(2)

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self._project(x)
        return map_of(self.mix, query, key)

    @torch.no_grad()
    def buckets(self, key: Tensor) -> Tensor:
        """(B, A, R, N): the bucket of each token in each round, the largest of xR and −xR (Andoni et al. 2015)."""
        found = torch.zeros(1, dtype=torch.int64, device=key.device)
        for rotated in torch.split(key[:, :, None] @ self.directions.to(key.dtype), self.halves, -1):
            found = found * (2 * rotated.shape[-1]) + torch.cat([rotated, -rotated], -1).argmax(-1)
        return found

    def _project(self, x: Tensor, start: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        query, value = (split_heads(part, self.heads) for part in self.inputs(x).chunk(2, dim=-1))
        if self.rotary:
            query = rotate(query, start)
        return query, nn.functional.normalize(query, dim=-1), value


def _picked(x: Tensor, order: Tensor) -> Tensor:
    """Tokens of (B, A, N, ·), or of (B, A, R, N, ·), in an order (B, A, R, N)."""
    if x.ndim < order.ndim + 1:
        x = x[:, :, None].expand(*order.shape, -1)
    return x.gather(3, order[..., None].expand(*order.shape, x.shape[-1]))


def _chunk(query: Tensor, key: Tensor, value: Tensor, tokens: int) -> tuple[Tensor, Tensor]:
    """Values (…, G, S, V) mixed among the keys of each chunk, its own ones last, and log sums (…, G, S) of the weights.

    tokens: how many of the chunks' places hold one.
    """
    scores = query @ key.transpose(-1, -2)
    size, others = query.shape[-2], key.shape[-2] - query.shape[-2]
    filled = tokens - (query.shape[-3] - 1) * size if others else size  # of the last chunk
    scores[..., 0, :, :others] = -torch.inf
    scores[..., -1, :, others + filled :] = -torch.inf
    scores.diagonal(others, -2, -1).fill_(ITSELF)
    sums = scores.logsumexp(-1)
    return torch.exp(scores - sums[..., None]) @ value, sums
