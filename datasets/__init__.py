"""From a file or a frame to batches of windows: readers, roles, grids, panels, splits.  No networks, no training."""

if __name__ != "forecast.datasets":  # the repository root is on sys.path: this folder would pose as another package
    raise ImportError("this folder is the package forecast.datasets; take the repository root off sys.path")

from importlib import import_module
from typing import Any

# Public name -> module that defines it; pandas and torch are imported with the first name that needs them.
_HOME = {
    "Note": "forecast.datasets.schema",
    "Panel": "forecast.datasets.panel",
    "Roles": "forecast.datasets.schema",
    "Schema": "forecast.datasets.schema",
    "TimeSplit": "forecast.datasets.splits",
    "Timeline": "forecast.datasets.timeline",
    "Windows": "forecast.datasets.windows",
    "calendar_features": "forecast.datasets.calendar",
    "dataset_table": "forecast.datasets.catalogue",
    "detect_cycles": "forecast.datasets.seasons",
    "detect_season": "forecast.datasets.seasons",
    "load_dataset": "forecast.datasets.catalogue",
    "pack": "forecast.datasets.packed.cache",
    "load_panel": "forecast.datasets.build",
    "read_table": "forecast.datasets.files",
    "require_steps": "forecast.datasets.checks",
    "to_frame": "forecast.datasets.output",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'forecast.datasets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
