"""Attention over tokens as a trunk: positions, then blocks.

Dimension key: B batch, N tokens, D width.
"""

from torch import Tensor

from forecast.layers.blocks.base import Block
from forecast.layers.blocks.kinds import make_block, make_sequence
from forecast.layers.positions import make_positions
from forecast.layers.stack_config import StackConfig
from forecast.layers.trunk import Carried, Trunk


class AttentionStack(Trunk):
    """Positions, then blocks of self-attention."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        self.causal, self.width = config.causal, config.width
        self.kept = 2 * config.layers  # keys and values of every block
        self.positions = make_positions(config.positions, config.width, config.places)
        blocks = [make_block(config) for _ in range(config.layers)]
        self.blocks, self.streams = make_sequence(blocks), blocks[0].streams
        self.carries = config.causal and all(block.carries for block in blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self._close(self.blocks(self._open(self.positions(x))))

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, Carried]:
        x, carried = self._open(self.positions(x)), []
        for block in self.blocks:
            assert isinstance(block, Block)
            x, kept = block.begin(x, room)
            carried += kept
        return self._close(x), carried

    def step(self, x: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        x = self._open(self.positions(x, place))
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            x = block.step(x, carried[2 * number : 2 * number + 2], place)
        return self._close(x), carried

    def _open(self, x: Tensor) -> Tensor:
        """Tokens as many times over as the blocks have streams."""
        return x if self.streams == 1 else x.repeat(1, 1, self.streams)

    def _close(self, x: Tensor) -> Tensor:
        """The mean of the streams."""
        return x if self.streams == 1 else x.reshape(*x.shape[:-1], self.streams, -1).mean(-2)
