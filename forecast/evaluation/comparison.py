"""Which of several forecasters is better, in words: 'better', 'worse' or 'cannot tell', with p and an interval.

Dimension key: M forecasters, K comparisons, N folds or series.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecast.datasets.arrays import Floats
from forecast.errors import unknown_name
from forecast.evaluation.cells import Cells, cells, on_one_scale
from forecast.evaluation.findings import By, Comparison, Contest
from forecast.evaluation.results import Backtest
from forecast.evaluation.significance import (
    FEWEST_SERIES,
    Variance,
    diebold_mariano,
    fewest_origins,
    holm,
    origins_needed,
    wilcoxon,
)
from forecast.evaluation.skill import skill, skill_interval

REFERENCE = "seasonal-naive"


def compare(
    first: Backtest,
    second: Backtest,
    *,
    measure: str | None = None,
    by: By | None = None,
    test: Literal["diebold-mariano", "wilcoxon"] = "diebold-mariano",
    overlap: int | None = None,
    variance: Variance = "cosine",
    level: float = 0.05,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """A paired test of two backtests on the same windows, with one error per fold (or per series) as a pair.

    measure: of error, MASE where it is defined.  by: fold tells whether the first is better for these series at other
    times; series, whether it is for other series at these times, which are taken as independent of one another: what
    hits all at once makes p too small.  None: folds where there are enough for a test, else series.
    test: Diebold and Mariano's, with allowance for ``overlap`` (see ``diebold_mariano``); wilcoxon: signed ranks
    (1945), which makes none.  overlap: how many successive folds err alike: those that share rows where None.  Where
    folds further apart do, as when one model suits a whole year, say more: with a correlation of 0.2 between
    neighbours equals are told apart in 10 % of all cases instead of 5 %, with overlap=2 in 6 %.

    Raises ``ConfigError`` for different windows or what it does not know.
    """
    if test not in ("diebold-mariano", "wilcoxon"):
        raise unknown_name("test", test, ("diebold-mariano", "wilcoxon"))
    found = cells(on_one_scale({"first": first, "second": second}, None), measure=measure, overlap=overlap)
    tests = _tests(found, by, variance, _How(level=level, resamples=resamples, seed=seed))
    if test == "wilcoxon" and tests.enough:
        tests.p[0, 1] = wilcoxon(tests.losses[0] - tests.losses[1])
    return _comparison(tests, 0, 1, adjusted=tests.p[0, 1], gain=[float(ends[0]) for ends in _skills(tests, 1)])


def contest(
    backtests: Mapping[str, Backtest],
    *,
    reference: str | None = None,
    measure: str | None = None,
    by: By | None = None,
    season: int | None = None,
    overlap: int | None = None,
    variance: Variance = "cosine",
    level: float = 0.05,
    resamples: int = 1000,
    seed: int = 0,
) -> Contest:
    """Every forecaster against the reference, and the one with the smallest error against every other.

    reference: seasonal naive where it is among them.  measure, by, overlap, variance: as in ``compare``.
    The chance of any wrong 'better' or 'worse' among those against the reference is at most ``level``, and among those
    of the winner, too: as the errors themselves say who wins, all pairs of forecasters are allowed for there.
    resamples, seed: of the intervals; 0 resamples make none.
    Raises ``ConfigError`` for different windows, seasons or an unknown reference or measure.
    """
    found = cells(on_one_scale(backtests, season), measure=measure, overlap=overlap)
    tests = _tests(found, by, variance, _How(level=level, resamples=resamples, seed=seed))
    names, base = found.names, reference_of(found.names, reference)
    best = int(np.argmin(np.where(np.isnan(found.overall), np.inf, found.overall)))
    return Contest(
        winner=names[best],
        reference=None if base is None else names[base],
        measure=found.measure,
        by=tests.by,
        errors=dict(zip(names, found.overall.tolist(), strict=True)),
        ranks=dict(zip(names, found.ranks.tolist(), strict=True)),
        against_reference={} if base is None else _against(tests, base),
        of_winner=_of_winner(tests, best),
    )


def reference_of(names: Sequence[str], reference: str | None) -> int | None:
    """The number of the reference: as asked for, else seasonal naive, None where that is not among them."""
    if reference is None:
        return names.index(REFERENCE) if REFERENCE in names else None
    if reference not in names:
        raise unknown_name("reference", reference, names)
    return names.index(reference)


# ---------------------------------------------------------------------- all pairs


@dataclass(frozen=True, kw_only=True)
class _How:
    """What counts as shown, and how intervals are made; 0 resamples make none."""

    level: float
    resamples: int
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tests:
    """Every forecaster against every other.

    losses: (M, N), by fold or by series.  overlap: of the folds, 1 for series.  enough: whether N are enough for tests.
    difference, deviation, p: (M, M), of the row's losses less the column's; p is NaN where there are not enough.
    """

    found: Cells
    by: By
    overlap: int
    losses: Floats
    enough: bool
    difference: Floats
    deviation: Floats
    p: Floats
    how: _How


def _tests(found: Cells, by: By | None, variance: Variance, how: _How) -> _Tests:
    """All tests by fold, or by series where that is asked for or the folds are too few and the series are not."""
    if by not in (None, "fold", "series"):
        raise unknown_name("pairing", by, ("fold", "series"))
    losses = {"fold": _defined(found.by_fold), "series": _defined(found.by_series)}
    enough = {
        "fold": losses["fold"].shape[1] >= fewest_origins(found.overlap),
        "series": losses["series"].shape[1] >= FEWEST_SERIES,
    }
    unit: By = by or ("series" if enough["series"] and not enough["fold"] else "fold")
    chosen, overlap = losses[unit], found.overlap if unit == "fold" else 1
    made = [diebold_mariano(one - chosen, overlap=overlap, variance=variance) for one in chosen]
    return _Tests(
        found=found,
        by=unit,
        overlap=overlap,
        losses=chosen,
        enough=enough[unit],
        difference=np.stack([each.mean for each in made]),
        deviation=np.stack([each.deviation for each in made]),
        p=np.stack([each.p for each in made]) if enough[unit] else np.full((len(chosen), len(chosen)), np.nan),
        how=how,
    )


def _defined(losses: Floats) -> Floats:
    """The columns in which some forecaster has a measure."""
    return losses[:, ~np.isnan(losses).all(axis=0)]


def _against(tests: _Tests, base: int) -> dict[str, Comparison]:
    """Every forecaster against number ``base``."""
    names = tests.found.names
    others = [m for m in range(len(names)) if m != base]
    adjusted = dict(zip(others, holm(tests.p[others, base]), strict=True))
    gains = _skills(tests, base)
    return {
        names[m]: _comparison(
            tests, m, base, adjusted=adjusted[m], gain=[float(each[m]) for each in gains], made=len(others)
        )
        for m in others
    }


def _of_winner(tests: _Tests, best: int) -> dict[str, Comparison]:
    """Forecaster number ``best`` against every other, with allowance for all pairs."""
    names, rows = tests.found.names, np.triu_indices(len(tests.found.names), 1)
    adjusted = np.full(tests.p.shape, np.nan)
    adjusted[rows] = adjusted.T[rows] = holm(tests.p[rows])
    middle, low, high = (1 - 1 / (1 - each) for each in _skills(tests, best))  # the winner's, seen from the others
    return {
        names[m]: _comparison(
            tests,
            best,
            m,
            adjusted=adjusted[best, m],
            gain=[float(each[m]) for each in (middle, high, low)],
            made=len(rows[0]),
        )
        for m in range(len(names))
        if m != best
    }


def _skills(tests: _Tests, baseline: int) -> tuple[Floats, Floats, Floats]:
    """Skill (M,) and the ends of its intervals, over what the tests are over; NaN ends where there are too few."""
    how, found = tests.how, tests.found
    if not tests.enough or how.resamples < 1:
        nothing = np.full(len(found.names), np.nan)
        return skill(found, baseline), nothing, nothing
    ends = skill_interval(
        found, baseline, over=tests.by, coverage=1 - how.level, resamples=how.resamples, seed=how.seed
    )
    return skill(found, baseline), *ends


def _comparison(
    tests: _Tests, first: int, second: int, *, adjusted: float, gain: Sequence[float], made: int = 1
) -> Comparison:
    """One of ``made`` comparisons.  gain: skill with the ends of its interval."""
    difference, deviation = tests.difference[first, second], tests.deviation[first, second]
    level = tests.how.level
    needed = fewest_origins(tests.overlap) if tests.by == "fold" else FEWEST_SERIES
    if tests.enough:
        needed = max(needed, int(origins_needed(difference, deviation, overlap=tests.overlap, level=level / made)))
    return Comparison(
        first=tests.found.names[first],
        second=tests.found.names[second],
        measure=tests.found.measure,
        by=tests.by,
        pairs=tests.losses.shape[1],
        difference=float(difference),
        p=float(tests.p[first, second]),
        adjusted=float(adjusted),
        level=level,
        needed=needed,
        skill=gain[0],
        low=gain[1],
        high=gain[2],
    )
