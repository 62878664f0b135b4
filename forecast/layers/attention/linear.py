"""Linear attention (Katharopoulos et al. 2020): similarities as products of positive features, summed as they come.

Dimension key: B batch, N tokens, A heads, E width of a head, V width of the values, G chunks, S tokens of a chunk.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.layers.attention.base import Attention
from forecast.layers.attention.chunks import cut, map_of
from forecast.layers.precision import full_precision
from forecast.layers.stack_config import Positions

CHUNK = 64  # tokens that meet one another directly; larger ones meet more in vain, smaller ones keep more sums


def features(x: Tensor) -> Tensor:
    """elu(x) + 1, positive (section 3.2.1), written so that nothing is lost where it is small."""
    return torch.exp(x.clamp(max=0)) + x.relu()


class LinearAttention(Attention):
    """The weights are φ(q)·φ(k) over their sum, so that keys and values need to be summed once only (equations 4 to 9).

    Time and memory grow with N; a state of two sums carries on from token to token, however many were read.
    Rotary positions would make similarities negative, and their sum with it.
    """

    accepts: ClassVar[frozenset[Positions]] = frozenset({"learned", "sinusoidal", "none"})
    carries = True

    @full_precision
    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query, key = features(query), features(key)
        counted = nn.functional.pad(value, (0, 1), value=1.0)  # a column of ones sums the similarities
        return _shares(_summed(query, key, counted) if self.causal else query @ (key.transpose(-1, -2) @ counted))

    def weights(self, x: Tensor) -> Tensor:
        query, key, _ = self._project(x)
        return map_of(self.mix, query, key)

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        """As in every attention.  Kept: (B, A, 2, E, V) and (B, A, 2, E), the sums of an even and an odd number read.

        A step writes one of the two and reads the other, so that a step which is taken again finds what it needs.
        """
        query, key, value = self._project(x)
        known = features(key)
        sums, similar = known.transpose(-1, -2) @ value, known.sum(-2)
        kept = [torch.stack([part, part], 2) for part in (sums, similar)]
        return self._join(self.mix(query, key, value)), kept

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        query, key, value = self._project(x)
        asked, known = features(query), features(key)
        sums, similar = (part[:, :, place % 2] for part in kept)
        sums = sums + known.transpose(-1, -2) @ value
        similar = similar + known[:, :, 0]
        kept[0][:, :, (place + 1) % 2], kept[1][:, :, (place + 1) % 2] = sums, similar
        return self._join(_shares(torch.cat([asked @ sums, asked @ similar[..., None]], -1)))


def _shares(sums: Tensor) -> Tensor:
    """(…, V + 1) sums of weighted values, and of the weights in the last column, as means (…, V)."""
    return sums[..., :-1] / sums[..., -1:].clamp_min(torch.finfo(sums.dtype).tiny)


def _summed(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(B, A, N, V): for each token the sum of the values up to it, weighted; chunk by chunk (section 3.3).

    Inside a chunk tokens meet directly; what came before it is one matrix (E, V).
    """
    tokens = query.shape[-2]
    if tokens <= CHUNK:
        return (query @ key.transpose(-1, -2)).tril() @ value
    query, key, value = cut(query, CHUNK), cut(key, CHUNK), cut(value, CHUNK)  # (B, A, G, S, ·)
    sums = (key.transpose(-1, -2) @ value)[:, :, :-1].cumsum(2)
    before = nn.functional.pad(sums, (0, 0, 0, 0, 1, 0))  # (B, A, G, E, V): nothing before the first chunk
    inside = (query @ key.transpose(-1, -2)).tril() @ value
    return (inside + query @ before).flatten(2, 3)[:, :, :tokens]
