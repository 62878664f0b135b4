"""Attention among tokens whose directions hash alike (Reformer, Kitaev et al. 2020, section 2).

Dimension key: B batch, N tokens, A heads, E width of a head, V width of the values, R rounds, G chunks,
S tokens of a chunk.
"""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from forecast.layers.attention.base import Attention
from forecast.layers.attention.chunks import beside, cut, map_of
from forecast.layers.heads import split_heads
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
    Not causal: tokens are sorted over the whole window, so that later ones decide which earlier ones meet.
    """

    masks: ClassVar[bool] = False

    def __init__(self, config: StackConfig) -> None:
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
        batch, heads, tokens, width = query.shape
        if tokens <= self.span:
            return _mixed(query[:, :, None], key[:, :, None], value[:, :, None], tokens)[0][:, :, 0]
        order = self.buckets(key).sort(stable=True).indices  # (B, A, R, N)
        places = torch.arange(tokens, device=order.device).expand_as(order)
        back = torch.empty_like(order).scatter_(-1, order, places)
        order, back = order.flatten(0, 1), back.flatten(0, 1)
        parts = torch.cat([query, key, value], -1).flatten(0, 1)
        chunks = torch.split(cut(reorder(parts, order, back), self.span), [width, width, value.shape[-1]], -1)
        mixed, sums = _mixed(chunks[0], beside(chunks[1], causal=True), beside(chunks[2], causal=True), tokens)
        found = torch.cat([mixed, sums[..., None]], -1).flatten(2, 3)[:, :, :tokens].flatten(0, 1)
        undone, done = (part.flatten(0, 1)[:, None] for part in (back, order))
        found = reorder(found, undone, done).view(batch, heads, ROUNDS, tokens, -1)
        return (torch.softmax(found[..., -1:], 2) * found[..., :-1]).sum(2)

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


class _Reorder(torch.autograd.Function):
    """Orders are permutations, so that gradients are picked in turn where torch would add them up one by one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return _rows(x, order.flatten(1)).view(*order.shape, -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (back,) = ctx.saved_tensors
        found = _rows(gradients[0].flatten(0, 1), back.flatten(0, 1)).view(*back.shape, -1)
        return found.sum(1), None, None


def reorder(x: Tensor, order: Tensor, back: Tensor) -> Tensor:
    """(P, R, N, ·): sequences (P, N, ·) in each of the orders (P, R, N) that ``back`` undoes."""
    found: Tensor = _Reorder.apply(x, order, back)  # type: ignore[no-untyped-call]
    return found


def _rows(x: Tensor, places: Tensor) -> Tensor:
    """(P, M, ·): of each sequence of (P, N, ·) the tokens at places (P, M)."""
    first = torch.arange(len(x), device=x.device)[:, None] * x.shape[1]
    return x.flatten(0, 1).index_select(0, (places + first).flatten()).view(*places.shape, -1)


def _mixed(query: Tensor, key: Tensor, value: Tensor, tokens: int) -> tuple[Tensor, Tensor]:
    """Values (…, G, S, V) mixed among the keys of each chunk, its own ones last, and log sums (…, G, S) of the weights.

    tokens: how many of the chunks' places hold one.
    """
    chunks, size = query.shape[-3:-1]
    others = key.shape[-2] - size
    rules = torch.zeros(chunks, size, others + size, dtype=query.dtype, device=query.device)
    rules[0, :, :others] = -torch.inf
    rules[-1, :, others + tokens - (chunks - 1) * size :] = -torch.inf
    rules.diagonal(others, -2, -1).fill_(ITSELF)  # places that only fill up read themselves, too
    scores = (query @ key.transpose(-1, -2)).add_(rules)
    largest = scores.detach().amax(-1, keepdim=True)
    weights = scores.sub_(largest).exp_()  # in place: nothing needs the scores again
    sums = weights.sum(-1, keepdim=True)
    return weights @ value / sums, (largest + sums.log())[..., 0]
