"""Attention over tokens: decoder-only, encoder-only, or both halves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from forecast.estimators.neural import MOST_LAYERS, NeuralForecaster
from forecast.estimators.settings import Range, setting
from forecast.layers.positions import Positions
from forecast.networks.base import Network, Sizes
from forecast.networks.transformer.direct import CausalTransformer, EncoderTransformer
from forecast.networks.transformer.encoder_decoder import EncoderDecoderTransformer
from forecast.outputs import Output


@dataclass(kw_only=True, eq=False, repr=False)
class TransformerForecaster(NeuralForecaster):
    """Self-attention reads the tokens; see ``architecture`` for who may read whom."""

    architecture: Literal["causal", "encoder", "encoder-decoder"] = setting(
        "causal", help="causal: decoder-only; encoder: both directions; encoder-decoder: as in Vaswani et al. (2017)"
    )
    layers: int = setting(
        2, help="attention blocks (of each half)", low=1, high=MOST_LAYERS, search=Range(low=1, high=4, step=1)
    )
    heads: int = setting(4, help="attention heads; divides hidden_size", low=1, search=(2, 4, 8))
    positions: Positions = setting("learned", help="how tokens know their place", search=("learned", "rotary"))

    name: ClassVar[str] = "transformer"

    def _causal(self) -> bool:
        return self.architecture == "causal"

    def _conflicts(self) -> Iterator[str]:
        yield from super()._conflicts()
        if self.hidden_size % self.heads:
            yield f"hidden_size={self.hidden_size} is not divisible by heads={self.heads}"

    def _build(self, sizes: Sizes, output: Output) -> Network:
        if self.architecture == "encoder-decoder":
            return EncoderDecoderTransformer(
                sizes,
                width=self.hidden_size,
                layers=self.layers,
                heads=self.heads,
                positions=self.positions,
                point=output.point,
                highway=self.highway,
                dropout=self.resolved_.dropout,
            )
        network = CausalTransformer if self.architecture == "causal" else EncoderTransformer
        return network(
            sizes,
            width=self.hidden_size,
            layers=self.layers,
            heads=self.heads,
            positions=self.positions,
            highway=self.highway,
            dropout=self.resolved_.dropout,
        )
