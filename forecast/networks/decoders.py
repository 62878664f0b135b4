"""From states at origins to forecasts.

Dimension key: B batch, O origins, H horizon, M blocks ahead, C channels, Q outputs per step, D width, E decoder width.
"""

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.dropout import make_dropout
from forecast.layers.highway import CovariateHighway, Highway
from forecast.layers.precision import ExactLinear
from forecast.networks.base import Sizes
from forecast.networks.tokens import ahead_of_origins, blocks_ahead, unusual_ahead


class DirectDecoder(nn.Module):
    """Every block of the horizon at once from the state at the origin and what is known of the block.

    Added to a straight line from what is known, where ``highway`` is set.
    Input: states (B, O, D) of origins ``every`` tokens apart, window, ahead (B, T + H, F).  Output: (B, O, H, C, Q).
    """

    def __init__(self, sizes: Sizes, width: int, ahead: int, *, highway: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.line = Line(sizes, stride=sizes.patch) if highway else None
        self.sizes = sizes
        self.blocks, self.block = blocks_ahead(sizes)
        inner = 2 * width
        self.norm = nn.LayerNorm(width)
        self.state = nn.Linear(width, self.blocks * inner)
        self.ahead = nn.Linear(self.block * ahead, inner, bias=False) if ahead else None
        self.activation = nn.Sequential(nn.GELU(), make_dropout(dropout))
        self.output = ExactLinear(inner, self.block * sizes.channels * sizes.outputs)

    def forward(self, states: Tensor, window: Window, ahead: Tensor, every: int = 1) -> Tensor:
        sizes, origins = self.sizes, states.shape[1]
        inner = self.state(self.norm(states)).unflatten(-1, (self.blocks, -1))  # (B, O, M, E)
        if self.ahead is not None:
            blocks = ahead_of_origins(
                ahead, origins=origins, stride=every * sizes.patch, horizon=sizes.horizon, blocks=self.blocks
            )
            inner = inner + self.ahead(blocks)
        steps = self.output(self.activation(inner)).flatten(2)  # (B, O, M·block·C·Q)
        steps = steps.unflatten(-1, (-1, sizes.channels, sizes.outputs))
        return add_line(self.line, steps[:, :, : sizes.horizon], window, origins, every)


class Line(nn.Module):
    """What is linear in the window's last steps and in what is known ahead, which the network's own output corrects.

    Origins lie ``every`` times ``stride`` steps apart.  Input: window.  Output: (B, O, H, C).
    """

    def __init__(self, sizes: Sizes, *, stride: int) -> None:
        super().__init__()
        self.sizes, self.stride = sizes, stride
        self.past = Highway(sizes.lookback, sizes.horizon, stride=stride, persist=sizes.persistent)
        self.ahead = CovariateHighway(sizes.known, sizes.channels) if sizes.known else None

    def forward(self, window: Window, origins: int, every: int = 1) -> Tensor:
        line: Tensor = self.past(window.target, origins, every)
        if self.ahead is None:
            return line
        unusual = unusual_ahead(window)
        stride = every * self.stride
        first = unusual.shape[1] - self.sizes.horizon - (origins - 1) * stride
        ahead: Tensor = self.ahead(unusual[:, first:].unfold(1, self.sizes.horizon, stride))
        return line + ahead


def add_line(line: Line | None, raw: Tensor, window: Window, origins: int, every: int = 1) -> Tensor:
    """Raw outputs (B, O, H, C, Q) with the line added to the first of Q, the middle of the forecast."""
    if line is None:
        return raw
    middle = raw[..., :1] + line(window, origins, every)[..., None]
    return torch.cat([middle, raw[..., 1:]], dim=-1)
