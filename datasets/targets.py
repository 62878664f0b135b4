"""The standardised targets of a panel: in memory, made once, or on disk, made of each window that is gathered.

Dimension key: B batch, T time, S series, N rows of all series together, C channels.
"""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.scaling import rounded as on_grid
from forecast.datasets.scaling import series_statistics, standardise


class Targets(Protocol):
    """location, scale: (S, C) in float64.  home: where rows are gathered."""

    location: Floats
    scale: Floats
    home: torch.device

    def gather(self, series: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Values and mask (B, T, C) of rows (B, T) of series (B,); the mask may be true behind a series' end."""


def targets_of(
    panel: Panel,
    *,
    known: Ints,
    scale: Floats | None,
    rounded: bool,
    centred: bool = True,
    device: torch.device,
) -> "InMemory | OnDisk":
    """The targets, standardised by what rows [0, known) of each series show; see ``Windows`` for the rest.

    centred: without, they stay as they are, with location 0 and scale 1.
    """
    if panel.on_disk is not None:
        return OnDisk(panel, known=known, scale=scale, rounded=rounded, centred=centred)
    return InMemory(panel, known=known, scale=scale, rounded=rounded, centred=centred, device=device)


class InMemory:
    """All targets standardised at once, on the device that trains."""

    def __init__(
        self,
        panel: Panel,
        *,
        known: Ints,
        scale: Floats | None,
        rounded: bool,
        centred: bool = True,
        device: torch.device,
    ) -> None:
        values, observed, self.location, self.scale = standardise(panel, known, scale, centred=centred)
        self.values = torch.from_numpy(on_grid(values) if rounded else values).to(device)  # (N, C)
        self.observed = torch.from_numpy(observed).to(device)  # (N, C)
        self.home = device

    def gather(self, series: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.values[rows], self.observed[rows]


class OnDisk:
    """Targets where they lie: only what a window needs is read, and standardised as ``InMemory`` does it."""

    def __init__(self, panel: Panel, *, known: Ints, scale: Floats | None, rounded: bool, centred: bool = True) -> None:
        assert panel.on_disk is not None
        self.stored, self.rounded = panel.on_disk, rounded
        if centred:
            found = series_statistics(panel, known)
            self.base, self.mean = found.base, found.mean
            self.location, self.scale = found.location, found.scale(scale)
        else:
            shape = len(panel), panel.channels
            self.base, self.mean, self.location, self.scale = *(np.zeros(shape) for _ in range(3)), np.ones(shape)
        self.home = torch.device("cpu")

    def gather(self, series: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        one = series.numpy()
        raw = self.stored.take("target", rows.numpy()).astype(np.float64)  # (B, T, C)
        observed = ~np.isnan(raw)
        centred = np.where(observed, raw - self.base[one][:, None], 0.0)
        centred = np.where(observed, centred - self.mean[one][:, None], 0.0)
        values = (centred / self.scale[one][:, None]).astype(np.float32)
        return torch.from_numpy(on_grid(values) if self.rounded else values), torch.from_numpy(observed)
