"""Which cycles the data really show.

A cycle of c steps is told from the variogram d(l), the mean square of x(t) − x(t − l), of the series less its moving
average over c steps: it dips at l = c below its mean over the lags around c, from c/2 to 3c/2.  Noise and random walks
do not dip there.  Before a longer cycle is looked for, the shorter one is averaged out.

Dimension key: T steps, S series.
"""

from weakref import WeakKeyDictionary

import numpy as np

from forecast.datasets.arrays import Floats
from forecast.datasets.panel import Panel
from forecast.datasets.timeline import Timeline

_STEPS = 30_000  # looked at of each series, its latest: three years of hours
_VALUES = 1_500_000  # looked at of all series together
_SERIES = 200
_DIP = 0.85  # d(c) over its surroundings below which a cycle counts, seen without end; noise has 0.92 to 1.06 …
_SCATTER = 0.8  # … and scatters about that by less than this over the square root of the cycles seen
_CLEAR = 0.5  # dip from which the shortest of several unnamed cycles is taken before a deeper, longer one
_CYCLES = 2.5  # how often a cycle must fit into a series to be seen
_OFTEN, _AGAIN = 6, 4  # the same for a first and a second cycle of any length, of which there are many to err by
_CANDIDATES = 8  # lags of an axis without a calendar that are looked at closely
_ROUNDING = 1e-12  # of its level: a smaller deviation is a rounding error


def natural_cycles(timeline: Timeline) -> tuple[int, ...]:
    """The cycles that the frequency suggests, in steps, shortest first: (24, 168, 8766) for hourly data."""
    return timeline.cycles


def detect_season(panel: Panel) -> int:
    """Steps per main cycle: the shortest cycle that the data show, 1 if they show none."""
    return next(iter(detect_cycles(panel)), 1)


def detect_cycles(panel: Panel) -> tuple[int, ...]:
    """The cycles that the median series shows, in steps, shortest first.

    On a grid with a calendar these are among its natural cycles; on integers and rows any length is looked for.
    """
    if panel not in _FOUND:
        _FOUND[panel] = _cycles(panel)
    return _FOUND[panel]


_FOUND: WeakKeyDictionary[Panel, tuple[int, ...]] = WeakKeyDictionary()  # a fit asks twice


def _cycles(panel: Panel) -> tuple[int, ...]:
    series = _sample(panel)
    if not series:
        return ()
    natural = natural_cycles(panel.timeline)
    return _among(series, natural) if natural or panel.timeline.kind in ("fixed", "period") else _any(series)


def _among(series: list[Floats], natural: tuple[int, ...]) -> tuple[int, ...]:
    found: list[int] = []
    for cycle in natural:
        if _shows(series, cycle) < 1:
            found.append(cycle)
            series = [_averaged(values, cycle) for values in series]
    return tuple(found)


def _any(series: list[Floats]) -> tuple[int, ...]:
    """Up to two cycles of any length, the second a multiple of the first."""
    first = _best(series, step=1, times=_OFTEN)
    if first == 0:
        return ()
    second = _best([_averaged(values, first) for values in series], step=first, times=_AGAIN)
    return (first, second) if second > first else (first,)


