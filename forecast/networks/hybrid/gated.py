"""Recurrence for local order, attention for reach, joined by a learned gate.

Dimension key: B batch, N tokens, O origins, H horizon, C channels, Q outputs per step, D width.
"""

from torch import Tensor

from forecast.datasets.windows import Window
from forecast.layers.blocks import AttentionStack
from forecast.layers.gates import MixingGate
from forecast.layers.positions import Positions
from forecast.layers.recurrent import Cell, RecurrentStack
from forecast.networks.base import Network, Sizes
from forecast.networks.decoders import DirectDecoder
from forecast.networks.tokens import KnownAhead, Tokens, places


class HybridNetwork(Network):
    """Tokens → recurrent layers → causal attention over their states; a gate decides, feature by feature, how much of
    each goes to the decoder."""

    causal = True

    def __init__(
        self,
        sizes: Sizes,
        *,
        cell: Cell,
        width: int,
        recurrent_layers: int,
        attention_layers: int,
        heads: int,
        positions: Positions,
        highway: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(sizes)
        self.ahead = KnownAhead(sizes)
        self.tokens = Tokens(sizes, width, self.ahead.width)
        self.recurrent = RecurrentStack(cell, width, layers=recurrent_layers, dropout=dropout)
        self.attention = AttentionStack(
            width,
            heads,
            layers=attention_layers,
            causal=True,
            positions=positions,
            places=places(sizes),
            dropout=dropout,
        )
        self.gate = MixingGate(width)
        self.decoder = DirectDecoder(sizes, width, self.ahead.width, highway=highway, dropout=dropout)

    def forward(self, window: Window, origins: int = 1) -> Tensor:
        ahead = self.ahead(window)
        local = self.recurrent(self.tokens(window, ahead))  # (B, N, D)
        reach = self.attention(local)
        forecasts: Tensor = self.decoder(self.gate(reach, local)[:, -origins:], window, ahead)
        return forecasts
