"""The batches of a training run, by number: batch 17 is the same windows however one comes to it.

Dimension key: B batch, T time, H horizon, O origins, C channels.
"""

from dataclasses import fields
from typing import Any

import torch

from forecast.datasets.windows import Window, Windows

NUMBERS_PER_GATHER = 1 << 17  # targets (B, T + H, C) gathered at a time: a small batch is mostly the cost of its calls
MOST_BATCHES = 16


class Batches:
    """Segments drawn uniformly, ``batch_size`` at a time, from a seed and the batch's number alone.

    A resumed run goes on with the batch it would have had.  Several small batches are gathered in one go.
    """

    def __init__(self, windows: Windows, *, batch_size: int, origins: int, seed: int) -> None:
        self.windows, self.batch_size, self.origins, self.seed = windows, batch_size, origins, seed
        span = windows.lookback + (origins - 1) * windows.stride + windows.horizon
        per_batch = batch_size * span * windows.channels
        self.together = max(1, min(MOST_BATCHES, NUMBERS_PER_GATHER // per_batch))
        self.generator = torch.Generator()
        self.gathered: Window | None = None
        self.group = -1

    def __getitem__(self, number: int) -> Window:
        """Batch ``number``, with answers."""
        group, place = divmod(number, self.together)
        if self.gathered is None or group != self.group:
            self.generator.manual_seed(self.seed * 1_000_003 + group)
            size = self.together * self.batch_size
            self.gathered = self.windows.sample(size, origins=self.origins, generator=self.generator)
            self.group = group
        return _rows(self.gathered, slice(place * self.batch_size, (place + 1) * self.batch_size))


def _rows(window: Window, rows: slice) -> Window:
    parts: dict[str, Any] = {f.name: getattr(window, f.name) for f in fields(window)}
    chosen: dict[str, Any] = {name: part if part is None else part[rows] for name, part in parts.items()}
    return Window(**chosen)
