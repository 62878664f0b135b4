"""Do intervals hold what they promise?  Nominal against observed coverage by level and by horizon step, with bands.

Dimension key: W windows, H horizon, U units (folds or series), K levels or intervals.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats, Ints
from forecast.errors import ConfigError
from forecast.evaluation.cells import overlap_of
from forecast.evaluation.results import Backtest
from forecast.evaluation.significance import (
    FEWEST_SERIES,
    degrees_of_freedom,
    diebold_mariano,
    fewest_origins,
    student_quantile,
)
from forecast.evaluation.sums import intervals

BAND = 0.95  # of the bands


def calibration(result: Backtest) -> pd.DataFrame:
    """A row per level: the share of actuals at or below its quantile, and the band in which the true share lies.

    observed: share of actuals ≤ the quantile; below: share < it, which is less where actuals and quantiles coincide, as
    counts do.  A level that is forecast well lies within low … high, of which 95 % do; for counts it may also lie
    between below and observed.  count: actuals.

    The band is the score interval for a share (Wilson 1927) of as many values as count / design effect: values of one
    fold err alike, by so much as shares vary more between folds than those of independent values would (Kish 1965),
    the mean over the levels.  Where the folds are too few for that, series take their place; where these are too few
    as well, values count as independent.  ``frame.attrs["band"]`` says which: 'fold', 'series' or 'independent'.
    Raises ``ConfigError`` where there are no levels.
    """
    _require_levels(result)
    seen = ~np.isnan(result.actual)
    quantiles = [result.values[..., 1 + place] for place in range(len(result.levels))]
    held = np.stack([((result.actual <= q) & seen).sum(axis=(1, 2)) for q in quantiles])
    under = [np.count_nonzero((result.actual < q) & seen) for q in quantiles]
    units = _units(result)
    count = seen.sum(axis=(1, 2))
    low, high = units.band(units.sums(held.T).T, units.sums(count))
    total = max(int(count.sum()), 1)
    table = pd.DataFrame(
        {
            "observed": held.sum(axis=1) / total,
            "below": np.array(under) / total,
            "low": low,
            "high": high,
            "count": int(count.sum()),
        },
        index=pd.Index(result.levels, name="level"),
    )
    table.attrs["band"] = units.kind
    return table


def coverage_by_step(result: Backtest) -> pd.DataFrame:
    """A row per interval and horizon step: the share of actuals inside, and the band in which the true share lies.

    The index is the interval, in percent as in ``coverage_90``, and the step from 1.  nominal: what it promises.
    The bands are those of ``calibration``, with one design effect for all steps of an interval.
    Raises ``ConfigError`` where no two levels make an interval.
    """
    _require_levels(result)
    pairs, units, seen = intervals(result.levels), _units(result), ~np.isnan(result.actual)
    count = units.sums(seen.sum(axis=2))  # (U, H)
    tables = []
    for low, high in pairs.values():
        inside = (result.values[..., 1 + low] <= result.actual) & (result.actual <= result.values[..., 1 + high])
        held = units.sums((inside & seen).sum(axis=2))
        ends = units.band(held.T, count.T)
        share = np.divide(held.sum(0), count.sum(0), out=np.full(result.horizon, np.nan), where=count.sum(0) > 0)
        nominal = result.levels[high] - result.levels[low]
        tables.append(
            pd.DataFrame(
                {"nominal": nominal, "observed": share, "low": ends[0], "high": ends[1], "count": count.sum(0)},
                index=pd.RangeIndex(1, result.horizon + 1, name="step"),
            )
        )
    if not tables:
        raise ConfigError(f"no two of the levels {result.levels} make an interval", "Forecast q and 1 − q for some q.")
    table = pd.concat(tables, keys=list(pairs), names=["interval"])
    table.attrs["band"] = units.kind
    return table


@dataclass(frozen=True, kw_only=True)
class _Units:
    """What values are gathered by, as they err alike within: unit (W,) of each window, of ``number``."""

    kind: str
    unit: Ints
    number: int
    overlap: int

    def sums(self, values: np.ndarray) -> Floats:
        """(U, …): values (W, …) added up by unit, those without windows left out."""
        order = np.argsort(self.unit, kind="stable")
        first = np.flatnonzero(np.diff(self.unit[order], prepend=-1))
        return np.add.reduceat(np.asarray(values, dtype=np.float64)[order], first, axis=0)

    def band(self, held: Floats, count: Floats) -> tuple[Floats, Floats]:
        """Ends (K,) of the bands of the shares of held (K, U) among count (K, U) or (U,)."""
        count = np.broadcast_to(count, held.shape)
        total = count.sum(axis=1)
        share = np.divide(held.sum(axis=1), total, out=np.full(len(held), np.nan), where=total > 0)
        freedom = degrees_of_freedom(self.number, self.overlap)
        if self.kind == "independent":
            return _score_interval(share, total, float(student_quantile((1 + BAND) / 2, np.inf)))
        residual = (held - np.nan_to_num(share)[:, None] * count) * (self.number / np.maximum(total, 1))[:, None]
        spread = np.square(diebold_mariano(residual, overlap=self.overlap).deviation) / self.number
        alone = share * (1 - share) / np.maximum(total, 1)
        effect = max(1.0, float(np.nansum(spread) / np.nansum(alone))) if np.nansum(alone) > 0 else self._most(total)
        return _score_interval(share, total / effect, float(student_quantile((1 + BAND) / 2, freedom)))

    def _most(self, total: Floats) -> float:
        """The design effect where all values of a unit are one: all that can be said where no share varies."""
        return max(1.0, float(total.mean()) / self.number)


def _units(result: Backtest) -> _Units:
    overlap, folds, series = overlap_of(result), len(np.unique(result.fold)), len(np.unique(result.series))
    if folds >= fewest_origins(overlap):
        return _Units(kind="fold", unit=result.fold, number=folds, overlap=overlap)
    if series >= FEWEST_SERIES:
        return _Units(kind="series", unit=result.series, number=series, overlap=1)
    return _Units(kind="independent", unit=result.fold, number=folds, overlap=1)


def _score_interval(share: Floats, count: Floats, wide: float) -> tuple[Floats, Floats]:
    """All p with |share − p| ≤ wide · √(p (1 − p) / count), its ends (K,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        square = wide**2 / count
        middle = (share + square / 2) / (1 + square)
        half = wide * np.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return middle - half, middle + half


def _require_levels(result: Backtest) -> None:
    if not result.levels:
        raise ConfigError(f"{result.name} gave points only, whose coverage is not defined", "Ask for levels: levels=….")
