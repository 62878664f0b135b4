"""A straight line from the window to the horizon.

Dimension key: B batch, T time, L lookback, H horizon, O origins, C channels.
"""

import torch
from torch import Tensor, nn

from forecast.layers.precision import full_precision


class Highway(nn.Module):
    """A linear map of the last L steps, shared by channels, which the network's own output corrects.

    The autoregressive part of LSTNet (Lai et al. 2018, section 3.6): what is linear in the past need not pass through
    the trunk.  It starts at zero or, with ``persist``, at a copy of the last step.
    Input: steps (B, T, C), of which it reads the last L + (O − 1)·every·stride.  Output: (B, O, H, C).
    """

    def __init__(self, lookback: int, horizon: int, *, stride: int, persist: bool = False) -> None:
        super().__init__()
        self.lookback, self.stride = lookback, stride
        start = torch.zeros(horizon, lookback)
        if persist:
            start[:, -1] = 1.0
        self.weight = nn.Parameter(start)
        self.bias = nn.Parameter(torch.zeros(horizon))

    @full_precision
    def forward(self, steps: Tensor, origins: int, every: int = 1) -> Tensor:
        stride = every * self.stride
        span = self.lookback + (origins - 1) * stride
        before = steps[:, -span:].unfold(1, self.lookback, stride)  # (B, O, C, L)
        return nn.functional.linear(before, self.weight, self.bias).transpose(2, 3)


class CovariateHighway(nn.Module):
    """A linear map of what is known of each step ahead and of its neighbours, the same for every step.

    It starts at zero.  Input: steps ahead (B, O, F, H).  Output: (B, O, H, C).
    """

    def __init__(self, covariates: int, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(covariates, channels, 3, padding=1)
        for parameter in self.mix.parameters():
            nn.init.zeros_(parameter)

    @full_precision
    def forward(self, ahead: Tensor) -> Tensor:
        batch, origins = ahead.shape[:2]
        mixed: Tensor = self.mix(ahead.flatten(0, 1))  # (B·O, C, H)
        return mixed.view(batch, origins, *mixed.shape[1:]).transpose(2, 3)
