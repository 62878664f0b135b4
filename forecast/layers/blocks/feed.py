"""Feed-forward networks of Transformer blocks.

Dimension key: D width.
"""

from collections.abc import Callable, Mapping

from torch import nn

from forecast.layers.dropout import make_dropout
from forecast.layers.stack_config import FeedKind, StackConfig


class FeedForward(nn.Sequential):
    """Two linear maps with a GELU between, ``expansion`` times as wide.  Input, output: (…, D)."""

    def __init__(self, width: int, *, expansion: int = 2, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Linear(width, expansion * width), nn.GELU(), make_dropout(dropout), nn.Linear(expansion * width, width)
        )


FEEDS: Mapping[FeedKind, Callable[..., nn.Module]] = {"gelu": FeedForward}


def make_feed(config: StackConfig) -> nn.Module:
    """The feed-forward network that ``config.feed`` names."""
    return FEEDS[config.feed](config.width, dropout=config.dropout)
