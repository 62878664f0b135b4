"""The batches of a training run, by number: batch 17 is the same windows however one comes to it.

Dimension key: B batch, T time, H horizon, O origins, C channels.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import torch

from forecast.datasets.windows import Window, Windows

NUMBERS_PER_GATHER = 1 << 17  # targets (B, T + H, C) gathered at a time: a small batch is mostly the cost of its calls
MOST_BATCHES = 16


class Batches:
    """Segments drawn uniformly, ``batch_size`` at a time, from a seed and the batch's number alone.

    A resumed run goes on with the batch it would have had.  Several small batches are gathered in one go.  Those of a
    panel on disk are gathered on a thread while the ones before are trained on; ``close`` ends it.
    share: the rows of each batch that this process gathers; all of them when None.
    """

    def __init__(
        self, windows: Windows, *, batch_size: int, origins: int, seed: int, share: slice | None = None
    ) -> None:
        self.windows, self.batch_size, self.origins, self.seed = windows, batch_size, origins, seed
        self.share = share or slice(0, batch_size)
        span = windows.lookback + (origins - 1) * windows.stride + windows.horizon
        per_batch = batch_size * span * windows.channels
        self.together = max(1, min(MOST_BATCHES, NUMBERS_PER_GATHER // per_batch))
        self.generator = torch.Generator()
        self.worker: ThreadPoolExecutor | None = None
        self.ahead: dict[int, Future[Window]] = {}
        self.gathered: Window | None = None
        self.group = -1

    def __getitem__(self, number: int) -> Window:
        """Batch ``number``, with answers."""
        group, place = divmod(number, self.together)
        if self.gathered is None or group != self.group:
            self.gathered = self._awaited(group) if self.windows.on_disk else self._gather(group)
            self.group = group
        size = self.share.stop - self.share.start
        return rows_of(self.gathered, slice(place * size, (place + 1) * size))

    def _gather(self, group: int) -> Window:
        """The batches of a group, one behind the other."""
        self.generator.manual_seed(self.seed * 1_000_003 + group)
        drawn = self.windows.draw(self.together * self.batch_size, self.origins, self.generator)
        drawn = drawn.view(self.together, self.batch_size)[:, self.share].flatten()
        return self.windows.of_numbers(drawn, origins=self.origins)

    def _awaited(self, group: int) -> Window:
        """The same from the thread, which is one group ahead; what goes wrong there is raised here."""
        self.worker = self.worker or ThreadPoolExecutor(1, thread_name_prefix="gather")
        waiting = self.ahead.pop(group, None) or self.worker.submit(self._gather, group)
        self.ahead = {group + 1: self.worker.submit(self._gather, group + 1)}
        return waiting.result()

    def close(self) -> None:
        """End the thread, if there is one."""
        if self.worker is not None:
            self.worker.shutdown(cancel_futures=True)
        self.worker, self.ahead = None, {}


def rows_of(window: Window, rows: slice) -> Window:
    """The window of some of the rows of a batch."""
    parts: dict[str, Any] = {f.name: getattr(window, f.name) for f in fields(window)}
    chosen: dict[str, Any] = {name: part if part is None else part[rows] for name, part in parts.items()}
    return Window(**chosen)
