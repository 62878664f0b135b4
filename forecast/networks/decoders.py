"""From states at origins to forecasts.

Dimension key: B batch, O origins, H horizon, M blocks ahead, C channels, Q outputs per step, D width, E decoder width.
"""

from torch import Tensor, nn

from forecast.networks.base import Sizes
from forecast.networks.tokens import ahead_of_origins

LONGEST_BLOCK = 24  # steps that one decoder vector stands for where tokens are single steps


class DirectDecoder(nn.Module):
    """Every block of the horizon at once from the state at the origin and what is known of the block.

    Input: states (B, O, D), ahead (B, T + H, F).  Output: (B, O, H, C, Q).
    """

    def __init__(self, sizes: Sizes, width: int, ahead: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.sizes = sizes
        block = sizes.patch if sizes.patch > 1 else min(sizes.horizon, LONGEST_BLOCK)
        self.blocks = -(-sizes.horizon // block)
        self.block = -(-sizes.horizon // self.blocks)
        inner = 2 * width
        self.norm = nn.LayerNorm(width)
        self.state = nn.Linear(width, self.blocks * inner)
        self.ahead = nn.Linear(self.block * ahead, inner, bias=False) if ahead else None
        self.activation = nn.Sequential(nn.GELU(), nn.Dropout(dropout))
        self.output = nn.Linear(inner, self.block * sizes.channels * sizes.outputs)

    def forward(self, states: Tensor, ahead: Tensor) -> Tensor:
        sizes, origins = self.sizes, states.shape[1]
        inner = self.state(self.norm(states)).unflatten(-1, (self.blocks, -1))  # (B, O, M, E)
        if self.ahead is not None:
            blocks = ahead_of_origins(
                ahead, origins=origins, stride=sizes.patch, horizon=sizes.horizon, blocks=self.blocks
            )
            inner = inner + self.ahead(blocks)
        steps = self.output(self.activation(inner)).flatten(2)  # (B, O, M·block·C·Q)
        steps = steps.unflatten(-1, (-1, sizes.channels, sizes.outputs))
        return steps[:, :, : sizes.horizon]  # (B, O, H, C, Q)
