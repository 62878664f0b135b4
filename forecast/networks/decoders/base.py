"""The contract of every decoder: from states to forecasts.

Dimension key: B batch, N tokens, T time, O origins, H horizon, C channels, Q outputs per step, D width, F known ahead.
"""

from torch import Tensor, nn

from forecast.datasets.windows import Window


class Decoder(nn.Module):
    """Forecasts from each of the last O origins, ``every`` tokens apart, the last one at the last token.

    Input: states (B, N, D), window, ahead (B, T + H, F).  Output: (B, O, H, C, Q).
    reach: how many states up to an origin it reads; None: all tokens of the lookback.  With more than the last one it
    cannot go on from a single new token, so that its network carries no state.
    """

    reach: int | None = 1

    def forward(self, states: Tensor, window: Window, ahead: Tensor, origins: int = 1, every: int = 1) -> Tensor:
        raise NotImplementedError


def at_origins(states: Tensor, origins: int, every: int) -> Tensor:
    """(B, O, D) of (B, N, D)."""
    return states[:, states.shape[1] - 1 - (origins - 1) * every :: every]
