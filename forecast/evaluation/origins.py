"""Where a backtest forecasts from: the same number of folds for every series, counted back from its own end.

Dimension key: S series, F folds, W windows.
"""

from dataclasses import dataclass, replace

import numpy as np

from forecast.datasets.arrays import Ints
from forecast.datasets.panel import Panel
from forecast.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False)
class Origins:
    """The windows of a backtest, fold after fold.  Window w knows the first ``ends[w]`` rows of ``series[w]``.

    fold, series, ends: (W,).  first: (S,) the row from which each series is forecast first, 0 where it never is.
    """

    folds: int
    fold: Ints
    series: Ints
    ends: Ints
    first: Ints

    def __len__(self) -> int:
        return len(self.ends)

    def block(self, first: int, last: int) -> Ints:
        """Numbers of the windows of folds ``first`` … ``last − 1``."""
        return np.flatnonzero((self.fold >= first) & (self.fold < last))

    def first_of(self, fold: int) -> Ints:
        """(S,) the row from which each series is forecast first in fold ``fold`` or later, 0 where it never is."""
        later = self.fold >= fold
        ends = np.full(len(self.first), np.iinfo(np.int64).max)
        np.minimum.at(ends, self.series[later], self.ends[later])
        return np.where(ends == np.iinfo(np.int64).max, 0, ends)


def fold_origins(panel: Panel, *, reach: int, folds: int, step: int) -> Origins:
    """``folds`` origins per series, ``step`` rows apart, the last one ``reach`` rows before its last observed target.

    A series too short for all folds takes part in the last ones, from the first before which every channel of it was
    observed.
    """
    back = reach + step * np.arange(folds - 1, -1, -1)  # (F,)
    ends = panel.ends[None, :] - back[:, None]  # (F, S)
    fold, series = np.nonzero(ends > _first_observed(panel)[None, :])
    origins = Origins(
        folds=folds, fold=fold, series=series, ends=ends[fold, series], first=np.zeros(len(panel), np.int64)
    )
    return replace(origins, first=origins.first_of(0))


def require_folds(panel: Panel, folds: int, *, horizon: int, gap: int, step: int, train: int) -> None:
    """``DataError`` unless some series has ``train`` observed steps before fold 0; says how many folds would fit."""
    reach = gap + horizon
    if _longest(panel, reach + step * (folds - 1)) >= train:
        return
    most = int(panel.ends.max(initial=0)) // step + 1
    fit = next((k for k in range(min(folds - 1, most), 0, -1) if _longest(panel, reach + step * (k - 1)) >= train), 0)
    longest = _longest(panel, 0)
    late = f" after a gap of {gap}" if gap else ""
    cause = (
        f"{folds} folds of {horizon} steps{late}, {step} apart, do not fit: {train} observed steps must come before "
        f"the first, and the longest series has {longest} steps in all"
    )
    if fit:
        raise DataError(cause, f"Ask for at most {fit} folds (folds, --folds), or for a shorter horizon.", folds=fit)
    raise DataError(
        cause, f"Not even one fold fits; give at least {train + reach} steps or a shorter horizon.", folds=0
    )


def _first_observed(panel: Panel) -> Ints:
    """(S,) the row of each series at which every channel has been observed; its end where one never is."""
    first = np.zeros(len(panel), np.int64)
    for channel in panel.target.T:
        rows = np.append(np.flatnonzero(~np.isnan(channel)), len(channel))
        found = rows[np.searchsorted(rows, panel.offsets[:-1])] - panel.offsets[:-1]
        first = np.maximum(first, found)
    return np.minimum(first, panel.ends)


def _longest(panel: Panel, back: int) -> int:
    """Most observed steps that any series has up to ``back`` rows before its end."""
    seen = np.concatenate([[0], np.cumsum(~np.isnan(panel.target).all(axis=1))])
    first = panel.offsets[:-1]
    last = first + np.maximum(panel.ends - min(back, int(panel.ends.max(initial=0))), 0)
    return int((seen[last] - seen[first]).max(initial=0))
