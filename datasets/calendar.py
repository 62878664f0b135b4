"""Calendar features: what the date alone says about a step.  Computed once per grid step, not per row."""

import numpy as np

from forecast.datasets.timeline import Timeline


def calendar_features(
    timeline: Timeline, first: int, last: int, holidays: str | None = None
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names (K,) and values float32 (last − first + 1, K), about −0.5 … 0.5, of the steps ``first`` to ``last``."""
    return (), np.zeros((last - first + 1, 0), np.float32)
