"""Attention over tokens with a direct decoder: causal (decoder-only) or two-sided (encoder).

Dimension key: B batch, N tokens, O origins, H horizon, C channels, Q outputs per step, D width.
"""

from torch import Tensor

from forecast.datasets.windows import Window
from forecast.layers.blocks import AttentionStack
from forecast.layers.positions import Positions
from forecast.networks.base import Network, Sizes
from forecast.networks.decoders import DirectDecoder
from forecast.networks.tokens import KnownAhead, Tokens, places


class CausalTransformer(Network):
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

    def forward(self, window: Window, origins: int = 1) -> Tensor:
        self.require_causal(origins)
        ahead = self.ahead(window)
        states = self.trunk(self.tokens(window, ahead))  # (B, N, D)
        forecasts: Tensor = self.decoder(states[:, -origins:], window, ahead)
        return forecasts


class EncoderTransformer(CausalTransformer):
    """The same with attention in both directions; the last token's state forecasts (encoder-only)."""

    causal = False
