"""Attention from one sequence to another (Vaswani et al. 2017, section 3.2.3).

Dimension key: B batch, N queries, M keys, D width, A heads.
"""

from torch import Tensor, nn

from forecast.layers.attention.base import check_heads, split_heads

Remembered = tuple[Tensor, Tensor]  # keys and values of a memory, each (B, A, M, D / A)


class CrossAttention(nn.Module):
    """Tokens of one sequence read another one, the memory.

    Input: (B, N, D) and memory (B, M, D).  Output: (B, N, D).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        return self.read(x, self.remember(memory))

    def remember(self, memory: Tensor) -> Remembered:
        """Keys and values of a memory (B, M, D), which any number of tokens may then ``read``."""
        key, value = (split_heads(part, self.heads) for part in self.memory(memory).chunk(2, dim=-1))
        return key, value

    def read(self, x: Tensor, remembered: Remembered) -> Tensor:
        query = split_heads(self.query(x), self.heads)
        mixed = nn.functional.scaled_dot_product_attention(query, *remembered)
        output: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return output
