"""The whole horizon at once from the state at the origin.

Dimension key: B batch, O origins, H horizon, M blocks ahead, C channels, Q outputs per step, D width, E decoder width.
"""

from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.dropout import make_dropout
from forecast.layers.precision import ExactLinear
from forecast.layers.trunk import Trunk
from forecast.networks.base import Sizes
from forecast.networks.decoders.base import Decoder, at_origins
from forecast.networks.decoders.line import Line, add_line
from forecast.networks.tokens import ahead_of_origins, blocks_ahead


class DirectDecoder(Decoder):
    """Every block of the horizon at once from the state at the origin and what is known of the block.

    Added to a straight line from what is known, where ``highway`` is set.
    """

    def __init__(self, sizes: Sizes, trunk: Trunk, ahead: int, *, highway: bool, dropout: float = 0.0) -> None:
        super().__init__()
        width = trunk.width
        self.line = Line(sizes, stride=sizes.patch) if highway else None
        self.sizes = sizes
        self.blocks, self.block = blocks_ahead(sizes)
        inner = 2 * width
        self.norm = nn.LayerNorm(width)
        self.state = nn.Linear(width, self.blocks * inner)
        self.ahead = nn.Linear(self.block * ahead, inner, bias=False) if ahead else None
        self.activation = nn.Sequential(nn.GELU(), make_dropout(dropout))
        self.output = ExactLinear(inner, self.block * sizes.channels * sizes.outputs)

    def forward(self, states: Tensor, window: Window, ahead: Tensor, origins: int = 1, every: int = 1) -> Tensor:
        sizes = self.sizes
        here = self.norm(at_origins(states, origins, every))  # (B, O, D)
        inner = self.state(here).unflatten(-1, (self.blocks, -1))  # (B, O, M, E)
        if self.ahead is not None:
            blocks = ahead_of_origins(
                ahead, origins=origins, stride=every * sizes.patch, horizon=sizes.horizon, blocks=self.blocks
            )
            inner = inner + self.ahead(blocks)
        steps = self.output(self.activation(inner)).flatten(2)  # (B, O, M·block·C·Q)
        steps = steps.unflatten(-1, (-1, sizes.channels, sizes.outputs))
        return add_line(self.line, steps[:, :, : sizes.horizon], window, origins, every)
