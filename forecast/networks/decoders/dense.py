"""One dense layer from the state at the origin to the horizon.

Dimension key: B batch, O origins, H horizon, C channels, Q outputs per step, D width, F known ahead.
"""

import torch
from torch import Tensor

from forecast.datasets.windows import Window
from forecast.layers.dropout import make_dropout
from forecast.layers.precision import ExactLinear
from forecast.layers.trunk import Trunk
from forecast.networks.base import Sizes
from forecast.networks.decoders.base import Decoder, at_origins
from forecast.networks.decoders.line import Line, add_line
from forecast.networks.tokens import ahead_of_origins


class DenseDecoder(Decoder):
    """A linear map of the state and of all that is known of the horizon: the head of a plain recurrent network.

    Dropout acts on the state.  Added to a straight line from what is known, where ``highway`` is set.
    """

    def __init__(self, sizes: Sizes, trunk: Trunk, ahead: int, *, highway: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.sizes = sizes
        self.line = Line(sizes, stride=sizes.patch) if highway else None
        self.dropout = make_dropout(dropout)
        self.output = ExactLinear(trunk.width + sizes.horizon * ahead, sizes.horizon * sizes.channels * sizes.outputs)

    def forward(self, states: Tensor, window: Window, ahead: Tensor, origins: int = 1, every: int = 1) -> Tensor:
        sizes = self.sizes
        known = ahead_of_origins(
            ahead, origins=origins, stride=every * sizes.patch, horizon=sizes.horizon, blocks=1
        ).flatten(2)  # (B, O, H·F)
        here = self.dropout(at_origins(states, origins, every))
        steps = self.output(torch.cat([here, known], dim=-1)).unflatten(-1, (-1, sizes.channels, sizes.outputs))
        return add_line(self.line, steps, window, origins, every)
