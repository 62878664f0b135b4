"""The rows of a tape as a network takes them, under the statistics of each series' anchor.

Dimension key: S series, G some of them, N rows, L lookback, H horizon, C channels, K covariates.
"""

from dataclasses import fields, replace

import numpy as np
import torch
from torch import Tensor

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.windows import Window, Windows
from forecast.estimators.neural import NeuralForecaster
from forecast.streaming.tape import Tape, cells

PAST = ("target", "observed", "past", "past_codes")
AHEAD = ("future", "future_codes")


class Segments:
    """Columns of a ``Tape`` as tensors: the first 2·L of what is past, 2·L + H of what is known ahead.

    Location and scale are those of the lookback before the anchor, as ``predict`` would take them there.  Times do not
    depend on the rows, so that the calendar is made once per anchor, up to the next one and its horizon.
    """

    def __init__(self, forecaster: NeuralForecaster, tape: Tape) -> None:
        self.forecaster = forecaster
        self.device = next(forecaster.network_.parameters()).device
        self.numbers = np.array([forecaster.series_.get(name, 0) for name in tape.ids.tolist()], np.int64)
        shape = (len(tape), tape.columns["target"].shape[2])
        self.series_location, self.series_scale = np.zeros(shape), np.ones(shape)
        self.location, self.scale = np.zeros(shape, np.float32), np.ones(shape, np.float32)
        self.window: Window | None = None
        self.freeze(tape, np.arange(len(tape)))

    def freeze(self, tape: Tape, chosen: Ints) -> None:
        """Take location and scale of some series anew, at their anchors, and all that is known before these."""
        lookback = tape.lookback
        panel = tape.panel(chosen, ends=np.full(len(tape), lookback))
        windows = Windows(
            panel,
            covariates=self.forecaster.covariates_,
            lookback=lookback,
            horizon=lookback + tape.horizon,
            numbers=self.numbers[chosen],
            scale=self._scale(tape, chosen),
            location=self.forecaster._location(),
            unit=self.forecaster.scale,
            device=self.device,
        )
        window = windows.gather(torch.arange(len(chosen)), torch.from_numpy(panel.ends))
        self.series_location[chosen], self.series_scale[chosen] = windows.targets.location, windows.targets.scale
        self.location[chosen] = window.location[:, 0].cpu().numpy()
        self.scale[chosen] = window.scale[:, 0].cpu().numpy()
        longer = {name: torch.nn.functional.pad(getattr(window, name), (0, 0, 0, lookback)) for name in PAST}
        window = replace(window, **longer)
        if self.window is None:
            self.window = window
            return
        for field in fields(window):
            if (values := getattr(window, field.name)) is not None:
                getattr(self.window, field.name)[torch.from_numpy(chosen)] = values

    def _scale(self, tape: Tape, chosen: Ints) -> Floats:
        """(G, C) the deviation of each series, as ``predict`` would take it from all that the stream has seen."""
        ends = (tape.base + tape.lookback)[chosen]
        running = tape.statistics.scale()[chosen]
        trained = self.forecaster._trained_scale(tape.started[chosen], ends, self.numbers[chosen])
        return running if trained is None else np.where(np.isnan(trained), running, trained)

    def extend(self, tape: Tape, chosen: Ints, since: Ints) -> None:
        """Take in the columns of some series from ``since`` (G,) steps after their anchors on."""
        assert self.window is not None
        first = tape.lookback + since
        found = cells(chosen, first, (tape.lookback + tape.age)[chosen])
        if len(found[0]):
            self._write("target", found, self._standardised(tape, found))
            self._write("observed", found, ~np.isnan(tape.columns["target"][found]))
            if tape.schema.past:
                self._write("past", found, self.forecaster.covariates_.past.apply(tape.columns["past"][found]))
            self._write("past_codes", found, tape.columns["past_codes"][found])
        if tape.schema.future or tape.schema.future_codes:
            found = cells(chosen, first, np.minimum(tape.length[chosen], self.window.future.shape[1]))
            self._write("future", found, self.forecaster.covariates_.future.apply(tape.columns["future"][found]))
            self._write("future_codes", found, tape.columns["future_codes"][found])

    def _standardised(self, tape: Tape, places: tuple[Ints, Ints]) -> np.ndarray:
        """(N, C) targets on the frozen scale, by the steps that ``Windows`` takes: to float32 in between."""
        owner = places[0]
        values = (tape.columns["target"][places] - self.series_location[owner]) / self.series_scale[owner]
        shown: np.ndarray = (values.astype(np.float32) - self.location[owner]) / self.scale[owner]
        return np.where(np.isnan(shown), np.float32(0), shown)

    def _write(self, name: str, places: tuple[Ints, Ints], values: np.ndarray) -> None:
        """Put values (N, K) into the first K columns of one of the window's tensors."""
        if values.shape[1]:
            owner, column = (torch.from_numpy(place) for place in places)
            getattr(self.window, name)[..., : values.shape[1]][owner, column] = torch.from_numpy(values).to(self.device)

    def cut(self, chosen: Ints, first: int, steps: int, *, began: int) -> Window:
        """The window of some series with ``steps`` columns from ``first`` on, and the horizon after them.

        began: the first column of the segment that it belongs to, where what is usual of it is taken from.
        """
        assert self.window is not None
        whole = self.window if len(chosen) == len(self.numbers) else _rows(self.window, torch.from_numpy(chosen))
        sizes = self.forecaster.network_.sizes
        last = first + steps
        usual = whole.usual
        if usual.shape[2]:
            usual = whole.future[:, began : began + sizes.lookback, : usual.shape[2]].mean(1, keepdim=True)
        parts = {name: getattr(whole, name)[:, first:last] for name in PAST}
        parts |= {name: getattr(whole, name)[:, first : last + sizes.horizon] for name in AHEAD}
        return replace(whole, usual=usual, **parts)

    def restore(self, values: Tensor, chosen: Ints) -> Floats:
        """Forecasts (G, H, C, Q) of some series on the frozen scale in the tape's units, float64."""
        on_window = values.cpu().numpy() * self.scale[chosen][:, None, :, None]
        on_window += self.location[chosen][:, None, :, None]
        units: Floats = on_window * self.series_scale[chosen][:, None, :, None]
        return units + self.series_location[chosen][:, None, :, None]


def _rows(window: Window, chosen: Tensor) -> Window:
    parts = {field.name: getattr(window, field.name) for field in fields(window)}
    return replace(window, **{name: part[chosen] for name, part in parts.items() if part is not None})
