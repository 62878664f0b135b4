"""Which steps in time the tokens of a network stand for.

Dimension key: N tokens of the lookback, M tokens ahead.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Ints
from forecast.datasets.panel import Panel
from forecast.networks.base import Sizes


def tokens_of(sizes: Sizes) -> int:
    """N: the tokens of a lookback."""
    return -(-sizes.lookback // sizes.patch)


def steps_of_window(sizes: Sizes, tokens: int) -> Ints:
    """The last step of each token of a sequence, counted from the origin, which is 0: those before it, those ahead.

    The first N tokens are those of the lookback, the others patches of the horizon.
    """
    before = sizes.patch * np.arange(1 - tokens_of(sizes), 1)
    return np.concatenate([before, _ahead(sizes, tokens - len(before), sizes.patch)])


def steps_ahead(sizes: Sizes, blocks: int) -> Ints:
    """The last step of each of so many blocks, equal but for the last one, that make up the horizon."""
    return _ahead(sizes, blocks, -(-sizes.horizon // max(blocks, 1)))


def _ahead(sizes: Sizes, blocks: int, length: int) -> Ints:
    return np.minimum(length * np.arange(1, blocks + 1), sizes.horizon)


@dataclass(frozen=True, kw_only=True, eq=False)
class Origins:
    """The ends (S,) of the series of a panel from which the forecast that is explained is made."""

    panel: Panel

    def times(self, steps: Ints) -> pd.Index:
        """The user's times of steps (K,) from each origin, series after series: (S·K,).

        Row times begin with the series: what was padded before it has the time of its first row.
        """
        panel = self.panel
        origin = panel.starts + panel.ends - 1
        places = origin[:, None] + steps
        if panel.timeline.rows is not None:
            places = np.maximum(places, panel.starts[:, None])
        return panel.timeline.times(places.ravel())
