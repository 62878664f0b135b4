"""The panel of a search, written once and memory-mapped by all workers."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from forecast.datasets.packed.folder import open_panel, write_panel
from forecast.datasets.panel import Panel


@dataclass(frozen=True, kw_only=True)
class SharedPanel:
    """Opens the panel in a folder.  on_disk: read its rows as one larger than memory; else as one in memory, so that a
    trial comes out the same in a worker as in the process that has built the panel."""

    folder: Path
    on_disk: bool

    def __call__(self) -> Panel:
        panel = open_panel(self.folder)
        return panel if self.on_disk else replace(panel, stored=None)


def share(panel: Panel, folder: Path) -> Panel | SharedPanel:
    """What opens ``panel`` in other processes; written into ``folder``, an empty one, unless it lies on disk already.

    A panel that keeps a time with each row (``freq="rows"``) has no form on disk and is given as it is.
    """
    stored = panel.on_disk
    if stored is not None and np.array_equal(panel.ends, stored.ends):
        return SharedPanel(folder=stored.folder, on_disk=True)
    if panel.timeline.freq == "rows":
        return panel
    write_panel(panel, folder)
    return SharedPanel(folder=folder, on_disk=stored is not None)
