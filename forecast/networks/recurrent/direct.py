"""A recurrent trunk over tokens with a direct decoder.

Dimension key: B batch, N tokens, O origins, H horizon, C channels, Q outputs per step, D width.
"""

from torch import Tensor

from forecast.datasets.windows import Window
from forecast.layers.recurrent import Cell, RecurrentStack
from forecast.networks.base import Network, Sizes
from forecast.networks.decoders import DirectDecoder
from forecast.networks.tokens import KnownAhead, Tokens


class RecurrentNetwork(Network):
    """Tokens → LSTM, GRU or plain recurrent layers → a forecast from the state at each origin."""

    causal = True

    def __init__(
        self, sizes: Sizes, *, cell: Cell, width: int, layers: int = 1, highway: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__(sizes)
        self.ahead = KnownAhead(sizes)
        # Single steps go straight into the cell: a projection before it would double the cost of the dearest trunk.
        self.tokens = Tokens(sizes, None if sizes.patch == 1 else width, self.ahead.width)
        self.trunk = RecurrentStack(cell, width, inputs=self.tokens.width, layers=layers, dropout=dropout)
        self.decoder = DirectDecoder(sizes, width, self.ahead.width, highway=highway, dropout=dropout)

    def forward(self, window: Window, origins: int = 1) -> Tensor:
        ahead = self.ahead(window)
        states = self.trunk(self.tokens(window, ahead))  # (B, N, D)
        forecasts: Tensor = self.decoder(states[:, -origins:], window, ahead)
        return forecasts
