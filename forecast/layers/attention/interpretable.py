"""Attention with one map for all heads (Lim et al. 2021, section 4.4).

Dimension key: B batch, N tokens, M queries, A heads, D width.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.layers.heads import check_heads, split_heads


class InterpretableAttention(nn.Module):
    """Heads have queries and keys of their own but share the values, so that their mean map says what is read.

    The last M tokens are the queries; each reads all tokens up to itself.  Without biases in queries and keys.
    Input: (B, N, D).  Output: (B, M, D).
    """

    explains: ClassVar[str] = "attention"

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.query, self.key = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.value = nn.Linear(width, width // heads)
        self.output = nn.Linear(width // heads, width)

    def forward(self, x: Tensor, queries: int) -> Tensor:
        read = self.weights(x, queries)[:, 0] @ self.value(x)  # (B, M, D / A)
        output: Tensor = self.output(read)
        return output

    def weights(self, x: Tensor, queries: int) -> Tensor:
        """(B, 1, M, N): how much each of the last M tokens reads of each token, the mean of all heads."""
        query, key = split_heads(self.query(x[:, -queries:]), self.heads), split_heads(self.key(x), self.heads)
        scores: Tensor = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5  # (B, A, M, N)
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1 + x.shape[1] - queries)
        return torch.softmax(scores.masked_fill(later, -torch.inf), -1).mean(1, keepdim=True)
