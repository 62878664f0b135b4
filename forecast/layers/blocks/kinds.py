"""The table of Transformer blocks.  A new kind is a file beside this one and a row here."""

from collections.abc import Mapping, Sequence

from torch import nn

from forecast.layers.blocks.base import Block
from forecast.layers.blocks.compact import CompactBlock
from forecast.layers.blocks.post_norm import PostNormBlock
from forecast.layers.blocks.pre_norm import PreNormBlock
from forecast.layers.blocks.reversible import ReversibleBlock, ReversibleSequence
from forecast.layers.stack_config import BlockKind, StackConfig

BLOCKS: Mapping[BlockKind, type[Block]] = {
    "pre-norm": PreNormBlock,
    "post-norm": PostNormBlock,
    "compact": CompactBlock,
    "reversible": ReversibleBlock,
}


def make_block(config: StackConfig) -> Block:
    """The block that ``config.block`` names."""
    return BLOCKS[config.block](config)


def make_sequence(blocks: Sequence[Block]) -> nn.Sequential:
    """The blocks in turn; reversible ones without keeping what lies between them."""
    reversible = all(isinstance(block, ReversibleBlock) for block in blocks)
    return ReversibleSequence(*blocks) if reversible else nn.Sequential(*blocks)