def _best(series: list[Floats], *, step: int, times: int) -> int:
    """The cycle among the multiples of ``step`` that shows best, a shorter one before longer ones; 0 if none does."""
    longest = int(np.median([len(values) for values in series]) / times)
    lags = np.arange(step, longest + 1, step)
    lags = lags[lags >= 2]
    if not len(lags):
        return 0
    dips = [_dips(values, longest) for values in series if len(values) > longest * 3 // 2]
    rough = np.median(dips, axis=0)[lags]
    lowest = (rough <= np.append(rough[0], rough)[:-1]) & (rough <= np.append(rough, rough[-1])[1:])
    candidates = lags[lowest][np.argsort(rough[lowest])][:_CANDIDATES]
    shown = {int(lag): _shows(series, int(lag)) for lag in sorted(candidates)}
    clear = [lag for lag, share in shown.items() if share < _CLEAR]
    lag = clear[0] if clear else min(shown, key=lambda lag: shown[lag], default=0)
    return lag if lag and shown[lag] < 1 else 0


def _shows(series: list[Floats], cycle: int) -> float:
    """The median dip at a cycle as a share of the dip at which it counts: below 1 it shows."""
    usable = [values for values in series if len(values) >= _CYCLES * cycle]
    if len(usable) < max(1, len(series) // 10):
        return np.inf
    seen = sum(len(values) for values in usable) / cycle
    dip = float(np.median([_dips(values - _level(values, cycle), cycle)[cycle] for values in usable]))
    return dip / max(_DIP - _SCATTER / float(np.sqrt(seen)), 1e-9)


def _sample(panel: Panel) -> list[Floats]:
    """The latest steps of series spread over the panel, standardised and without extremes."""
    lengths = np.minimum(panel.ends, _STEPS)
    count = int(min(_SERIES, len(panel), max(_VALUES // max(int(np.median(lengths)), 1), 8)))
    chosen = np.unique(np.linspace(0, len(panel) - 1, count).round().astype(int))
    series = [_prepared(panel.series(int(s))[-_STEPS:, c]) for s in chosen for c in range(panel.channels)]
    return [values for values in series if len(values)]


def _prepared(values: Floats) -> Floats:
    values = values.astype(np.float64)
    seen = ~np.isnan(values)
    if seen.sum() < 8:
        return np.zeros(0)
    low, high = np.quantile(values[seen], [0.005, 0.995])
    values = np.clip(values, low, high)
    centred = values - values[seen].mean()
    spread = centred[seen].std()
    return centred / spread if spread > _ROUNDING * max(abs(float(low)), abs(float(high))) else np.zeros(0)


def _dips(values: Floats, longest: int) -> Floats:
    """(longest + 1,) d(l) over the mean of d from l − l/2 to l + l/2 without l; 1 for the lags 0 and 1."""
    variogram = _variogram(values, longest + longest // 2)
    lags = np.arange(2, longest + 1)
    half = lags // 2
    total = np.concatenate([[0], np.cumsum(variogram)])
    around = (total[lags + half + 1] - total[lags - half] - variogram[lags]) / (2 * half)
    dips = np.ones(longest + 1)
    dips[2:] = np.where(around > 1e-12, variogram[lags] / np.maximum(around, 1e-12), 1.0)
    return dips


def _variogram(values: Floats, longest: int) -> Floats:
    """(longest + 1,) mean square difference of values ``l`` steps apart, over the pairs that are both observed."""
    seen = ~np.isnan(values)
    filled = np.where(seen, values, 0.0)
    size = 1 << int(np.ceil(np.log2(len(values) + longest + 1)))
    x, square, mask = (np.fft.rfft(part, size) for part in (filled, filled**2, seen.astype(float)))
    product = square * mask.conj()
    sums = np.fft.irfft(product + product.conj() - 2 * x * x.conj(), size)[: longest + 1]
    pairs = np.fft.irfft(mask * mask.conj(), size)[: longest + 1].round()
    return np.maximum(sums, 0.0) / np.maximum(pairs, 1.0)


def _averaged(values: Floats, cycle: int) -> Floats:
    """(T − c + 1,) the moving average over one cycle, of the observed steps; NaN where fewer than half are observed."""
    total, count = _running(values)
    number = count[cycle:] - count[:-cycle]
    mean = (total[cycle:] - total[:-cycle]) / np.maximum(number, 1)
    return np.where(number >= cycle / 2, mean, np.nan)


def _level(values: Floats, cycle: int) -> Floats:
    """(T,) the mean of the observed steps of the cycle around each step, of less than a cycle at both ends."""
    total, count = _running(values)
    middle = np.arange(len(values))
    first = np.maximum(middle - cycle // 2, 0)
    last = np.minimum(middle + cycle - cycle // 2, len(values))
    return np.asarray((total[last] - total[first]) / np.maximum(count[last] - count[first], 1))


def _running(values: Floats) -> tuple[Floats, Floats]:
    seen = ~np.isnan(values)
    total = np.concatenate([[0], np.cumsum(np.where(seen, values, 0.0))])
    return total, np.concatenate([[0], np.cumsum(seen)])
