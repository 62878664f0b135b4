"""A mechanism of one's own in one file: a trunk of moving averages, beside everything that the toolkit brings.

A trunk turns tokens into states; tokens, decoder, levels, forked training, covariates, saving and backtests come from
the toolkit.  From a package, the entry point group ``seqcast.forecasters`` puts the class into `forecast models`, the
command line and saved models; here it is simply used.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast import create, load_dataset
from forecast.estimators.neural import NeuralForecaster
from forecast.estimators.settings import Range, setting
from forecast.layers.trunk import Carried, Trunk
from forecast.networks.base import Network, Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.direct import DirectDecoder
from forecast.outputs import Output


class MovingAverages(Trunk):
    """Each feature is an exponential average of its own rate: (B, N, D) → (B, N, D).

    s[n] = a·s[n − 1] + (1 − a)·x[n] with a = sigmoid(rate): exponential smoothing (Brown 1956) with learned rates.
    """

    causal = True  # a state depends on no later token, so that one pass may forecast from many origins
    carries = True  # and it goes on token after token: streams work
    kept = 1

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.rate = nn.Parameter(torch.linspace(-2.0, 4.0, width))
        self.mix = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.begin(x, 0)[0]

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, Carried]:
        states, state = [], torch.zeros_like(x[:, 0])
        for token in x.unbind(1):
            state = self._next(state, token)
            states.append(state)
        return x + self.mix(torch.stack(states, 1)), [state]

    def step(self, x: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        state = self._next(carried[0], x[:, 0])
        return x + self.mix(state[:, None]), [state]

    def _next(self, state: Tensor, token: Tensor) -> Tensor:
        return torch.lerp(token, state, self.rate.sigmoid())


@dataclass(kw_only=True, eq=False, repr=False)
class AveragesForecaster(NeuralForecaster):
    """Moving averages read the tokens; the state at the origin forecasts the horizon."""

    layers: int = setting(2, help="layers of averages", low=1, search=Range(low=1, high=4, step=1))

    name: ClassVar[str] = "averages"

    def _build(self, sizes: Sizes, output: Output) -> Network:
        return ComposedNetwork(
            sizes,
            width=self.hidden_size,
            trunk=lambda inputs: Layers([MovingAverages(inputs) for _ in range(self.layers)]),
            decoder=partial(DirectDecoder, highway=self.highway, dropout=self.resolved_.dropout),
        )


class Layers(Trunk):
    """Trunks one after the other."""

    def __init__(self, trunks: list[MovingAverages]) -> None:
        super().__init__()
        self.trunks = nn.ModuleList(trunks)
        self.width, self.carries, self.kept = trunks[-1].width, True, len(trunks)

    def forward(self, x: Tensor) -> Tensor:
        for trunk in self.trunks:
            x = trunk(x)
        return x

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, Carried]:
        carried: Carried = []
        for trunk in self.trunks:
            assert isinstance(trunk, MovingAverages)
            x, state = trunk.begin(x, room)
            carried += state
        return x, carried

    def step(self, x: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        after: Carried = []
        for trunk, state in zip(self.trunks, carried, strict=True):
            assert isinstance(trunk, MovingAverages)
            x, new = trunk.step(x, [state], place)
            after += new
        return x, after


def main() -> None:
    frame = load_dataset("co2")
    own = AveragesForecaster(horizon=26, max_steps=300)
    for forecaster in (own, create("lstm", horizon=26, max_steps=300), create("seasonal-naive", horizon=26)):
        mase = forecaster.backtest(frame, folds=4).metrics()["mase"]
        print(f"{type(forecaster).__name__:26s} MASE {mase:.2f}")
    own.fit(frame)
    stream = own.stream(frame[:-8])  # the state goes on from row to row
    for value in frame["co2"].iloc[-8:]:
        answer = stream.update(value)
    print(answer.head(3))


if __name__ == "__main__":
    main()
