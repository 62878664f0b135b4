"""Recurrence and attention side by side over the same tokens.

Dimension key: B batch, N tokens, D width.
"""

from torch import Tensor, nn

from forecast.layers.gates import MixingGate
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import StackConfig
from forecast.layers.trunk import Carried, Trunk


class ParallelJoin(Trunk):
    """Both halves read the tokens themselves; their normalised outputs are mixed by a gate, feature by feature.

    The parallel heads of Hymba (Dong et al. 2024, section 2.1), which averages the normalised outputs with a learned
    weight per feature; here the weight also depends on the token, and an LSTM stands for the state-space half.
    """

    def __init__(self, recurrent: RecurrentConfig, attention: StackConfig) -> None:
        super().__init__()
        self.recurrent = RecurrentStack(recurrent)
        self.attention = AttentionStack(attention)
        self.norm_recurrent, self.norm_attention = nn.LayerNorm(attention.width), nn.LayerNorm(attention.width)
        self.gate = MixingGate(attention.width)
        self.width = attention.width
        self.causal, self.carries = self.attention.causal, self.attention.carries
        self.kept = self.recurrent.kept + self.attention.kept

    def forward(self, x: Tensor) -> Tensor:
        return self._mix(self.attention(x), self.recurrent(x))

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, Carried]:
        local, states = self.recurrent.begin(x)
        reach, kept = self.attention.begin(x, room)
        return self._mix(reach, local), [*states, *kept]

    def step(self, x: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        local, states = self.recurrent.step(x, carried[: self.recurrent.kept])
        reach, kept = self.attention.step(x, carried[self.recurrent.kept :], place)
        return self._mix(reach, local), [*states, *kept]

    def _mix(self, reach: Tensor, local: Tensor) -> Tensor:
        mixed: Tensor = self.gate(self.norm_attention(reach), self.norm_recurrent(local))
        return mixed
