"""How recurrence and attention are joined.

Dimension key: B batch, N tokens, D width.
"""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from forecast.layers.gates import MixingGate
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import StackConfig
from forecast.layers.trunk import Carried, Trunk

Join = Literal["gated"]


class GatedJoin(Trunk):
    """Recurrent layers, then causal attention over their states; a gate decides, feature by feature, how much of each
    goes on."""

    def __init__(self, recurrent: RecurrentConfig, attention: StackConfig) -> None:
        super().__init__()
        self.recurrent = RecurrentStack(recurrent)
        self.attention = AttentionStack(attention)
        self.gate = MixingGate(attention.width)
        self.width = attention.width
        self.carries = self.attention.carries
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


JOINS: Mapping[Join, type[GatedJoin]] = {"gated": GatedJoin}
