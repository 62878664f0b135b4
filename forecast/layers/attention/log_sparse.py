"""LogSparse attention (Li et al. 2019, section 4.2) and its convolution of queries and keys (section 4.1).

Dimension key: B batch, N tokens, D width, A heads, O distances, W tokens under the convolution's kernel.
"""

import math

import torch
from torch import Tensor, nn

from forecast.layers.attention.sparse import SparseAttention
from forecast.layers.heads import split_heads
from forecast.layers.stack_config import StackConfig


class ConvolvedInputs(nn.Linear):
    """Queries, keys and values of tokens, the first two from ``kernel`` tokens up to each.  (B, N, D) → (B, N, 3·D).

    Zeros stand before the first token.
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__(width, 3 * width)
        self.kernel = kernel
        self.earlier = nn.Linear((kernel - 1) * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        padded = nn.functional.pad(x, (0, 0, self.kernel - 1, 0))
        earlier = [padded[:, shift : shift + x.shape[1]] for shift in range(self.kernel - 1)]
        added: Tensor = self.earlier(torch.cat(earlier, dim=-1))  # (B, N, 2·D)
        return super().forward(x) + nn.functional.pad(added, (0, x.shape[2]))


class LogSparseAttention(SparseAttention):
    """Every token reads itself, the ``span`` - 1 tokens before it, and those 1, 2, 4, 8, … before these.

    Time and memory grow with N·log N: one product of the sequence with itself, shifted, for every distance.  A span of
    1 is the paper's plain form; a longer one its local attention.  Without ``causal`` as much after the token is read.
    A query and a key see ``kernel`` tokens up to their own, so that shapes are compared and not single values.
    """

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config)
        self.kernel = config.kernel
        if self.kernel > 1:
            self.inputs = ConvolvedInputs(config.width, self.kernel)

    def usual_span(self, tokens: int) -> int:
        """The logarithm of the tokens, as the paper has it for its local window."""
        return max(1, math.ceil(math.log2(tokens)))

    def reads(self, distance: Tensor) -> Tensor:
        beyond = distance - (self.span - 1)
        return (beyond <= 0) | (beyond & (beyond - 1) == 0)  # a power of two has one bit

    def mix_long(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        before = self._distances(query.shape[2])
        shifts = before if self.causal else [-distance for distance in before[:0:-1]] + before
        query = query / query.shape[-1] ** 0.5
        scores = [_shifted((_late(query, o) * _early(key, o)).sum(-1), o, -torch.inf) for o in shifts]
        weights = torch.softmax(torch.stack(scores), dim=0)  # (O, B, A, N)
        mixed = torch.zeros_like(value)
        for share, o in zip(weights[..., None], shifts, strict=True):
            mixed = mixed + _shifted(_late(share, o) * _early(value, o), o, 0.0, dim=2)
        return mixed

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        """As always; beside the values stand the tokens themselves, where the kernel needs them."""
        mixed, (keys, values) = super().begin(x, room)
        if self.kernel > 1:
            tokens = nn.functional.pad(split_heads(x, self.heads), (0, 0, 0, room - x.shape[1]))
            values = torch.cat([values, tokens], dim=-1)
        return mixed, [keys, values]

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        if self.kernel == 1:
            return super().step(x, kept, place)
        keys, half = kept[0], kept[0].shape[-1]
        values, tokens = kept[1][..., :half], kept[1][..., half:]
        tokens[:, :, place : place + 1] = split_heads(x, self.heads)
        start = max(place + 1 - self.kernel, 0)
        seen = tokens[:, :, start : place + 1].transpose(1, 2).flatten(2)  # (B, W, D)
        query, key, value = (part[:, :, -1:] for part in self._project(seen, start))
        keys[:, :, place : place + 1], values[:, :, place : place + 1] = key, value
        return self._join(self.mix(query, keys[:, :, : place + 1], values[:, :, : place + 1]))

    def _distances(self, tokens: int) -> list[int]:
        """The distances that are read, of those below ``tokens``."""
        powers = [self.span - 1 + 2**power for power in range(tokens.bit_length())]
        return [distance for distance in (*range(self.span), *powers) if distance < tokens]


def _late(x: Tensor, shift: int) -> Tensor:
    """Tokens (B, A, N, …) that have one ``shift`` before them (after them, where it is negative)."""
    return x[:, :, shift:] if shift >= 0 else x[:, :, :shift]


def _early(x: Tensor, shift: int) -> Tensor:
    """The tokens that lie ``shift`` before those of ``_late``."""
    return _late(x, -shift) if shift else x


def _shifted(x: Tensor, shift: int, fill: float, dim: int = -1) -> Tensor:
    """What was found for the tokens of ``_late`` in its place among all N, the others filled."""
    sides = (shift, 0) if shift >= 0 else (0, -shift)
    return nn.functional.pad(x, sides if dim == -1 else (0, 0, *sides), value=fill)
