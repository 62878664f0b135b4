"""Blocks normalised after each sub-layer (Vaswani et al. 2017, section 3.1).

Dimension key: B batch, N tokens, D width.
"""

from torch import Tensor

from forecast.layers.blocks.pre_norm import PreNormBlock


class PostNormBlock(PreNormBlock):
    """Self-attention, then a feed-forward network, each added to its input and the sum normalised."""

    def forward(self, x: Tensor) -> Tensor:
        return self._rest(x, self.attention(x))

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        mixed, kept = self.attention.begin(x, room)
        return self._rest(x, mixed), kept

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        return self._rest(x, self.attention.step(x, kept, place))

    def _rest(self, x: Tensor, mixed: Tensor) -> Tensor:
        x = self.norm_attention(x + self.dropout(mixed))
        fed: Tensor = self.norm_feed(x + self.dropout(self.feed(x)))
        return fed
