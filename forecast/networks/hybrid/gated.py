"""Recurrence for local order, attention for reach, joined by a learned gate.

Dimension key: N tokens, D width.
"""

from torch import Tensor

from forecast.layers.blocks import AttentionStack
from forecast.layers.gates import MixingGate
from forecast.layers.positions import Positions
from forecast.layers.recurrent import Cell, RecurrentStack
from forecast.networks.base import Carried, Sizes
from forecast.networks.decoders import DirectDecoder
from forecast.networks.direct import DirectNetwork
from forecast.networks.tokens import KnownAhead, Tokens, places


class HybridNetwork(DirectNetwork):
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

    def _read(self, tokens: Tensor) -> Tensor:
        local = self.recurrent(tokens)
        joined: Tensor = self.gate(self.attention(local), local)
        return joined

    def _read_first(self, tokens: Tensor, room: int) -> tuple[Tensor, Carried]:
        local, states = self.recurrent.begin(tokens)
        reach, kept = self.attention.begin(local, room)
        return self.gate(reach, local), [*states, *kept]

    def _read_on(self, token: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        recurrent = len(carried) - 2 * len(self.attention.blocks)
        local, states = self.recurrent.step(token, carried[:recurrent])
        reach, kept = self.attention.step(local, carried[recurrent:], place)
        return self.gate(reach, local), [*states, *kept]
