"""The table of attention kinds.  A new kind is a file beside this one and a row here."""

from collections.abc import Mapping

from forecast.layers.attention.adaptive_span import AdaptiveSpanAttention
from forecast.layers.attention.auto_correlation import AutoCorrelation
from forecast.layers.attention.base import Attention
from forecast.layers.attention.full import FullAttention
from forecast.layers.attention.hierarchical import HierarchicalAttention
from forecast.layers.attention.linear import LinearAttention
from forecast.layers.attention.local import LocalAttention
from forecast.layers.attention.log_sparse import LogSparseAttention
from forecast.layers.attention.lsh import LSHAttention
from forecast.layers.attention.prob_sparse import ProbSparseAttention
from forecast.layers.attention.strided import StridedAttention
from forecast.layers.memory import CompressiveMemory, RecurrentMemory
from forecast.layers.stack_config import AttentionKind, Memory, StackConfig

ATTENTION: Mapping[AttentionKind, type[Attention]] = {
    "full": FullAttention,
    "lsh": LSHAttention,
    "linear": LinearAttention,
    "adaptive-span": AdaptiveSpanAttention,
    "hierarchical": HierarchicalAttention,
    "local": LocalAttention,
    "log-sparse": LogSparseAttention,
    "strided": StridedAttention,
    "prob-sparse": ProbSparseAttention,
    "auto-correlation": AutoCorrelation,
}
SPANLESS: frozenset[AttentionKind] = frozenset({"full", "linear"})  # every token reads all that it may
MEMORIES: Mapping[Memory, type[Attention]] = {"recurrence": RecurrentMemory, "compressive": CompressiveMemory}


def make_attention(config: StackConfig) -> Attention:
    """The self-attention that ``config`` names.  ``ConfigError`` for positions or a memory that it does not accept."""
    if config.memory != "none":
        return MEMORIES[config.memory](config)
    return ATTENTION[config.attention](config)
