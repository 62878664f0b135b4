"""Attention whose heads learn how far they look (Sukhbaatar et al. 2019, section 2.2).

Dimension key: B batch, N queries, M keys, A heads, E width of a head, G chunks, W tokens of a chunk.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.layers.attention.base import Attention
from forecast.layers.attention.chunks import beside, cut
from forecast.layers.attention.full import FullAttention
from forecast.layers.stack_config import Positions, StackConfig

DENSE = 256  # tokens up to which one product of all pairs is faster than asking how far the heads look
RAMP = 0.25  # of the largest span: over it the weights fall to nothing
PRICE = 0.01  # of the largest span, on the scale of the loss; the paper's 2e-6 a step is 0.016 for 8,192 of them


class AdaptiveSpanAttention(FullAttention):
    """A key at distance x weighs m(x) = min(max((R + z − x) / R, 0), 1) times as much, with a span z per head.

    Spans start at half of the largest one, S, and are S·σ(p) of a learned p, which always has a gradient (the paper
    cuts z off at 0 and S).  Beyond z + R of the farthest head nothing is computed: time and memory grow with N times
    that.  A small ``penalty`` on the spans lets a head look as far as that forecasts better, and no further.
    span: S; by default the lookback's tokens.  Spans that reach over the whole window are full attention.
    """

    accepts: ClassVar[frozenset[Positions]] = Attention.accepts

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        self.span = config.span or max(config.places // 2, 1)
        self.ramp = max(RAMP * self.span, 1.0)
        self.share = nn.Parameter(torch.zeros(config.heads))

    def spans(self) -> Tensor:
        """(A,): the span z of each head in tokens."""
        return self.span * torch.sigmoid(self.share)

    def penalty(self) -> Tensor:
        """The mean span of the heads, as a share of the largest one, times a factor (equation 5)."""
        return PRICE * torch.sigmoid(self.share).mean()

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        queries, keys = query.shape[-2], key.shape[-2]
        if keys > DENSE and queries == keys:
            reach = int(self.spans().max().item() + self.ramp) + 1  # tokens from here on weigh nothing
            if 2 * reach < keys:
                return self._mix_chunks(query, key, value, reach)
        places = torch.arange(keys, device=query.device)
        return torch.softmax(_scores(query, key) + self._logs(places[keys - queries :], places), -1) @ value

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self._project(x)
        places = torch.arange(x.shape[1], device=x.device)
        return torch.softmax(_scores(query, key) + self._logs(places, places), -1)

    def _mix_chunks(self, query: Tensor, key: Tensor, value: Tensor, reach: int) -> Tensor:
        """Queries in chunks as long as the farthest head looks, each over its own chunk and the ones beside it."""
        tokens = query.shape[-2]
        chunks = [cut(part, reach) for part in (query, key, value)]
        keys, values = (beside(part, causal=self.causal) for part in chunks[1:])  # (B, A, G, 2·W or 3·W, E)
        places = torch.arange(keys.shape[-2], device=query.device)
        scores = _scores(chunks[0], keys) + self._logs(places[reach : 2 * reach], places)[:, None]
        scores[:, :, 0, :, :reach] = -torch.inf
        for chunk in range(-1 if self.causal else -2, 0):  # the last ones, which read places after the end
            end = tokens - (scores.shape[2] + chunk - 1) * reach
            scores[:, :, chunk, :, end:] = -torch.inf
        return (torch.softmax(scores, -1) @ values).flatten(2, 3)[:, :, :tokens]

    def _logs(self, queries: Tensor, keys: Tensor) -> Tensor:
        """(A, N, M): log m for tokens at these places, −∞ where nothing may be read."""
        distance = queries[:, None] - keys
        share = ((self.spans()[:, None, None] - distance.abs()) / self.ramp + 1).clamp(0, 1)
        unread = (share <= 0) | (distance < 0) if self.causal else share <= 0
        return share.clamp_min(torch.finfo(share.dtype).tiny).log().masked_fill(unread, -torch.inf)


def _scores(query: Tensor, key: Tensor) -> Tensor:
    scores: Tensor = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    return scores
