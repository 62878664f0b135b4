"""The decoder's block of Vaswani et al. 2017, normalised before each sub-layer.

Dimension key: B batch, N tokens, M memory, D width.
"""

from torch import Tensor, nn

from forecast.layers.attention.cross import CrossAttention
from forecast.layers.attention.kinds import make_attention
from forecast.layers.blocks.feed import make_feed
from forecast.layers.dropout import make_dropout
from forecast.layers.stack_config import StackConfig


class DecoderBlock(nn.Module):
    """Masked self-attention, cross-attention to a memory, feed-forward.  (B, N, D) and (B, M, D) → (B, N, D)."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.itself = make_attention(config)
        self.memory = CrossAttention(config.width, config.heads)
        self.feed = make_feed(config)
        self.norm_itself, self.norm_memory, self.norm_feed = (nn.LayerNorm(config.width) for _ in range(3))
        self.dropout = make_dropout(config.dropout)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        x = x + self.dropout(self.itself(self.norm_itself(x)))
        x = x + self.dropout(self.memory(self.norm_memory(x), memory))
        x = x + self.dropout(self.feed(self.norm_feed(x)))
        return x
