"""What was recorded of a network as tidy frames.

Dimension key: S series, C targets read apart, A heads, N queries, M keys, T tokens, V variables.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.output import CHANNEL, SERIES
from forecast.explanations.places import Origins, steps_ahead, steps_of_window, tokens_of
from forecast.networks.base import Sizes

ATTENTION = (SERIES, "layer", "head", "query", "key", "query_time", "key_time", "weight")
GATES = (SERIES, "layer", "step", "time", "half", "share")
VARIABLES = (SERIES, "layer", "step", "time", "variable", "weight")


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """Makes the rows of one module's weights (S·C, …).

    targets: names of the C targets, more than one where each is read as a series of its own.
    """

    sizes: Sizes
    origins: Origins
    targets: tuple[str, ...]

    def attention(self, layer: str, weights: Floats, *, across: bool, variates: list[str] | None) -> pd.DataFrame:
        """Of (S·C, A, N, M).  across: queries are the blocks of the horizon, keys the tokens of the lookback."""
        _, heads, queries, keys = weights.shape
        columns: dict[str, Any] = {"layer": layer, "head": self._spread(np.arange(heads), 1, weights)}
        if variates is not None:
            names = np.array(variates, dtype=object)
            columns |= {"query": self._spread(names[-queries:], 2, weights), "key": self._spread(names, 3, weights)}
        else:
            read = steps_of_window(self.sizes, keys)
            asked = steps_ahead(self.sizes, queries) if across else read[-queries:]
            for axis, (name, steps) in enumerate({"query": asked, "key": read}.items(), 2):
                columns[name] = self._spread(steps, axis, weights)
            for axis, (name, steps) in enumerate({"query_time": asked, "key_time": read}.items(), 2):
                columns[name] = self._times(steps, axis, weights)
        return self._frame(columns, "weight", weights)

    def gate(self, layer: str, shares: Floats, *, half: str) -> pd.DataFrame:
        """Of (S·C, T)."""
        steps = steps_of_window(self.sizes, shares.shape[1])
        columns = {
            "layer": layer,
            "step": self._spread(steps, 1, shares),
            "time": self._times(steps, 1, shares),
            "half": half,
        }
        return self._frame(columns, "share", shares)

    def variables(self, layer: str, weights: Floats, *, over: str, names: Iterable[str]) -> pd.DataFrame:
        """Of (S·C, T, V), or of (S·C, V), which is placed at the origin."""
        if weights.ndim == 2:
            weights = weights[:, None]
        before = tokens_of(self.sizes)
        count = weights.shape[1]
        steps = steps_of_window(self.sizes, before + count)[before:] if over == "ahead" else np.zeros(1, np.int64)
        if over == "window":
            steps = steps_of_window(self.sizes, count)
        columns = {
            "layer": layer,
            "step": self._spread(steps, 1, weights),
            "time": self._times(steps, 1, weights),
            "variable": self._spread(np.array(list(names), dtype=object), 2, weights),
        }
        return self._frame(columns, "weight", weights)

    def _frame(self, columns: dict[str, Any], value: str, weights: Floats) -> pd.DataFrame:
        each = weights[0].size
        series: dict[str, Any] = {SERIES: self.origins.panel.ids.repeat(each * len(self.targets))}
        if len(self.targets) > 1:
            names = np.array(self.targets, dtype=object)
            series[CHANNEL] = np.tile(names.repeat(each), len(self.origins.panel))
        return pd.DataFrame({**series, **columns, value: weights.ravel()})

    def _spread(self, values: np.ndarray, axis: int, weights: Floats) -> np.ndarray:
        """Values along one axis of the weights for every weight, flat."""
        shape = [1] * weights.ndim
        shape[axis] = len(values)
        return np.broadcast_to(values.reshape(shape), weights.shape).ravel()

    def _times(self, steps: Ints, axis: int, weights: Floats) -> pd.Index:
        """The times of steps along one axis for every weight, flat; they differ from series to series."""
        shape = [1] * weights.ndim
        shape[0], shape[axis] = len(weights), len(steps)
        row = np.arange(len(self.origins.panel)).repeat(len(self.targets))
        place = (row[:, None] * len(steps) + np.arange(len(steps))).reshape(shape)
        return self.origins.times(steps).take(np.broadcast_to(place, weights.shape).ravel())


def joined(frames: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """One frame of all, without rows but with these columns where there are none."""
    if frames:
        return pd.concat(frames, ignore_index=True)
    return pd.DataFrame(columns=list(columns)).astype({columns[-1]: np.float64})
