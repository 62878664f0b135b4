"""Recurrence and attention joined in one network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from forecast.estimators.neural import MOST_LAYERS, NeuralForecaster
from forecast.estimators.settings import Range, idle, setting
from forecast.layers.attention.kinds import ATTENTION, SPANLESS
from forecast.layers.cells.kinds import CellKind
from forecast.layers.recurrent import RecurrentConfig
from forecast.layers.stack_config import AttentionKind, Positions, StackConfig
from forecast.layers.trunk import Trunk
from forecast.networks.base import Network, Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.direct import DirectDecoder
from forecast.networks.hybrid.joins import JOINS, Join
from forecast.networks.hybrid.memory import MemoryJoin
from forecast.networks.hybrid.temporal_fusion import TemporalFusion
from forecast.networks.tokens import places
from forecast.outputs import Output

OWN_ATTENTION: Mapping[Join, frozenset[Positions]] = {  # joins with an attention of their own, and its positions
    "memory": MemoryJoin.accepts,
    "temporal-fusion": TemporalFusion.accepts,
}


@dataclass(kw_only=True, eq=False, repr=False)
class HybridForecaster(NeuralForecaster):
    """Recurrent layers for local order and attention for reach; see ``join`` for how the two meet."""

    join: Join = setting("gated", help="how recurrence and attention are joined")
    cell: CellKind = setting("lstm", help="recurrent cell", search=("lstm", "gru"))
    layers: int = setting(1, help="recurrent layers", low=1, high=MOST_LAYERS, search=Range(low=1, high=2, step=1))
    attention_layers: int = setting(
        1, help="attention blocks", low=1, high=MOST_LAYERS, search=Range(low=1, high=2, step=1)
    )
    heads: int = setting(4, help="attention heads; divides hidden_size", low=1, search=(2, 4, 8))
    positions: Positions = setting("learned", help="how tokens know their place", search=("learned", "rotary"))
    attention: AttentionKind = setting("full", help="who reads whom, and at what cost")
    span: int | None = setting(
        None, help="tokens in reach (local, strided), in a bucket (lsh) or group; from the tokens when None", low=1
    )

    name: ClassVar[str] = "hybrid"

    def _causal(self) -> bool:
        return self.join in JOINS

    def _conflicts(self) -> Iterator[str]:
        yield from super()._conflicts()
        if self.hidden_size % self.heads:
            yield f"hidden_size={self.hidden_size} is not divisible by heads={self.heads}"
        attention = ATTENTION[self.attention]
        if self.join in OWN_ATTENTION and self.attention != "full":
            yield f"join={self.join!r} has an attention of its own, not attention={self.attention!r}"
        elif not attention.masks:
            yield f"attention={self.attention!r} chooses from all tokens which are read; hybrids have to be causal"
        if self.attention in SPANLESS:
            yield from idle(self, "span", needs="an attention to a part of the tokens")
        accepts = OWN_ATTENTION.get(self.join, attention.accepts)
        if self.positions not in accepts:
            whose = f"join={self.join!r}" if self.join in OWN_ATTENTION else f"attention={self.attention!r}"
            yield f"positions={self.positions!r} do not go with {whose}, but {', '.join(sorted(accepts))} do"
        if self.join == "memory" and self.attention_layers != 1:
            yield f"join='memory' reads its tape once, not in attention_layers={self.attention_layers}"
        if self.join == "temporal-fusion" and self.cell != "lstm":
            yield f"join='temporal-fusion' starts its LSTMs from static covariates; cell={self.cell!r} cannot stand in"

    def _build(self, sizes: Sizes, output: Output) -> Network:
        if self.join == "temporal-fusion":
            recurrent, attention = self._halves(sizes, self.hidden_size)
            return TemporalFusion(sizes, recurrent, attention, highway=self.highway)
        return ComposedNetwork(
            sizes,
            width=self.hidden_size,
            trunk=partial(self._trunk, sizes),
            decoder=partial(DirectDecoder, highway=self.highway, dropout=self.resolved_.dropout),
        )

    def _trunk(self, sizes: Sizes, inputs: int) -> Trunk:
        return JOINS[self.join](*self._halves(sizes, inputs))

    def _halves(self, sizes: Sizes, inputs: int) -> tuple[RecurrentConfig, StackConfig]:
        width, dropout = self.hidden_size, self.resolved_.dropout
        recurrent = RecurrentConfig(cell=self.cell, inputs=inputs, width=width, layers=self.layers, dropout=dropout)
        attention = StackConfig(
            width=width,
            heads=self.heads,
            causal=True,
            places=places(sizes),
            layers=self.attention_layers,
            positions=self.positions,
            attention=self.attention,
            span=self.span,
            dropout=dropout,
        )
        return recurrent, attention

    def _renamed(self, weight: str) -> str:
        gated = self.join == "gated"  # the one join there was before joins were trunks
        older = gated and weight.startswith(("recurrent.", "attention.", "gate."))
        return f"trunk.{weight}" if older else weight
