"""The table of attention kinds.  A new kind is a file beside this one and a row here."""

from collections.abc import Mapping

from forecast.layers.attention.base import Attention
from forecast.layers.attention.full import FullAttention
from forecast.layers.stack_config import AttentionKind, StackConfig

ATTENTION: Mapping[AttentionKind, type[Attention]] = {
    "full": FullAttention,
}


def make_attention(config: StackConfig) -> Attention:
    """The self-attention that ``config.attention`` names.  ``ConfigError`` for positions that it does not accept."""
    return ATTENTION[config.attention](config)
