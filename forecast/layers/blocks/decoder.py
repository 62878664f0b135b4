"""The decoder's block of Vaswani et al. 2017, normalised before each sub-layer or after it.

Dimension key: B batch, N tokens, M memory, D width.
"""

from dataclasses import replace

from torch import Tensor, nn

from forecast.errors import ConfigError
from forecast.layers.attention.cross import CrossAttention, Remembered
from forecast.layers.attention.full import FullAttention
from forecast.layers.blocks.feed import make_feed
from forecast.layers.blocks.pre_norm import PreNormBlock
from forecast.layers.dropout import make_dropout
from forecast.layers.stack_config import StackConfig


class DecoderBlock(nn.Module):
    """Masked self-attention, cross-attention to a memory, feed-forward.  (B, N, D) and (B, M, D) → (B, N, D).

    Self-attention is full, whatever ``config.attention`` says: a horizon has few blocks.
    """

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        if config.block not in ("pre-norm", "post-norm"):
            raise ConfigError(
                f"block={config.block!r} has no cross-attention, which a decoder needs",
                "Choose block='pre-norm' or 'post-norm'.",
            )
        self.before = config.block == "pre-norm"
        self.itself = FullAttention(replace(config, attention="full", memory="none"))
        self.memory = CrossAttention(config.width, config.heads)
        self.feed = make_feed(config)
        self.norm_itself, self.norm_memory, self.norm_feed = (nn.LayerNorm(config.width) for _ in range(3))
        self.dropout = make_dropout(config.dropout)

    def tie(self, block: PreNormBlock) -> None:
        """Use the maps of an encoder's block in self-attention and in the feed-forward network; norms stay apart."""
        own, theirs = self.itself, block.attention
        own.inputs, own.output, own.distances = theirs.inputs, theirs.output, theirs.distances
        self.feed = block.feed

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        mixed: Tensor = self.itself(self._open(self.norm_itself, x))
        return self._rest(x, mixed, self.memory.remember(memory))

    def step(self, x: Tensor, memory: Remembered, kept: list[Tensor], place: int) -> tuple[Tensor, list[Tensor]]:
        """One more token (B, 1, D), and its self-attention's keys and values with those ``kept``, none at first."""
        mixed, kept = self.itself.grow(self._open(self.norm_itself, x), kept, place)
        return self._rest(x, mixed, memory), kept

    def _rest(self, x: Tensor, mixed: Tensor, memory: Remembered) -> Tensor:
        x = self._add(self.norm_itself, x, mixed)
        x = self._add(self.norm_memory, x, self.memory(self._open(self.norm_memory, x), memory))
        return self._add(self.norm_feed, x, self.feed(self._open(self.norm_feed, x)))

    def _open(self, norm: nn.Module, x: Tensor) -> Tensor:
        """What a sub-layer is given."""
        normal: Tensor = norm(x) if self.before else x
        return normal

    def _add(self, norm: nn.Module, x: Tensor, found: Tensor) -> Tensor:
        """What a sub-layer found added to its input."""
        summed: Tensor = x + self.dropout(found)
        return summed if self.before else norm(summed)
