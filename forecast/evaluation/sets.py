"""Forecasters over several data sets, as public benchmarks sum them up."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecast.errors import ConfigError, DataError
from forecast.evaluation.cells import Cells
from forecast.evaluation.comparison import reference_of
from forecast.evaluation.skill import skill, skill_interval


def over_sets(
    errors: pd.DataFrame | Mapping[str, Mapping[str, float]],
    *,
    reference: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """A row per forecaster, best first, of their errors on several data sets, in which every set counts the same.

    errors: a row per set and a column per forecaster (or {set: {forecaster: error}}), positive, of any measure.
    reference: seasonal naive where it is among them, else it has to be named.
    skill: 1 − geometric mean over sets of the ratio to the reference's error; skill_low, skill_high: its 95 % bootstrap
    interval over sets, drawn as if they were a sample of all such sets, NaN with one.  rank: mean rank, 1 the best.
    wins: share of the other forecasters that it beats, mean over sets, equals half.  Ratios within 0.01 … 100 count, as
    in fev-bench (Shchur et al. 2025), whose skill score, win rate and resampling of tasks these are.
    Raises ``ConfigError`` without a reference, ``DataError`` for an error that is missing or negative.
    """
    table = errors if isinstance(errors, pd.DataFrame) else pd.DataFrame({k: dict(row) for k, row in errors.items()}).T
    names = [str(name) for name in table.columns]
    base = reference_of(names, reference)
    if base is None:
        raise ConfigError("no reference is named, and seasonal-naive is not among them", "Give reference=….")
    values = table.to_numpy(dtype=np.float64).T  # (forecasters, sets)
    bad = np.argwhere(~(values >= 0) | np.isinf(values))
    if len(bad):
        one, at = bad[0]
        raise DataError(
            f"the error of {names[one]} on {table.index[at]} is {values[one, at]}; {len(bad)} are missing or no errors",
            "Leave the forecaster or the set out.",
        )
    sets = values.shape[1]
    found = Cells(
        names=tuple(names),
        measure="error",
        sums=values,
        weight=np.ones(sets),
        fold=np.zeros(sets, np.int64),
        series=np.arange(sets),
        folds=1,
        count=sets,
        overlap=1,
        root=False,
    )
    low, high = skill_interval(found, base, over="series", resamples=resamples, seed=seed)
    low[base] = high[base] = np.nan
    others = max(len(names) - 1, 1)
    rows = {
        "rank": found.ranks,
        "wins": (len(names) - found.ranks) / others,
        "skill": skill(found, base),
        "skill_low": low,
        "skill_high": high,
    }
    result = pd.DataFrame(rows, index=pd.Index(names, name="forecaster"))
    return result.sort_values("skill", ascending=False, kind="stable")
