"""Attention from one sequence to another (Vaswani et al. 2017, section 3.2.3).

Dimension key: B batch, N queries, M keys, D width, A heads.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.layers.heads import check_heads, split_heads

Remembered = tuple[Tensor, Tensor]  # keys and values of a memory, each (B, A, M, D / A)


class CrossAttention(nn.Module):
    """Tokens of one sequence read another one, the memory, whose keys and values are there (``remember``).

    Input: (B, N, D) and what is remembered of (B, M, D).  Output: (B, N, D).
    across: queries are of another sequence than keys.
    """

    explains: ClassVar[str] = "attention"
    across: ClassVar[bool] = True

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def remember(self, memory: Tensor) -> Remembered:
        """Keys and values of a memory (B, M, D), which any number of tokens may then read."""
        key, value = (split_heads(part, self.heads) for part in self.memory(memory).chunk(2, dim=-1))
        return key, value

    def forward(self, x: Tensor, remembered: Remembered) -> Tensor:
        query = split_heads(self.query(x), self.heads)
        mixed = nn.functional.scaled_dot_product_attention(query, *remembered)
        output: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return output

    def weights(self, x: Tensor, remembered: Remembered) -> Tensor:
        """(B, A, N, M): how much each token reads of each of the memory; they sum to 1."""
        query = split_heads(self.query(x), self.heads)
        return torch.softmax(query @ remembered[0].transpose(-1, -2) / query.shape[-1] ** 0.5, -1)
