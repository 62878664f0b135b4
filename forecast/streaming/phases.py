"""What a causal trunk carries from token to token: one state for each phase of a patch.

Dimension key: S series, G some of them, P phases, H horizon, C channels, Q outputs per step.
"""

import numpy as np
import torch
from torch import Tensor

from forecast.datasets.arrays import Ints
from forecast.networks.base import Carried, Network
from forecast.streaming.segments import Segments


class Phases:
    """An origin ``age`` steps after its anchor lies at the end of a token of phase ``age`` modulo P, the patch.

    The state of a phase is made by one pass over its lookback when its turn comes first after an anchor, which spreads
    the cost of a new anchor over P steps; from then on each turn reads one token.  A phase that missed a turn, because
    several rows came at once, is made anew from its own beginning.
    """

    def __init__(self, network: Network, series: int) -> None:
        self.network, self.series = network, series
        sizes = network.sizes
        self.lookback, self.patch = sizes.lookback, sizes.patch
        self.tokens = -(-self.lookback // self.patch)  # of one lookback
        self.carried: list[Carried | None] = [None] * self.patch
        self.read = np.zeros((self.patch, series), np.int64)  # tokens that each state has read; 0: there is none

    def forget(self, chosen: Ints) -> None:
        """Drop the states of series that have a new anchor."""
        self.read[:, chosen] = 0

    def forecast(self, segments: Segments, chosen: Ints, age: int) -> Tensor:
        """Forecasts (G, H, C, Q) of series that are all ``age`` steps after their anchors."""
        turn, phase = divmod(age, self.patch)
        ready = (self.read[phase, chosen] == self.tokens + turn - 1) & (turn > 0)
        if ready.all():
            return self._step(segments, chosen, phase, turn)
        if not ready.any():
            return self._begin(segments, chosen, phase, turn)
        first, second = np.flatnonzero(ready), np.flatnonzero(~ready)
        both = [
            self._step(segments, chosen[first], phase, turn),
            self._begin(segments, chosen[second], phase, turn),
        ]
        return torch.cat(both)[torch.from_numpy(np.argsort(np.concatenate([first, second])))]

    def _begin(self, segments: Segments, chosen: Ints, phase: int, turn: int) -> Tensor:
        """One pass over all that the phase has seen."""
        window = segments.cut(chosen, phase, self.lookback + turn * self.patch, began=phase)
        raw, carried = self.network.begin(window)
        self._keep(chosen, phase, carried, self.tokens + turn)
        return raw[:, 0]

    def _step(self, segments: Segments, chosen: Ints, phase: int, turn: int) -> Tensor:
        """One token more."""
        window = segments.cut(chosen, phase + turn * self.patch, self.lookback, began=phase)
        carried = self.carried[phase]
        assert carried is not None
        if len(chosen) < self.series:
            carried = [part[torch.from_numpy(chosen)] for part in carried]
        raw, after = self.network.step(window, carried, self.tokens + turn - 1)
        self._keep(chosen, phase, after, self.tokens + turn)
        return raw[:, 0]

    def _keep(self, chosen: Ints, phase: int, carried: Carried, read: int) -> None:
        kept = self.carried[phase]
        if len(chosen) == self.series:
            self.carried[phase] = carried
        else:
            if kept is None:
                kept = self.carried[phase] = [part.new_zeros(self.series, *part.shape[1:]) for part in carried]
            for whole, part in zip(kept, carried, strict=True):
                whole[torch.from_numpy(chosen)] = part
        self.read[phase, chosen] = read
