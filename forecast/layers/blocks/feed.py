"""Feed-forward networks of Transformer blocks.

Dimension key: D width.
"""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from forecast.layers.dropout import make_dropout
from forecast.layers.stack_config import FeedKind, StackConfig


class FeedForward(nn.Sequential):
    """Two linear maps with a GELU between, ``expansion`` times as wide.  Input, output: (…, D)."""

    def __init__(self, width: int, *, expansion: int = 2, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Linear(width, expansion * width), nn.GELU(), make_dropout(dropout), nn.Linear(expansion * width, width)
        )


class GatedFeedForward(nn.Module):
    """GEGLU: the GELU of one linear map times another one, then a third (Shazeer 2020, section 2).

    Two thirds as wide as ``FeedForward`` inside, so that its three maps have as many weights as the other's two.
    Input, output: (…, D).
    """

    def __init__(self, width: int, *, expansion: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        inner = max(1, round(expansion * width * 2 / 3))
        self.inputs = nn.Linear(width, 2 * inner)
        self.dropout = make_dropout(dropout)
        self.output = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        # A product for each half: halves of one would lie apart in memory, and their gradients have to be joined.
        halves = zip(self.inputs.weight.chunk(2), self.inputs.bias.chunk(2), strict=True)
        gate, value = (nn.functional.linear(x, weight, bias) for weight, bias in halves)
        fed: Tensor = self.output(self.dropout(nn.functional.gelu(gate) * value))
        return fed


FEEDS: Mapping[FeedKind, Callable[..., nn.Module]] = {"gelu": FeedForward, "glu": GatedFeedForward}


def make_feed(config: StackConfig) -> nn.Module:
    """The feed-forward network that ``config.feed`` names."""
    return FEEDS[config.feed](config.width, dropout=config.dropout)
