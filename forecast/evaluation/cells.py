"""The errors of several backtests of the same windows as arrays, from which ranks, skill and tests are made.

Dimension key: M forecasters, W windows, F folds, S series.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.arrays import Floats, Ints
from forecast.errors import ConfigError, unknown_name
from forecast.evaluation.results import Backtest

# What the windows of a measure are weighted with, so that a weighted mean over windows is the measure of them all.
WEIGHTS = {
    "mase": "scaled",
    "rmsse": "scaled",
    "msis": "scaled",
    "mae": "count",
    "rmse": "count",
    "mse": "count",
    "smape": "count",
    "crps": "count",
    "pinball": "count",
    "interval_score": "count",
    "mape": "nonzero",
    "wape": "magnitude",
    "wql": "magnitude",
}
ROOTS = ("rmse", "rmsse")


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """One measure of M forecasters on W windows.

    sums: (M, W), what the windows add up to; weight: (W,), what they are divided by.  root: the measure is the root of
    the ratio.  overlap: how many successive folds share rows that they forecast, 1 where none do.
    """

    names: tuple[str, ...]
    measure: str
    sums: Floats
    weight: Floats
    fold: Ints
    series: Ints
    folds: int
    count: int
    overlap: int
    root: bool

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """(S,) whether the measure of a series is defined."""
        return np.asarray(np.bincount(self.series, weights=self.weight, minlength=self.count) > 0)

    @cached_property
    def by_fold(self) -> Floats:
        """(M, F) the measure of each fold over all its series; NaN where nothing counts."""
        return self._by(self.fold, self.folds)

    @cached_property
    def by_series(self) -> Floats:
        """(M, S) the measure of each series over all its folds; NaN where nothing counts."""
        return self._by(self.series, self.count)

    @cached_property
    def overall(self) -> Floats:
        """(M,) the measure over everything."""
        return self._by(np.zeros(len(self.weight), np.int64), 1)[:, 0]

    @cached_property
    def ranks(self) -> Floats:
        """(M,) mean rank over the windows, 1 the best; equals share the mean of their ranks."""
        counted = self.weight > 0
        if not counted.any():
            return np.full(len(self.names), np.nan)
        errors = np.where(np.isnan(self.sums), np.inf, self.sums)[:, counted]
        below = [np.count_nonzero(errors < one) + np.count_nonzero(errors == one) / 2 for one in errors]
        return np.asarray(0.5 + np.array(below) / errors.shape[1])

    def table(self) -> tuple[Floats, Floats]:
        """The sums (M, F, S) and weights (F, S), 0 for windows that there are not."""
        sums = np.zeros((len(self.names), self.folds, self.count))
        weight = np.zeros((self.folds, self.count))
        sums[:, self.fold, self.series], weight[self.fold, self.series] = self.sums, self.weight
        return sums, weight

    def _by(self, group: Ints, groups: int) -> Floats:
        weight = np.bincount(group, weights=self.weight, minlength=groups)
        sums = np.stack([np.bincount(group, weights=row, minlength=groups) for row in self.sums])
        means = np.divide(sums, weight, out=np.full(sums.shape, np.nan), where=weight > 0)
        return np.asarray(np.sqrt(means) if self.root else means)


def cells(backtests: Mapping[str, Backtest], *, measure: str | None = None, overlap: int | None = None) -> Cells:
    """The errors of backtests on one scale (``on_one_scale``); without ``measure`` MASE, MAE where nothing has a scale.

    overlap: how many successive folds err alike; those that share rows where None.
    Raises ``ConfigError`` for a measure that is none of errors, or that not all of them have.
    """
    first, *_ = backtests.values()
    if measure is None:
        measure = "mase" if np.isfinite(first.metrics()["mase"]) else "mae"
    tables = {name: result.windows() for name, result in backtests.items()}
    known = [name for table in tables.values() for name in table if _kind(name) in WEIGHTS]
    if measure not in known:
        raise unknown_name("measure of error", measure, set(known))
    without = [name for name, table in tables.items() if measure not in table]
    if without:
        raise ConfigError(f"{', '.join(without)} gave no levels, of which {measure!r} is made", "Compare by 'mase'.")
    weight, root = _weight(first, tables[next(iter(tables))], WEIGHTS[_kind(measure)]), measure in ROOTS
    errors = np.stack([table[measure] for table in tables.values()])
    return Cells(
        names=tuple(backtests),
        measure=measure,
        sums=np.where(weight > 0, (np.square(errors) if root else errors) * weight, 0.0),
        weight=weight,
        fold=first.fold,
        series=first.series,
        folds=first.folds,
        count=len(first.panel),
        overlap=overlap_of(first) if overlap is None else overlap,
        root=root,
    )


def overlap_of(result: Backtest) -> int:
    """How many successive folds share rows after their origins, 1 where none do."""
    return -(-(result.horizon + result.gap) // result.step)


def on_one_scale(backtests: Mapping[str, Backtest], season: int | None) -> dict[str, Backtest]:
    """The backtests with one season and the levels that all probabilistic ones have; refuses different windows."""
    (first, reference), *others = backtests.items()
    for name, result in others:
        if not _same_windows(reference, result):
            raise ConfigError(
                f"{first} and {name} were not tested on the same windows",
                "Use the same data, folds, step and horizon for all.",
            )
    seasons = {result.season for result in backtests.values()}
    if season is None and len(seasons) > 1:
        found = ", ".join(map(str, sorted(seasons)))
        raise ConfigError(f"the backtests scale MASE by different seasons ({found})", "Name one: season=….")
    given = [set(result.levels) for result in backtests.values() if result.levels]
    common = tuple(sorted(set.intersection(*given))) if given else ()
    return {
        name: result.with_season(season or result.season).with_levels(common if result.levels else ())
        for name, result in backtests.items()
    }


def _same_windows(one: Backtest, other: Backtest) -> bool:
    def where(result: Backtest) -> tuple[np.ndarray, ...]:
        return result.fold, result.panel.starts[result.series] + result.ends

    def who(result: Backtest) -> np.ndarray:
        return np.asarray(result.panel.ids[result.series])

    same = one.actual.shape == other.actual.shape and all(map(np.array_equal, where(one), where(other)))
    if one.panel.ids.equals(other.panel.ids):
        same = same and np.array_equal(one.series, other.series)
    else:
        same = same and np.array_equal(who(one), who(other))
    return same and np.array_equal(one.actual, other.actual, equal_nan=True)


def _kind(measure: str) -> str:
    """The name of a measure without its level or coverage: ``msis`` of ``msis_90``."""
    name, _, number = measure.rpartition("_")
    return name if number.replace(".", "", 1).isdigit() else measure


def _weight(result: Backtest, table: Mapping[str, Floats], kind: str) -> Floats:
    """(W,) what the measure of a window counts for: values, values with a scale, or the size of the actuals."""
    if kind == "count":
        return table["count"]
    if kind == "scaled":
        return table["count"] - table["unscaled"]
    size = np.nan_to_num(np.abs(result.actual))
    weight: Floats = (size if kind == "magnitude" else size != 0).sum(axis=(1, 2), dtype=np.float64)
    return weight
