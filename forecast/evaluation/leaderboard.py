"""Several backtests side by side: who is better, by how much, and whether that could be chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecast.errors import ConfigError, unknown_name
from forecast.evaluation.results import Backtest
from forecast.evaluation.sums import intervals

SHOWN = ("mase", "wql", "rmsse", "mae", "rmse", "smape", "wape", "bias")


def leaderboard(
    backtests: Mapping[str, Backtest], *, season: int | None = None, reference: str = "seasonal-naive"
) -> pd.DataFrame:
    """A row per forecaster, best first by MASE (by MAE where no series has a scale), all on the same windows.

    relative_mase, relative_wql: shares of the reference's, below 1 where better; NaN where ``reference`` is not there.
    Probabilistic columns are over the levels that all have; coverage and width are those of the widest interval.
    Raises ``ConfigError`` when the windows, the actuals or (without ``season``) the seasons differ.
    """
    if not backtests:
        raise ConfigError("a leaderboard needs at least one backtest", "Give {name: backtest(...)}.")
    table = _on_one_scale(backtests, season)
    rows = {name: _row(result) for name, result in table.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("forecaster")
    for measure in ("mase", "wql"):
        if measure in frame:
            base = frame[measure].get(reference, np.nan)
            frame.insert(0, f"relative_{measure}", frame[measure] / base if base else np.nan)
    first = ["mase", *(name for name in ("relative_mase", "wql", "relative_wql") if name in frame)]
    frame = frame[first + [name for name in frame if name not in first]]
    return frame.sort_values(["mase", "mae"], kind="stable")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whether ``first`` has smaller errors than ``second``: the mean of first − second, and how likely by chance.

    p: two-sided.  pairs: how many differences entered the test.
    """

    difference: float
    p: float
    pairs: int


def compare(
    first: Backtest,
    second: Backtest,
    *,
    measure: str = "mase",
    by: Literal["fold", "series"] = "fold",
    test: Literal["wilcoxon", "t"] = "wilcoxon",
) -> Comparison:
    """A paired test of two backtests on the same windows, with one error per fold (or per series) as a pair.

    wilcoxon: signed ranks (Wilcoxon 1945); t: Student's paired test.  Folds that overlap (step < horizon) are not
    independent, and p is then too small.  Pairs with an undefined measure are left out; equal errors give p = 1.
    """
    one, other = _on_one_scale({"first": first, "second": second}, None).values()
    tables = one.metrics(by), other.metrics(by)
    if measure not in tables[0]:
        raise unknown_name("measure", measure, tables[0].columns)
    differences = (tables[0][measure] - tables[1][measure]).dropna().to_numpy()
    if len(differences) < 2:
        raise ConfigError(f"{len(differences)} pairs are too few for a test", "Ask for more folds, or by='series'.")
    return Comparison(difference=float(differences.mean()), p=_chance(differences, test), pairs=len(differences))


def _chance(differences: np.ndarray, test: str) -> float:
    from scipy import stats

    if test not in ("wilcoxon", "t"):
        raise unknown_name("test", test, ("wilcoxon", "t"))
    if not differences.any():
        return 1.0
    if test == "wilcoxon":
        return float(stats.wilcoxon(differences).pvalue)
    if np.ptp(differences) == 0:
        return 0.0  # the same difference every time: scipy warns and divides by nothing
    return float(stats.ttest_1samp(differences, 0.0).pvalue)


def _on_one_scale(backtests: Mapping[str, Backtest], season: int | None) -> dict[str, Backtest]:
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
        steps = result.panel.starts[result.series] + result.ends
        return result.fold, np.asarray(result.panel.ids[result.series]), steps

    same = one.actual.shape == other.actual.shape and all(
        np.array_equal(a, b) for a, b in zip(where(one), where(other), strict=True)
    )
    return same and np.array_equal(one.actual, other.actual, equal_nan=True)


def _row(result: Backtest) -> dict[str, float]:
    overall = result.metrics()
    row = {name: overall[name] for name in SHOWN if name in overall}
    widest = next(iter(intervals(result.levels)), None)
    if widest is not None:
        row |= {f"coverage_{widest}": overall[f"coverage_{widest}"], f"width_{widest}": overall[f"width_{widest}"]}
    return row | {"fit_seconds": result.fit_seconds, "predict_seconds": result.predict_seconds}
