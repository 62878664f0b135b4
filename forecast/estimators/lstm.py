"""Recurrent networks over tokens."""

from dataclasses import dataclass
from typing import ClassVar

from forecast.estimators.neural import MOST_LAYERS, NeuralForecaster
from forecast.estimators.settings import Range, setting
from forecast.layers.recurrent import Cell
from forecast.networks.base import Network, Sizes
from forecast.networks.recurrent.direct import RecurrentNetwork
from forecast.outputs import Output


@dataclass(kw_only=True, eq=False, repr=False)
class LSTMForecaster(NeuralForecaster):
    """LSTM, GRU or plain recurrent layers read the tokens; the state at the origin forecasts the horizon."""

    cell: Cell = setting("lstm", help="recurrent cell", search=("lstm", "gru"))
    layers: int = setting(1, help="recurrent layers", low=1, high=MOST_LAYERS, search=Range(low=1, high=3, step=1))

    name: ClassVar[str] = "lstm"

    def _build(self, sizes: Sizes, output: Output) -> Network:
        return RecurrentNetwork(
            sizes,
            cell=self.cell,
            width=self.hidden_size,
            layers=self.layers,
            highway=self.highway,
            dropout=self.resolved_.dropout,
        )
