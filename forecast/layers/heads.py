"""Features shared out among heads.

Dimension key: B batch, N tokens, D width, A heads.
"""

from torch import Tensor

from forecast.errors import ConfigError


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, N, D) as (B, A, N, D / A)."""
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """(B, A, N, D / A) as (B, N, D)."""
    return x.transpose(1, 2).flatten(2)


def check_heads(width: int, heads: int) -> None:
    """``ConfigError`` where the width cannot be shared out evenly."""
    if width % heads:
        raise ConfigError(f"hidden_size={width} is not divisible by heads={heads}", "Change one of the two.")
