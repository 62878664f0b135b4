"""Recurrent networks over tokens."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from forecast.errors import ConfigError
from forecast.estimators.neural import MOST_LAYERS, NeuralForecaster
from forecast.estimators.settings import Range, idle, setting
from forecast.layers.attention.alignment import AlignmentKind
from forecast.layers.cells.kinds import PROJECTING, CellKind
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.trunk import Trunk
from forecast.networks.base import Network, Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.base import Decoder
from forecast.networks.decoders.dense import DenseDecoder
from forecast.networks.decoders.direct import DirectDecoder
from forecast.networks.decoders.parallel import ParallelDecoder
from forecast.networks.decoders.recurrent import CELLS, RecurrentDecoder, RecurrentDecoding
from forecast.networks.recurrent.autoregressive import AutoregressiveNetwork
from forecast.outputs import Output

DecoderKind = Literal["direct", "dense", "parallel", "recurrent", "autoregressive"]
ONE_PASS: Mapping[str, Callable[..., Decoder]] = {
    "direct": DirectDecoder,
    "dense": DenseDecoder,
    "parallel": ParallelDecoder,
}
MOST_LAGS = 7  # seasons back that an autoregressive decoder reads by default


@dataclass(kw_only=True, eq=False, repr=False)
class LSTMForecaster(NeuralForecaster):
    """Recurrent layers read the tokens; the state at the origin forecasts the horizon."""

    cell: CellKind = setting("lstm", help="recurrent cell", search=("lstm", "gru"))
    layers: int = setting(1, help="recurrent layers", low=1, high=MOST_LAYERS, search=Range(low=1, high=2, step=1))
    residual: bool = setting(True, help="add each layer to its input")
    bidirectional: bool = setting(False, help="read the tokens in both directions; then not causal")
    decoder: DecoderKind = setting(
        "direct", help="how the state at the origin becomes the horizon", search=("direct", "parallel")
    )
    decoder_attention: Literal[AlignmentKind, "none"] = setting(
        "none", help="how a recurrent decoder scores the states that it reads at each of its steps"
    )
    teacher_forcing: float = setting(
        1.0, help="share of blocks that a recurrent decoder reads from the answer as training begins", low=0, high=1
    )
    free_from: float = setting(
        0.5, help="share of training from which a recurrent decoder reads its own forecasts only", low=0, high=1
    )
    lags: tuple[int, ...] | None = setting(
        None, help="steps back that an autoregressive decoder reads beside the last; whole seasons when None", low=1
    )
    paths: int = setting(100, help="sampled paths whose levels an autoregressive decoder forecasts", low=2)

    name: ClassVar[str] = "lstm"

    def _causal(self) -> bool:
        return not self.bidirectional

    def _conflicts(self) -> Iterator[str]:
        yield from super()._conflicts()
        if self.decoder_attention != "none" and self.decoder != "recurrent":
            yield f"decoder_attention='{self.decoder_attention}' needs decoder='recurrent', which goes step by step"
        if self.decoder != "recurrent":
            yield from idle(self, "teacher_forcing", "free_from", needs="decoder='recurrent'")
        if self.decoder != "autoregressive":
            yield from idle(self, "lags", "paths", needs="decoder='autoregressive'")
        else:
            if self.distribution is None and not {*(self.levels or ())} - {0.5}:
                yield "decoder='autoregressive' draws step after step, for which it needs a distribution or levels"
            if self.bidirectional:
                yield "decoder='autoregressive' goes on from a carried state, which bidirectional=True has not"

    def _paths(self) -> int:
        return self.paths if self.decoder == "autoregressive" else 0

    def _build(self, sizes: Sizes, output: Output) -> Network:
        # Single steps go straight into the cell: a projection before it would double the cost of the dearest trunk.
        width = None if sizes.patch == 1 and self.cell in PROJECTING else self.hidden_size
        if self.decoder == "autoregressive":
            width = None if self.cell in PROJECTING else self.hidden_size
            return AutoregressiveNetwork(
                sizes,
                output=output,
                trunk=self._trunk,
                lags=self._lags(sizes),
                season=self.season_,
                width=width,
                highway=self.highway,
            )
        return ComposedNetwork(
            sizes,
            width=width,
            trunk=self._trunk,
            decoder=partial(self._decoder(output), highway=self.highway, dropout=self.resolved_.dropout),
        )

    def _lags(self, sizes: Sizes) -> tuple[int, ...]:
        """Those that an autoregressive decoder reads: by default as many seasons as the lookback holds."""
        if self.lags is not None:
            if max(self.lags, default=1) > sizes.lookback:
                raise ConfigError(
                    f"lags={self.lags!r} reach further back than the {sizes.lookback} steps that a window sees",
                    "Set a longer lookback, or shorter lags.",
                )
            return tuple(self.lags)
        return (2,) if self.season_ == 1 else tuple(range(self.season_, sizes.lookback + 1, self.season_))[:MOST_LAGS]

    def _decoder(self, output: Output) -> Callable[..., Decoder]:
        if self.decoder != "recurrent":
            return ONE_PASS[self.decoder]
        decoding = RecurrentDecoding(
            cell=self.cell if self.cell in CELLS else "gru",
            attention=None if self.decoder_attention == "none" else self.decoder_attention,
            point=output.point,
            forcing=self.teacher_forcing,
            free_from=self.free_from,
        )
        return partial(RecurrentDecoder, decoding=decoding)

    def _trunk(self, inputs: int) -> Trunk:
        return RecurrentStack(
            RecurrentConfig(
                cell=self.cell,
                inputs=inputs,
                width=self.hidden_size,
                layers=self.layers,
                dropout=self.resolved_.dropout,
                residual=self.residual,
                bidirectional=self.bidirectional,
            )
        )
