"""The errors of several backtests on one scale, as flat arrays for what is fitted to them.

Dimension key: M members, W windows, N values that count, Q columns (the levels, or the point alone).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Floats
from forecast.errors import ConfigError
from forecast.evaluation.metrics import seasonal_scales
from forecast.evaluation.results import Backtest

MOST_VALUES = 1 << 24  # forecasts held at a time, of all members and levels; beyond, windows are left out evenly


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaled:
    """Errors (M, N, Q), actual less forecast, of backtests on the same windows, divided by the scale of MASE.

    Errors of a combination are the combination of the errors.
    levels: (Q,) those of the columns; empty where the only column is the point forecast.  windows: how many there are.
    """

    errors: Floats
    levels: tuple[float, ...]
    windows: int

    @property
    def taus(self) -> Floats:
        """(Q,) the levels; a point forecast counts as a median."""
        return np.array(self.levels or (0.5,))

    def tilts(self) -> Floats:
        """(M,) what the pinball loss of each member adds to the mean absolute error: it is linear in the errors."""
        return np.asarray(self.errors.mean(axis=1) @ (2 * self.taus - 1) / len(self.taus))

    def losses(self) -> Floats:
        """(M,) mean over values and columns of twice the pinball loss: of medians, and of points, that is MASE."""
        return np.array([np.abs(member).mean() for member in self.errors]) + self.tilts()


def scaled(backtests: Mapping[str, Backtest], *, levels: bool) -> Scaled:
    """The values that were observed and have a scale; where no series has one, all that were observed as they are.

    levels: whether to take the levels that all have, where there are such, rather than the points.
    Raises ``ConfigError`` where the windows differ.
    """
    require_same(backtests)
    first, *_ = backtests.values()
    common = _common_levels(backtests) if levels else ()
    scale, _ = seasonal_scales(first.panel.target, first.panel.offsets, first.series, first.ends, season=first.season)
    divisor = np.broadcast_to(
        (scale if not np.isnan(scale).all() else np.ones_like(scale))[:, None], first.actual.shape
    )
    counted = ~np.isnan(first.actual) & ~np.isnan(divisor)
    counted[~_chosen(len(first), first.actual[0].size * len(backtests) * max(len(common), 1))] = False
    unit = divisor[counted]
    actual = first.actual[counted][:, None]
    errors = np.stack([(actual - _columns(other, common)[counted]) / unit[:, None] for other in backtests.values()])
    return Scaled(errors=errors, levels=common, windows=len(first))


def _chosen(windows: int, size: int) -> NDArray[np.bool_]:
    """(W,) which windows are looked at: all, or every so-manieth where they would hold too many values."""
    most = max(MOST_VALUES // max(size, 1), 1)
    chosen = np.zeros(windows, bool)
    chosen[np.unique(np.linspace(0, windows - 1, min(windows, most)).round().astype(int))] = True
    return chosen


def _columns(backtest: Backtest, levels: tuple[float, ...]) -> Floats:
    places = [1 + backtest.levels.index(level) for level in levels] or [0]
    return backtest.values[..., places]


def _common_levels(backtests: Mapping[str, Backtest]) -> tuple[float, ...]:
    return tuple(sorted(set.intersection(*(set(result.levels) for result in backtests.values()))))


def require_same(backtests: Mapping[str, Backtest]) -> None:
    """``ConfigError`` unless all are of the same windows and actuals."""
    (name, one), *others = backtests.items()
    for other_name, other in others:
        same = one.actual.shape == other.actual.shape and all(
            np.array_equal(getattr(one, field), getattr(other, field)) for field in ("fold", "series", "ends")
        )
        if not same or not np.array_equal(one.actual, other.actual, equal_nan=True):
            raise ConfigError(
                f"{name} and {other_name} were not tested on the same windows",
                "Use the same data, folds, step and horizon for all.",
            )
