"""Forecasts from row after row, each at the cost of that row.

Dimension key: S series, G some of them, H horizon, C channels, Q outputs per step, V levels.
"""

from collections.abc import Iterable
from copy import copy, deepcopy
from typing import Any

import numpy as np
import pandas as pd
import torch

from forecast.datasets.arrays import Ints
from forecast.datasets.output import to_frame
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError
from forecast.estimators.base import check_levels
from forecast.estimators.neural import NeuralForecaster
from forecast.streaming.phases import Phases
from forecast.streaming.reading import read_rows
from forecast.streaming.segments import Segments
from forecast.streaming.tape import Tape
from forecast.training.device import borrowed


class Stream:
    """A fitted causal forecaster that goes on from where it is: an update costs the same however long the history is.

    Location and scale are frozen at an anchor: first at the end of the history, then every ``lookback`` steps, earlier
    where they would not do for as long (``forecast.estimators.anchored`` says when).  At an anchor the forecast is that
    of ``predict`` from all rows so far.  Between anchors it is that of one pass over the lookback before the anchor and
    the rows since, under the frozen statistics; with patches, of one pass from the lookback before the first origin of
    the same phase (steps after the anchor modulo the patch).  Fitting the forecaster again does not change the stream.

    Of each series it holds 2·L + H rows and, for each layer and phase, the state of a recurrent cell, or the keys and
    values of 2·L steps' tokens: 4·L·D numbers a layer of attention, however long the history is.
    """

    def __init__(self, forecaster: NeuralForecaster, panel: Panel) -> None:
        require_stream(forecaster, panel)
        self._forecaster = copy(forecaster)
        self._forecaster.network_ = deepcopy(forecaster.network_).eval()
        network = self._forecaster.network_
        applied = forecaster.transform_.apply(panel)
        with borrowed(forecaster.threads), torch.inference_mode():
            self._tape = Tape(applied, lookback=network.sizes.lookback, horizon=network.sizes.horizon)
            self._segments = Segments(self._forecaster, self._tape)
        self._phases = Phases(network, len(panel))
        shape = (len(panel), network.sizes.horizon, network.sizes.channels, network.sizes.outputs)
        self._raw = torch.zeros(shape, device=self._segments.device)
        self._stale = np.ones(len(panel), bool)

    @property
    def ids(self) -> pd.Index:
        """The series in the order of the stream."""
        return self._tape.ids

    @property
    def age(self) -> Ints:
        """(S,) steps of each series since its anchor."""
        return self._tape.age.copy()

    def update(self, rows: Any = None, *, levels: Iterable[float] | None = None, future_data: Any = None) -> Any:
        """Take new rows in, and forecast the series that they continue, in the shape of ``predict``.

        rows: a frame with the columns of training and any number of rows of any of the series (skipped steps are
        unobserved, rows without a target after the last one tell what is known ahead); or the next step as plain
        numbers: a value or an array (n, S·C) of targets, or a mapping of column names to values (a row of a frame).
        future_data: covariates known ahead, as in ``predict``.
        Raises ``DataError`` for rows that do not continue the stream, which then is what it was before.
        """
        wanted = self._levels(levels)
        tape = self._tape if future_data is None else self._tape.with_ahead(future_data)
        if rows is None:
            if future_data is None:
                raise ConfigError("there are no new rows", "Give rows or future_data, or call forecast().")
            chosen = np.arange(len(tape))
            tape.require_ahead(chosen, tape.lookback + tape.age, tape.length)
            self._take_in(tape, chosen, tape.age)
            return self._answer(chosen, wanted)
        new = read_rows(tape, self._forecaster, rows)
        self._forecaster.output_.require(new.panel.target)
        ends = tape.lookback + tape.age[new.series] + new.gap + new.panel.ends
        last = np.maximum(tape.length[new.series], ends - new.panel.ends + new.panel.lengths)
        tape.require_ahead(new.series, ends, last)
        since = tape.age[new.series].copy()
        if future_data is not None:
            self._take_in(tape, np.arange(len(tape)), tape.age)
        anchored = tape.add(new.series, new.panel, new.gap)
        with borrowed(self._forecaster.threads), torch.inference_mode():
            if anchored.any():
                self._segments.freeze(tape, new.series[anchored])
                self._phases.forget(new.series[anchored])
        self._take_in(tape, new.series, np.where(anchored, 0, since))
        return self._answer(new.series, wanted)

    def forecast(self, levels: Iterable[float] | None = None) -> Any:
        """Forecasts of all series from where they are, in the shape of ``predict``."""
        wanted = self._levels(levels)
        chosen = np.arange(len(self._tape))
        tape = self._tape
        tape.require_ahead(chosen, tape.lookback + tape.age, tape.length)
        return self._answer(chosen, wanted)

    # ------------------------------------------------------------------ inside

    def _levels(self, levels: Iterable[float] | None) -> tuple[float, ...] | None:
        """Levels as ``predict`` takes them, refused before anything is changed."""
        if levels is None:
            return None
        wanted = check_levels(levels)
        self._forecaster.output_.values(torch.zeros(1, self._raw.shape[-1]), wanted)
        return wanted

    def _take_in(self, tape: Tape, chosen: Ints, since: Ints) -> None:
        """Make the tape the stream's own, and show the network what it holds of some series from ``since`` on."""
        with torch.inference_mode():
            self._tape = tape
            self._segments.extend(tape, chosen, since)
            self._stale[chosen] = True

    def _answer(self, chosen: Ints, levels: tuple[float, ...] | None) -> Any:
        """Forecasts of some series, in the shape of the input."""
        with borrowed(self._forecaster._threads_for(len(chosen))), torch.inference_mode():
            stale = chosen[self._stale[chosen]]
            for age in np.unique(self._tape.age[stale]).tolist():
                now = stale[self._tape.age[stale] == age]
                self._raw[torch.from_numpy(now)] = self._phases.forecast(self._segments, now, age)
            self._stale[stale] = False
            scale = torch.from_numpy(self._segments.scale[chosen])[:, None].to(self._raw.device)
            values = self._forecaster.output_.values(self._raw[torch.from_numpy(chosen)], levels or (), scale)
            units = self._segments.restore(values, chosen)
        heads = self._tape.heads(chosen)
        units = self._forecaster.transform_.invert(units, heads, np.arange(len(chosen)))
        return to_frame(heads, units, levels, horizon=units.shape[1])


def require_stream(forecaster: NeuralForecaster, panel: Panel) -> None:
    """``ConfigError`` where a forecaster cannot go on from a carried state."""
    if not forecaster.network_.carries:
        causal = forecaster.network_.causal
        why = "forecasts from no state that could be" if causal else "reads in both directions, so that no state can be"
        raise ConfigError(
            f"the network of this {type(forecaster).__name__} {why} carried from one step to the next",
            "Call predict, or fit a causal network with a direct decoder, such as lstm, hybrid or transformer.",
        )
    if panel.timeline.rows is not None:
        raise ConfigError(
            "freq='rows' tells no times ahead, by which a stream numbers its steps",
            "Name a frequency such as h or B, or call predict with the last lookback of rows.",
        )
    forecaster.output_.require(panel.target)
