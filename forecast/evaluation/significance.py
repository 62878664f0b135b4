"""Whether a difference in error could be chance: tests of equal accuracy, and their control where many are made.

Dimension key: N origins (folds) in order of time, or series; … any leading axes, one comparison each.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from forecast.datasets.arrays import Floats, Ints
from forecast.errors import ConfigError, unknown_name

Variance = Literal["cosine", "truncated", "bartlett"]
VARIANCES = ("cosine", "truncated", "bartlett")
FEWEST_FREEDOM = 4  # degrees of freedom: with fewer, a single odd fold decides
FEWEST_SERIES = 10  # where series take the place of folds
MOST_NEEDED = 100_000  # where more would be needed, the difference is as good as none
POWER = 0.8


@dataclass(frozen=True, kw_only=True, eq=False)
class EqualAccuracy:
    """Tests of mean difference 0, each array (…,).

    mean: of the differences.  statistic: mean over its standard error.  p: two-sided; NaN where there are too few.
    deviation: root of the long-run variance of one difference.  freedom: degrees of freedom of Student's t.
    """

    mean: Floats
    statistic: Floats
    p: Floats
    deviation: Floats
    freedom: int


def diebold_mariano(differences: ArrayLike, *, overlap: int = 1, variance: Variance = "cosine") -> EqualAccuracy:
    """Diebold and Mariano's (1995) test that two forecasts have the same expected loss.

    differences: (…, N) losses of one forecast less those of the other, in order of time.  overlap: how many successive
    origins share rows that they forecast, 1 where none do; differences further apart than that are taken as
    uncorrelated, which holds for forecasts that leave nothing to be learned from their errors.  For a panel the loss of
    an origin is the mean over its series, so that shocks which hit all series at once are allowed for; the mean
    difference is assumed to be the same at all origins, and not to be the work of one or two.

    truncated: the sum of the first ``overlap`` autocovariances, the small-sample factor of Harvey, Leybourne and
    Newbold (1997, International Journal of Forecasting 13) and Student's t with N − 1 degrees of freedom; where
    that sum is not positive, Bartlett's weights.  bartlett: these weights always (Newey and West 1987).
    cosine: the mean square of the first (N − 1) // (2·overlap − 1) cosine transforms, and as many degrees of freedom
    (Lazarus, Lewis, Stock and Watson 2018, Journal of Business & Economic Statistics 36).  With overlap 1
    all three are the same test.  Above, only this one keeps its level with few origins: of true equals with 12 steps
    of overlap and 120 origins it tells 6 % apart at 5 %, truncated 9 %, with 36 origins 6 % and 20 %.

    Raises ``ConfigError`` for an overlap below 1 or an unknown variance, p is NaN with N ≤ overlap or N < 2.
    """
    if overlap < 1:
        raise ConfigError(f"overlap={overlap!r} is not at least 1", "Give 1 where no two origins share a row.")
    if variance not in VARIANCES:
        raise unknown_name("variance", variance, VARIANCES)
    d = np.atleast_1d(np.asarray(differences, dtype=np.float64))
    count = d.shape[-1]
    freedom = degrees_of_freedom(count, overlap, variance=variance)
    if freedom < 1 or count <= overlap:
        nothing = np.full(d.shape[:-1], np.nan)
        mean = d.mean(axis=-1) if count else nothing
        return EqualAccuracy(mean=mean, statistic=nothing, p=nothing, deviation=nothing, freedom=0)
    mean = d.mean(axis=-1)
    centred = d - mean[..., None]
    centred[np.ptp(d, axis=-1) == 0] = 0.0  # the mean of equal numbers may be off by a rounding
    spread = _cosine(centred, freedom) if variance == "cosine" else _covariances(centred, overlap, variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where((mean == 0) & (spread == 0), 0.0, mean / np.sqrt(spread / count))
    return EqualAccuracy(
        mean=mean, statistic=statistic, p=_two_sided(statistic, freedom), deviation=np.sqrt(spread), freedom=freedom
    )


def degrees_of_freedom(count: int, overlap: int, *, variance: Variance = "cosine") -> int:
    """Those of Student's t in a test of ``count`` origins, 0 where there are too few for any."""
    return max(0, (count - 1) // (2 * overlap - 1) if variance == "cosine" else count - 1)


def fewest_origins(overlap: int) -> int:
    """How many origins leave ``FEWEST_FREEDOM`` degrees of freedom."""
    return FEWEST_FREEDOM * (2 * overlap - 1) + 1


def holm(p: ArrayLike) -> Floats:
    """P-values adjusted so that any false finding among them has at most the chance that one is compared with.

    p: (K,), NaN for tests that could not be made, which are not counted.
    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    given = np.asarray(p, dtype=np.float64)
    order = np.argsort(given, kind="stable")  # NaN last
    count = int(np.isfinite(given).sum())
    steps = given[order[:count]] * np.arange(count, 0, -1)
    adjusted = np.full(given.shape, np.nan)
    adjusted[order[:count]] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def origins_needed(
    mean: ArrayLike, deviation: ArrayLike, *, overlap: int = 1, level: float = 0.05, power: float = POWER
) -> Ints:
    """How many origins show a true mean difference of ``mean`` at ``level`` in a share ``power`` of all cases, (…,).

    deviation: root of the long-run variance of a difference, as ``diebold_mariano`` found it.  The cosine test is
    assumed; at least ``fewest_origins``, at most ``MOST_NEEDED``, which is also the answer where the mean is 0.
    """
    size = np.divide(np.abs(mean), deviation, out=np.full(np.shape(mean), np.inf), where=np.asarray(deviation) > 0)
    size = np.where(np.asarray(mean) == 0, 0.0, size)
    low = np.full(size.shape, fewest_origins(overlap), dtype=np.int64)
    high = np.full(size.shape, MOST_NEEDED, dtype=np.int64)
    while np.any(low < high):  # bisection: more origins never have less power
        middle = (low + high) // 2
        freedom = np.maximum((middle - 1) // (2 * overlap - 1), 1)
        bar = student_quantile(1 - level / 2, freedom) + student_quantile(power, freedom)
        enough = size * np.sqrt(middle) >= bar
        low, high = np.where(enough, low, np.minimum(middle + 1, high)), np.where(enough, middle, high)
    return low


def wilcoxon(differences: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's (1945) signed ranks of differences (N,); 1 where none differs."""
    from scipy import stats

    d = np.asarray(differences, dtype=np.float64)
    return float(stats.wilcoxon(d).pvalue) if d.any() else 1.0


def student_quantile(share: float, freedom: ArrayLike) -> Floats:
    """The value below which Student's t with ``freedom`` degrees of freedom lies with probability ``share``."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.asarray(freedom, dtype=np.float64), share))


def _two_sided(statistic: Floats, freedom: int) -> Floats:
    from scipy.special import stdtr  # scipy.stats takes a second to import

    return np.asarray(2.0 * stdtr(float(freedom), -np.abs(statistic)))


def _cosine(centred: Floats, count: int) -> Floats:
    """Long-run variance: the mean square of the first ``count`` cosine transforms."""
    from scipy import fft

    waves = fft.dct(centred, type=2, norm="ortho", axis=-1)[..., 1 : count + 1]
    return np.asarray(np.square(waves).mean(axis=-1))


def _covariances(centred: Floats, overlap: int, variance: Variance) -> Floats:
    """Long-run variance from the first autocovariances, divided by the small-sample factor of Harvey and others."""
    count = centred.shape[-1]
    lags = range(overlap)
    found = np.stack([(centred[..., k:] * centred[..., : count - k]).sum(axis=-1) / count for k in lags])
    twice = np.where(np.arange(overlap) == 0, 1.0, 2.0)
    bartlett = np.tensordot(twice * (1 - np.arange(overlap) / overlap), found, axes=1)
    spread = bartlett if variance == "bartlett" else np.tensordot(twice, found, axes=1)
    factor = (count + 1 - 2 * overlap + overlap * (overlap - 1) / count) / count
    return np.asarray(np.where(spread > 0, spread, bartlett) / factor)
