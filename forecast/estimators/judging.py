"""The error of held-out windows in the data's units, comparable between networks whatever they are trained on.

Dimension key: S series, W windows, N rows, H horizon, C channels.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from forecast.datasets.arrays import Ints
from forecast.datasets.panel import Panel
from forecast.datasets.windows import Window, Windows
from forecast.estimators.forecasting import points_and_levels
from forecast.estimators.holdout import HeldOut, gather_windows, only, rows_before

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster

MOST = 512  # windows that are judged


class Told(dict[str, float]):
    """What a report says; ``told["mase"]`` is worked out when it is asked for, as most listeners do not."""

    def __init__(self, losses: dict[str, float], mase: Callable[[], float]) -> None:
        super().__init__(losses)
        self._mase = mase

    def __missing__(self, key: str) -> float:
        if key != "mase":
            raise KeyError(key)
        self[key] = self._mase()
        return self[key]


class HeldOutError:
    """MASE of the held-out windows under the network as it is when called, scaled as in ``backtest``."""

    def __init__(self, forecaster: "NeuralForecaster", held_out: HeldOut, device: torch.device) -> None:
        self.forecaster, self.device = forecaster, device
        panel, series, ends = held_out
        keep = np.linspace(0, len(series) - 1, min(MOST, len(series))).astype(np.int64)
        self.ends: Ints = ends[keep]
        self.panel, self.series = only(panel, series[keep])

    def __call__(self) -> float:
        from forecast.evaluation.metrics import mase_of_windows

        forecaster, network = self.forecaster, self.forecaster.network_
        windows, batches = self._gathered
        training = network.training
        network.eval()
        with torch.inference_mode():
            parts, done = [], 0
            for window in batches:
                series = self.series[done : done + len(window.target)]
                parts.append(windows.restore(points_and_levels(forecaster, window, ()), window, series))
                done += len(series)
        network.train(training)
        points = forecaster.transform_.invert(np.concatenate(parts), self.panel, self.series)[..., 0]
        return mase_of_windows(self._original, self.series, self.ends, points, season=forecaster.season_)

    @cached_property
    def _gathered(self) -> tuple[Windows, list[Window]]:
        before = rows_before(self.panel, self.series, self.ends, unit=self.forecaster.scale)
        windows = self.forecaster._windows(self.panel, self.device, before, min_context=1, rounded=True)
        return windows, gather_windows(windows, self.series, self.ends, size=self.forecaster._windows_per_pass())

    @cached_property
    def _original(self) -> Panel:
        """The panel in the user's units, which the network never saw where the target was transformed."""
        transform = replace(self.forecaster.transform_, lower=None, upper=None)  # bounds are for forecasts
        owner = np.repeat(np.arange(len(self.panel)), self.panel.lengths)
        if transform.kind == "none":
            return self.panel
        rows = transform.invert(self.panel.target[:, None, :, None], self.panel, owner)
        return self.panel.with_target(rows[:, 0, :, 0])
