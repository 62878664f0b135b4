"""A recurrent trunk over tokens with a direct decoder."""

from forecast.layers.recurrent import Cell, RecurrentStack
from forecast.networks.base import Sizes
from forecast.networks.decoders import DirectDecoder
from forecast.networks.direct import DirectNetwork
from forecast.networks.tokens import KnownAhead, Tokens


class RecurrentNetwork(DirectNetwork):
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
