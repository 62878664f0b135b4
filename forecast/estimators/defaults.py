"""What a neural forecaster's open settings become for given data.

Dimension key: T median number of steps per series.
"""

from dataclasses import dataclass

import numpy as np

from forecast.datasets.panel import Panel
from forecast.datasets.seasons import detect_cycles

LONGEST_PATCH = 24
MOST_PATCHES = 128


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Steps of lookback and patch, origins per pass, and what else follows from the data."""

    lookback: int
    patch: int
    origins: int
    min_context: int
    batch_size: int
    max_steps: int


def patch_of(season: int) -> int:
    """The season where it is at most 24 steps, else its largest divisor of at most 24; 1 without a season."""
    if season <= LONGEST_PATCH:
        return season
    return max(d for d in range(1, LONGEST_PATCH + 1) if season % d == 0)


def lookback_of(cycles: tuple[int, ...], *, patch: int, horizon: int, median: float) -> int:
    """Two of the longest cycles that half of the median series and 128 patches can hold, else one, else by horizon."""
    room = min(median / 2, MOST_PATCHES * patch)
    for times in (2, 1):
        fitting = [times * c for c in cycles if times * c <= room]
        if fitting:
            return max(fitting)
    return max(1, min(2 * horizon, int(room)))


def whole_patches(steps: int, patch: int) -> int:
    """``steps`` rounded up to a whole number of patches."""
    return -(-steps // patch) * patch


def cycles_of(panel: Panel, season: int) -> tuple[int, ...]:
    """The cycles that the data show, with the season that the user named."""
    return tuple(sorted({*detect_cycles(panel), season} - {1}))


def median_steps(panel: Panel) -> float:
    return float(np.median(panel.ends))
