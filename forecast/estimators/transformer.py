"""Attention over tokens: decoder-only, encoder-only, or both halves."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from forecast.estimators.neural import MOST_LAYERS, NeuralForecaster
from forecast.estimators.settings import Range, idle, setting
from forecast.layers.attention.kinds import ATTENTION, SPANLESS
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import AttentionKind, BlockKind, FeedKind, Memory, Positions, StackConfig
from forecast.networks.base import Network, Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.direct import DirectDecoder
from forecast.networks.tokens import places
from forecast.networks.transformer.encoder_decoder import EncoderDecoderTransformer
from forecast.networks.transformer.variates import ORDERLESS, VariateTransformer
from forecast.outputs import Output


@dataclass(kw_only=True, eq=False, repr=False)
class TransformerForecaster(NeuralForecaster):
    """Self-attention reads the tokens; see ``architecture`` for who may read whom."""

    architecture: Literal["causal", "encoder", "encoder-decoder"] = setting(
        "causal", help="causal: decoder-only; encoder: both directions; encoder-decoder: as in Vaswani et al. (2017)"
    )
    layers: int = setting(
        2, help="attention blocks (of each half)", low=1, high=MOST_LAYERS, search=Range(low=1, high=3, step=1)
    )
    heads: int = setting(4, help="attention heads; divides hidden_size", low=1, search=(2, 4, 8))
    positions: Positions = setting("learned", help="how tokens know their place", search=("learned", "rotary"))
    attention: AttentionKind = setting("full", help="who reads whom, and at what cost")
    span: int | None = setting(
        None,
        help="tokens in reach (local, strided, log-sparse), in a bucket (lsh) or group, queries that read "
        "(prob-sparse) or lags (auto-correlation); from the tokens when None",
        low=1,
    )
    kernel: int = setting(1, help="tokens that queries and keys are a convolution of (attention='log-sparse')", low=1)
    block: BlockKind = setting("pre-norm", help="how a block is put together", search=("pre-norm", "compact"))
    feed: FeedKind = setting("gelu", help="the feed-forward network of a block", search=("gelu", "glu"))
    memory: Memory = setting("none", help="what a segment of the window reads of the segments before")
    segment: int | None = setting(None, help="tokens read at once with a memory; from the tokens when None", low=1)
    memory_length: int | None = setting(None, help="tokens that a memory holds; a segment's when None", low=1)
    compression: int = setting(2, help="older tokens that become one (memory='compressive')", low=1)
    tied: bool = setting(False, help="encoder and decoder share self-attention and feed-forward networks")

    pretrain: float = setting(
        0.0, help="share of the training that fills in hidden patches before it forecasts; encoder only", low=0, below=1
    )

    name: ClassVar[str] = "transformer"
    reads_variates: ClassVar[bool] = True

    def _causal(self) -> bool:
        return self.architecture == "causal"

    def _conflicts(self) -> Iterator[str]:
        yield from super()._conflicts()
        if self.hidden_size % self.heads:
            yield f"hidden_size={self.hidden_size} is not divisible by heads={self.heads}"
        if self.tokens == "variates":
            yield from self._without_order()
        if self.pretrain and self.architecture != "encoder":
            yield f"pretrain={self.pretrain!r} reads both sides of hidden patches, not with {self.architecture!r}"
        if self.pretrain and self.tokens == "variates":
            yield f"pretrain={self.pretrain!r} hides some tokens of a series, of which tokens='variates' leave but one"
        if self.positions not in ATTENTION[self.attention].accepts:
            yield f"attention={self.attention!r} keeps no scores that positions={self.positions!r} could act on"
        if self.architecture == "causal" and not ATTENTION[self.attention].masks:
            yield f"attention={self.attention!r} looks at all tokens before any reads: it needs architecture='encoder'"
        if self.kernel > 1 and self.attention != "log-sparse":
            yield f"kernel={self.kernel} belongs to attention='log-sparse', not to attention={self.attention!r}"
        if self.attention in SPANLESS:
            yield from idle(self, "span", needs="an attention to a part of the tokens")
        if self.memory != "none":
            yield from self._without_memory()
        else:
            yield from idle(self, "segment", "memory_length", needs="a memory")
        if self.memory != "compressive":
            yield from idle(self, "compression", needs="memory='compressive'")
        if self.block == "compact" and (self.attention != "full" or self.positions in ("relative", "alibi")):
            yield (
                f"block='compact' shapes full attention whose zero queries give a mean, not "
                f"attention={self.attention!r} with positions={self.positions!r}"
            )
        if self.architecture == "encoder-decoder" and self.block not in ("pre-norm", "post-norm"):
            yield f"block={self.block!r} has no cross-attention, which architecture='encoder-decoder' needs"
        if self.tied and (self.architecture != "encoder-decoder" or self.attention != "full"):
            yield (
                f"tied=True shares full attention between the halves of architecture='encoder-decoder', not "
                f"attention={self.attention!r} of architecture={self.architecture!r}"
            )

    def _without_memory(self) -> Iterator[str]:
        """What goes against segments that are read one after the other."""
        if self.architecture != "causal":
            yield f"memory={self.memory!r} reads segments in order, which architecture={self.architecture!r} does not"
        if self.attention != "full":
            yield f"memory={self.memory!r} says who reads whom, and so does attention={self.attention!r}"
        if self.block == "compact":
            yield f"memory={self.memory!r} holds what block='compact' takes its mean over"

    def _pretraining(self) -> float:
        return self.pretrain

    def _without_order(self) -> Iterator[str]:
        """What goes against tokens that are variates, which come in no order."""
        if self.architecture != "encoder":
            yield f"tokens='variates' have no order that architecture={self.architecture!r} could follow"
        if self.attention not in ORDERLESS:
            yield f"attention={self.attention!r} reads tokens by their places, and variates have none"
        if self.positions not in ("learned", "none"):
            yield f"positions={self.positions!r} say places, and variates have none: positions='none'"
        if self.channels == "independent":
            yield "channels='independent' keeps apart what tokens='variates' reads together"

    def _build(self, sizes: Sizes, output: Output) -> Network:
        config = self._stack(sizes)
        if self.tokens == "variates":
            return VariateTransformer(sizes, config, highway=self.highway)
        if self.architecture == "encoder-decoder":
            return EncoderDecoderTransformer(sizes, config, point=output.point, highway=self.highway, tied=self.tied)
        return ComposedNetwork(
            sizes,
            width=self.hidden_size,
            trunk=lambda _: AttentionStack(config),
            decoder=partial(DirectDecoder, highway=self.highway, dropout=self.resolved_.dropout),
        )

    def _stack(self, sizes: Sizes) -> StackConfig:
        return StackConfig(
            width=self.hidden_size,
            heads=self.heads,
            causal=self._causal(),
            places=places(sizes),
            layers=self.layers,
            positions=self.positions,
            attention=self.attention,
            span=self.span,
            kernel=self.kernel,
            block=self.block,
            feed=self.feed,
            memory=self.memory,
            segment=self.segment,
            memory_length=self.memory_length,
            compression=self.compression,
            dropout=self.resolved_.dropout,
        )
