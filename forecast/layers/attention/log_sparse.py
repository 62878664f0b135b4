"""LogSparse attention (Li et al. 2019, section 4.2).

Dimension key: B batch, N tokens, D width, A heads, O distances.
"""

import math

import torch
from torch import Tensor

from forecast.layers.attention.sparse import SparseAttention


class LogSparseAttention(SparseAttention):
    """Every token reads itself, the ``span`` - 1 tokens before it, and those 1, 2, 4, 8, … before these.

    Time and memory grow with N·log N: one product of the sequence with itself, shifted, for every distance.  A span of
    1 is the paper's plain form; a longer one its local attention.  Without ``causal`` as much after the token is read.
    """

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
    return torch.nn.functional.pad(x, sides if dim == -1 else (0, 0, *sides), value=fill)
