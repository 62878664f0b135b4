"""Recurrent layers, then attention over their states, and a gate between the two.

Dimension key: B batch, N tokens, D width.
"""

from torch import Tensor

from forecast.layers.gates import MixingGate
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import StackConfig
from forecast.layers.trunk import Carried, Trunk


class GatedJoin(Trunk):
    """Recurrent layers, then causal attention over their states; a gate decides, feature by feature, how much of each
    goes on (after the gated skip connections of Lim et al. 2021, section 4.5)."""

    def __init__(self, recurrent: RecurrentConfig, attention: StackConfig) -> None:
        super().__init__()
        self.recurrent = RecurrentStack(recurrent)
        self.attention = AttentionStack(attention)
        self.gate = MixingGate(attention.width)
        self.width = attention.width
        self.causal, self.carries = self.attention.causal, self.attention.carries
        self.kept = self.recurrent.kept + self.attention.kept

    def forward(self, x: Tensor) -> Tensor:
        local = self.recurrent(x)
        joined: Tensor = self.gate(self.attention(local), local)
        return joined

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, Carried]:
        local, states = self.recurrent.begin(x)
        reach, kept = self.attention.begin(local, room)
        return self.gate(reach, local), [*states, *kept]

    def step(self, x: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        local, states = self.recurrent.step(x, carried[: self.recurrent.kept])
        reach, kept = self.attention.step(local, carried[self.recurrent.kept :], place)
        return self.gate(reach, local), [*states, *kept]
