"""Dropout that costs nothing where it is off."""

from torch import nn


def make_dropout(share: float) -> nn.Module:
    """``nn.Dropout``, or nothing for a share of 0, for which torch would still draw a mask of ones."""
    return nn.Dropout(share) if share else nn.Identity()
