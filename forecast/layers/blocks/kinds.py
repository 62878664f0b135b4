"""The table of Transformer blocks.  A new kind is a file beside this one and a row here."""

from collections.abc import Mapping

from forecast.layers.blocks.base import Block
from forecast.layers.blocks.pre_norm import PreNormBlock
from forecast.layers.stack_config import BlockKind, StackConfig

BLOCKS: Mapping[BlockKind, type[Block]] = {
    "pre-norm": PreNormBlock,
}


def make_block(config: StackConfig) -> Block:
    """The block that ``config.block`` names."""
    return BLOCKS[config.block](config)
