"""Recurrent networks over tokens."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from forecast.estimators.neural import MOST_LAYERS, NeuralForecaster
from forecast.estimators.settings import Range, setting
from forecast.layers.cells.kinds import CellKind
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.trunk import Trunk
from forecast.networks.base import Network, Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.direct import DirectDecoder
from forecast.networks.decoders.parallel import ParallelDecoder
from forecast.outputs import Output

DecoderKind = Literal["direct", "parallel"]
DECODERS = {"direct": DirectDecoder, "parallel": ParallelDecoder}


@dataclass(kw_only=True, eq=False, repr=False)
class LSTMForecaster(NeuralForecaster):
    """Recurrent layers read the tokens; the state at the origin forecasts the horizon."""

    cell: CellKind = setting("lstm", help="recurrent cell", search=("lstm", "gru"))
    layers: int = setting(1, help="recurrent layers", low=1, high=MOST_LAYERS, search=Range(low=1, high=3, step=1))
    decoder: DecoderKind = setting(
        "direct", help="how the state at the origin becomes the horizon", search=("direct", "parallel")
    )

    name: ClassVar[str] = "lstm"

    def _build(self, sizes: Sizes, output: Output) -> Network:
        # Single steps go straight into the cell: a projection before it would double the cost of the dearest trunk.
        width = None if sizes.patch == 1 else self.hidden_size
        return ComposedNetwork(
            sizes,
            width=width,
            trunk=self._trunk,
            decoder=partial(DECODERS[self.decoder], highway=self.highway, dropout=self.resolved_.dropout),
        )

    def _trunk(self, inputs: int) -> Trunk:
        return RecurrentStack(
            RecurrentConfig(
                cell=self.cell,
                inputs=inputs,
                width=self.hidden_size,
                layers=self.layers,
                dropout=self.resolved_.dropout,
            )
        )
