"""A straight line beside the trunk, to which every decoder adds its output.

Dimension key: B batch, O origins, H horizon, C channels, Q outputs per step.
"""

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.highway import CovariateHighway, Highway
from forecast.networks.base import Sizes
from forecast.networks.tokens import unusual_ahead


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
