"""The settings of a stack of attention blocks, said once for all kinds of attention, block and memory."""

from dataclasses import dataclass
from typing import Literal

Positions = Literal["learned", "sinusoidal", "rotary", "relative", "alibi", "none"]
AttentionKind = Literal[
    "full",
    "local",
    "strided",
    "log-sparse",
    "prob-sparse",
    "auto-correlation",
    "lsh",
    "linear",
    "adaptive-span",
    "hierarchical",
]
BlockKind = Literal["pre-norm", "post-norm", "compact", "reversible"]
FeedKind = Literal["gelu", "glu"]
Memory = Literal["none", "recurrence", "compressive"]


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """What every attention block of a stack shares.

    places: tokens that learned positions keep, twice those of the lookback; kinds of attention derive their own
    ``span`` from it where that is None.  span: tokens in reach, in a bucket or in a pooled group, as the kind says.
    kernel: tokens that a query and a key are a convolution of, where the kind has one.
    segment: tokens that are read at once where a ``memory`` carries the ones before, ``memory_length`` tokens of them;
    from ``places`` and from the segment where None.  compression: how many older tokens become one.
    """

    width: int
    heads: int
    causal: bool
    places: int
    layers: int = 1
    positions: Positions = "learned"
    attention: AttentionKind = "full"
    span: int | None = None
    kernel: int = 1
    block: BlockKind = "pre-norm"
    feed: FeedKind = "gelu"
    memory: Memory = "none"
    segment: int | None = None
    memory_length: int | None = None
    compression: int = 2
    dropout: float = 0.0
