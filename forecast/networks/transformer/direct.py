"""Attention over tokens with a direct decoder: causal (decoder-only) or two-sided (encoder)."""

from forecast.layers.blocks import AttentionStack
from forecast.layers.positions import Positions
from forecast.networks.base import Sizes
from forecast.networks.decoders import DirectDecoder
from forecast.networks.direct import DirectNetwork
from forecast.networks.tokens import KnownAhead, Tokens, places


class CausalTransformer(DirectNetwork):
    """Tokens → causal self-attention blocks → a forecast from the state at each origin (decoder-only)."""

    causal = True

    def __init__(
        self,
        sizes: Sizes,
        *,
        width: int,
        layers: int,
        heads: int,
        positions: Positions,
        highway: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(sizes)
        self.ahead = KnownAhead(sizes)
        self.tokens = Tokens(sizes, width, self.ahead.width)
        self.trunk = AttentionStack(
            width,
            heads,
            layers=layers,
            causal=self.causal,
            positions=positions,
            places=places(sizes),
            dropout=dropout,
        )
        self.decoder = DirectDecoder(sizes, width, self.ahead.width, highway=highway, dropout=dropout)


class EncoderTransformer(CausalTransformer):
    """The same with attention in both directions; the last token's state forecasts (encoder-only)."""

    causal = False
