"""Transformer blocks, normalised before each sub-layer (Xiong et al. 2020).

Dimension key: B batch, N tokens, M memory, D width.
"""

from torch import Tensor, nn

from forecast.layers.attention import CrossAttention, SelfAttention
from forecast.layers.dropout import make_dropout
from forecast.layers.positions import Positions, make_positions


class FeedForward(nn.Sequential):
    """Two linear maps with a GELU between, ``expansion`` times as wide.  Input, output: (…, D)."""

    def __init__(self, width: int, *, expansion: int = 2, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Linear(width, expansion * width), nn.GELU(), make_dropout(dropout), nn.Linear(expansion * width, width)
        )


class SelfAttentionBlock(nn.Module):
    """Self-attention, then a feed-forward network, each on a normalised input and added to it.  (B, N, D) → same."""

    def __init__(self, width: int, heads: int, *, causal: bool, rotary: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm_attention, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, causal=causal, rotary=rotary)
        self.feed = FeedForward(width, dropout=dropout)
        self.dropout = make_dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self._feed(x + self.dropout(self.attention(self.norm_attention(x))))

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        """``forward``, and what the attention keeps of the tokens; see ``SelfAttention.begin``."""
        mixed, kept = self.attention.begin(self.norm_attention(x), room)
        return self._feed(x + self.dropout(mixed)), kept

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        """One more token (B, 1, D)."""
        return self._feed(x + self.dropout(self.attention.step(self.norm_attention(x), kept, place)))

    def _feed(self, x: Tensor) -> Tensor:
        fed: Tensor = x + self.dropout(self.feed(self.norm_feed(x)))
        return fed


class AttentionStack(nn.Module):
    """Positions, then blocks of self-attention.  (B, N, D) → same.  places: positions that ``learned`` keeps."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        layers: int,
        causal: bool,
        positions: Positions,
        places: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.positions = make_positions(positions, width, places)
        rotary = positions == "rotary"
        self.blocks = nn.Sequential(
            *(SelfAttentionBlock(width, heads, causal=causal, rotary=rotary, dropout=dropout) for _ in range(layers))
        )

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.blocks(self.positions(x))
        return mixed

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        """``forward``, and keys and values of every block, with room for ``room`` tokens in all."""
        x, carried = self.positions(x), []
        for block in self.blocks:
            assert isinstance(block, SelfAttentionBlock)
            x, kept = block.begin(x, room)
            carried += kept
        return x, carried

    def step(self, x: Tensor, carried: list[Tensor], place: int) -> tuple[Tensor, list[Tensor]]:
        """One more token (B, 1, D), the one at ``place``; keys and values go into their empty place of ``carried``."""
        x = self.positions(x, place)
        for number, block in enumerate(self.blocks):
            assert isinstance(block, SelfAttentionBlock)
            x = block.step(x, carried[2 * number : 2 * number + 2], place)
        return x, carried


class DecoderBlock(nn.Module):
    """Masked self-attention, cross-attention to a memory, feed-forward.  (B, N, D) and (B, M, D) → (B, N, D)."""

    def __init__(self, width: int, heads: int, *, rotary: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.itself = SelfAttention(width, heads, causal=True, rotary=rotary)
        self.memory = CrossAttention(width, heads)
        self.feed = FeedForward(width, dropout=dropout)
        self.norm_itself, self.norm_memory, self.norm_feed = (nn.LayerNorm(width) for _ in range(3))
        self.dropout = make_dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        x = x + self.dropout(self.itself(self.norm_itself(x)))
        x = x + self.dropout(self.memory(self.norm_memory(x), memory))
        x = x + self.dropout(self.feed(self.norm_feed(x)))
        return x
