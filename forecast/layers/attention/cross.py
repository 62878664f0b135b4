"""Attention from one sequence to another (Vaswani et al. 2017, section 3.2.3).

Dimension key: B batch, N queries, M keys, D width.
"""

from torch import Tensor, nn

from forecast.layers.attention.base import check_heads, split_heads


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
        query = split_heads(self.query(x), self.heads)
        key, value = (split_heads(part, self.heads) for part in self.memory(memory).chunk(2, dim=-1))
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        output: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return output
