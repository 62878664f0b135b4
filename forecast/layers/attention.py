"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2) through torch's fused kernel.

Dimension key: B batch, N queries, M keys, D width, A heads, R room for tokens to come.
"""

import torch
from torch import Tensor, nn

from forecast.errors import ConfigError
from forecast.layers.positions import rotate


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, N, D) as (B, A, N, D / A)."""
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)


def check_heads(width: int, heads: int) -> None:
    """``ConfigError`` where the width cannot be shared out evenly."""
    if width % heads:
        raise ConfigError(f"hidden_size={width} is not divisible by heads={heads}", "Change one of the two.")


class SelfAttention(nn.Module):
    """Every token reads the tokens of its own sequence; with ``causal``, only those up to itself.

    Input, output: (B, N, D).  With ``rotary``, queries and keys are rotated by their positions (Su et al. 2021).
    """

    def __init__(self, width: int, heads: int, *, causal: bool, rotary: bool = False) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads, self.causal, self.rotary = heads, causal, rotary
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self._project(x)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)  # (B, A, N, D / A)
        return self._join(mixed)

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        """``forward``, and the keys and values (B, A, R, D / A) to go on from, with room for ``room`` tokens in all."""
        query, key, value = self._project(x)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        kept = [
            torch.zeros(*part.shape[:2], room, part.shape[3], device=x.device, dtype=x.dtype) for part in (key, value)
        ]
        kept[0][:, :, : x.shape[1]], kept[1][:, :, : x.shape[1]] = key, value
        return self._join(mixed), kept

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        """One more token (B, 1, D), the one at ``place``; its key and value are written into what is kept."""
        query, key, value = self._project(x, place)
        keys, values = kept
        keys[:, :, place : place + 1], values[:, :, place : place + 1] = key, value
        before = slice(0, place + 1)
        return self._join(nn.functional.scaled_dot_product_attention(query, keys[:, :, before], values[:, :, before]))

    def _project(self, x: Tensor, start: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = (split_heads(part, self.heads) for part in self.inputs(x).chunk(3, dim=-1))
        if self.rotary:
            query, key = rotate(query, start), rotate(key, start)
        return query, key, value

    def _join(self, mixed: Tensor) -> Tensor:
        output: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return output


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
