"""Skill against a baseline as public benchmarks report it, with bootstrap intervals over folds and series.

Dimension key: M forecasters, F folds, S series, B resamples.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.errors import unknown_name
from forecast.evaluation.cells import Cells
from forecast.evaluation.significance import degrees_of_freedom, student_quantile

Over = Literal["fold", "series", "both"]
LEAST_RATIO, GREATEST_RATIO = 0.01, 100.0  # of two errors of a series, as in fev: no series decides alone
BLOCK = 1 << 22  # float64 values handled at a time


def skill(cells: Cells, baseline: int) -> Floats:
    """(M,) 1 − the geometric mean over series of the ratio of errors to those of forecaster number ``baseline``.

    0 is as good as the baseline, 0.1 a tenth less error, below 0 worse.  Ratios are kept within 0.01 … 100, so a series
    that the baseline forecasts without any error counts 100 against the others, and 1 where they have none either; a
    series without a measure (MASE without a scale, say) is left out.  NaN forecasts give NaN.
    Source: Shchur et al. 2025, fev-bench; GIFT-Eval (Aksu et al. 2024) takes the same geometric mean.
    """
    ratios = _log_ratios(cells.by_series, baseline)
    return np.asarray(1 - np.exp(_means(ratios[None], cells.seen[None].astype(np.float64))[0]))


def skill_interval(
    cells: Cells,
    baseline: int,
    *,
    over: Over = "fold",
    coverage: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Lower and upper ends (M,) each of bootstrap intervals of ``skill``.

    fold: the folds are drawn anew, in blocks where they overlap, for the same series at other times.  series: the
    series are drawn anew, for other series of this kind at these times.  both: both at once (Owen and Eckles 2012),
    which is rather too wide.  The deviations of the logarithm are widened as Student's t is wider than the normal
    distribution, and by what a bootstrap of few items and of blocks falls short of: of 95 % intervals of lognormal
    errors 94 % hold the true skill from 5 folds on, 93 % where folds overlap.  NaN with a single fold or series.
    """
    from scipy.special import ndtri

    if over not in ("fold", "series", "both"):
        raise unknown_name("over", over, ("fold", "series", "both"))
    series = int(cells.seen.sum())
    count = {"fold": cells.folds, "series": series, "both": min(cells.folds, series)}[over]
    overlap = 1 if over == "series" else cells.overlap
    freedom = degrees_of_freedom(count, overlap)
    if freedom < 1 or not series:
        nothing = np.full(len(cells.names), np.nan)
        return nothing, nothing
    middle = np.log(1 - skill(cells, baseline))
    drawn = np.concatenate(list(_resampled(cells, baseline, over, resamples, np.random.default_rng(seed))))
    tail = (1 - coverage) / 2
    wider = student_quantile(1 - tail, freedom) / ndtri(1 - tail) * _shortfall(count, overlap)
    low, high = np.quantile(drawn - middle, (tail, 1 - tail), axis=0) * wider
    return 1 - np.exp(middle + high), 1 - np.exp(middle + low)


def block_counts(count: int, resamples: int, *, block: float, generator: np.random.Generator) -> Ints:
    """How often each of ``count`` items in order is drawn in each resample, (B, count), by the stationary bootstrap.

    block: mean length of the runs of neighbours that are drawn together; 1 draws each item for itself.
    Source: Politis and Romano 1994, The stationary bootstrap.
    """
    place = np.arange(count)
    anew = generator.random((resamples, count)) < 1 / block
    anew[:, 0] = True
    start = generator.integers(count, size=(resamples, count))
    latest = np.maximum.accumulate(np.where(anew, place, 0), axis=1)
    drawn = (np.take_along_axis(start, latest, axis=1) + place - latest) % count
    each = drawn + count * np.arange(resamples)[:, None]
    return np.bincount(each.ravel(), minlength=resamples * count).reshape(resamples, count)


def _resampled(
    cells: Cells, baseline: int, over: Over, resamples: int, generator: np.random.Generator
) -> Iterator[Floats]:
    """The mean log ratios (B, M) of resamples, some at a time."""
    sums, weight = cells.table()
    forecasters, folds, series = sums.shape
    flat = np.concatenate([sums.transpose(1, 0, 2).reshape(folds, -1), weight], axis=1)  # (F, M·S + S)
    fixed, seen = _log_ratios(cells.by_series, baseline), cells.seen.astype(np.float64)
    at_once = max(1, BLOCK // ((forecasters + 1) * series))
    for first in range(0, resamples, at_once):
        here = min(at_once, resamples - first)
        ratios, drawn = np.broadcast_to(fixed, (here, *fixed.shape)), np.broadcast_to(seen, (here, series))
        if over != "series":
            counts = block_counts(folds, here, block=_block(cells.overlap), generator=generator)
            errors, left = np.split(counts.astype(np.float64) @ flat, [forecasters * series], axis=1)
            errors = (np.sqrt(errors) if cells.root else errors).reshape(here, forecasters, series)
            ratios, drawn = _log_ratios(errors, baseline), np.where(left > 0, 1.0, 0.0)
        if over != "fold":
            drawn = drawn * block_counts(series, here, block=1, generator=generator)
        yield _means(ratios, drawn)[drawn.any(axis=1)]


def _shortfall(count: int, overlap: int) -> float:
    """Standard error of a mean of ``count`` items over that which ``block_counts`` gives it on average.

    The blocks keep a share (1 − 1 / block)^k of the covariance of items k apart (Politis and Romano 1994),
    which for shocks that ``overlap`` items share in equal parts falls as 1 − k / overlap.
    """
    block, lags = _block(overlap), np.abs(np.arange(1 - overlap, overlap))
    kept = float(((1 - lags / overlap) * (1 - 1 / block) ** lags).sum() / overlap)
    return float(np.sqrt(count / (count - block) / kept))


def _block(overlap: int) -> int:
    """Mean length of the blocks of folds."""
    return 2 * overlap - 1


def _means(ratios: Floats, weight: Floats) -> Floats:
    """Means (B, M) of ratios (B, M, S) over the series, weighted by (B, S); NaN where nothing counts."""
    kept = np.where(weight[:, None, :] > 0, ratios, 0.0)
    total = weight.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("bms,bs->bm", kept, weight) / np.where(total > 0, total, np.nan))


def _log_ratios(errors: Floats, baseline: int) -> Floats:
    """Logarithms of errors (…, M, S) over those of the baseline; NaN where either is NaN.

    The sums of errors do as well as their means: what both are divided by is the same.
    """
    base = errors[..., baseline : baseline + 1, :]
    ratio = np.divide(errors, base, out=np.full(errors.shape, GREATEST_RATIO), where=base > 0)
    ratio = np.where((errors == 0) & (base == 0), 1.0, np.clip(ratio, LEAST_RATIO, GREATEST_RATIO))
    return np.asarray(np.log(np.where(np.isnan(errors + base), np.nan, ratio)))
