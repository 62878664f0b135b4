"""Blocks normalised before each sub-layer (Xiong et al. 2020).

Dimension key: B batch, N tokens, D width.
"""

from torch import Tensor, nn

from forecast.layers.attention.kinds import make_attention
from forecast.layers.blocks.base import Block
from forecast.layers.blocks.feed import make_feed
from forecast.layers.dropout import make_dropout
from forecast.layers.stack_config import StackConfig


class PreNormBlock(Block):
    """Self-attention, then a feed-forward network, each on a normalised input and added to it."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.norm_attention, self.norm_feed = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.attention = make_attention(config)
        self.carries = self.attention.carries
        self.feed = make_feed(config)
        self.dropout = make_dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self._feed(x + self.dropout(self.attention(self.norm_attention(x))))

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        mixed, kept = self.attention.begin(self.norm_attention(x), room)
        return self._feed(x + self.dropout(mixed)), kept

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        return self._feed(x + self.dropout(self.attention.step(self.norm_attention(x), kept, place)))

    def _feed(self, x: Tensor) -> Tensor:
        fed: Tensor = x + self.dropout(self.feed(self.norm_feed(x)))
        return fed
