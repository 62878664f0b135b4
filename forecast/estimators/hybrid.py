"""Recurrence and attention joined by a learned gate."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from forecast.estimators.neural import MOST_LAYERS, NeuralForecaster
from forecast.estimators.settings import Range, setting
from forecast.layers.positions import Positions
from forecast.layers.recurrent import Cell
from forecast.networks.base import Network, Sizes
from forecast.networks.hybrid.gated import HybridNetwork
from forecast.outputs import Output


@dataclass(kw_only=True, eq=False, repr=False)
class HybridForecaster(NeuralForecaster):
    """Recurrent layers for local order, causal attention over their states for reach, and a gate between the two."""

    cell: Cell = setting("lstm", help="recurrent cell", search=("lstm", "gru"))
    layers: int = setting(1, help="recurrent layers", low=1, high=MOST_LAYERS, search=Range(low=1, high=2, step=1))
    attention_layers: int = setting(
        1, help="attention blocks", low=1, high=MOST_LAYERS, search=Range(low=1, high=3, step=1)
    )
    heads: int = setting(4, help="attention heads; divides hidden_size", low=1, search=(2, 4, 8))
    positions: Positions = setting("learned", help="how tokens know their place", search=("learned", "rotary"))

    name: ClassVar[str] = "hybrid"

    def _conflicts(self) -> Iterator[str]:
        yield from super()._conflicts()
        if self.hidden_size % self.heads:
            yield f"hidden_size={self.hidden_size} is not divisible by heads={self.heads}"

    def _build(self, sizes: Sizes, output: Output) -> Network:
        return HybridNetwork(
            sizes,
            cell=self.cell,
            width=self.hidden_size,
            recurrent_layers=self.layers,
            attention_layers=self.attention_layers,
            heads=self.heads,
            positions=self.positions,
            highway=self.highway,
            dropout=self.resolved_.dropout,
        )
