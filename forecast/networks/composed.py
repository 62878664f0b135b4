"""Tokens → trunk → decoder: one pass over a window, or token after token with a carried state.

Dimension key: B batch, N tokens, I inputs, O origins, H horizon, C channels, Q outputs per step, D width.
"""

from collections.abc import Callable

from torch import Tensor

from forecast.datasets.windows import Window
from forecast.layers.trunk import Trunk
from forecast.networks.base import Carried, Network, Sizes
from forecast.networks.decoders.base import Decoder
from forecast.networks.tokens import KnownAhead, Tokens, places

MakeTrunk = Callable[[int], Trunk]  # from the width of the tokens
MakeDecoder = Callable[[Sizes, Trunk, int], Decoder]  # from the trunk and the number of inputs known ahead


class ComposedNetwork(Network):
    """Any trunk between any decoder and the tokens of a window.

    width: of the tokens; None leaves them as they are, for trunks whose first layer is itself a projection.
    """

    def __init__(self, sizes: Sizes, *, width: int | None, trunk: MakeTrunk, decoder: MakeDecoder) -> None:
        super().__init__(sizes)
        self.ahead = KnownAhead(sizes)
        self.tokens = Tokens(sizes, width, self.ahead.width)
        self.trunk = trunk(self.tokens.width)
        self.decoder = decoder(sizes, self.trunk, self.ahead.width)
        self.causal = self.trunk.causal
        self.carries = self.causal and self.trunk.carries and self.decoder.reach == 1

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        self.require_causal(origins)
        ahead = self.ahead(window)
        states = self.trunk(self.tokens(window, ahead))  # (B, N, D)
        forecasts: Tensor = self.decoder(states, window, ahead, origins, every)
        return forecasts

    def begin(self, window: Window) -> tuple[Tensor, Carried]:
        if not self.carries:
            return super().begin(window)
        ahead = self.ahead(window)
        states, carried = self.trunk.begin(self.tokens(window, ahead), places(self.sizes))
        return self.decoder(states, window, ahead), carried

    def step(self, window: Window, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        newest = window.last(self.sizes.patch, self.sizes.horizon)
        ahead = self.ahead(newest)
        states, after = self.trunk.step(self.tokens(newest, ahead), carried, place)
        return self.decoder(states, window, ahead), after
