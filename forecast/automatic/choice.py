"""Which forecaster, or which combination, to trust after a backtest: pure functions of what was measured.

Errors on a few folds are estimates, and the best of many is partly the luckiest.  So what is simpler stays unless
something else is better by more than the noise of the comparison (the rule of one standard error; Breiman et al. 1984,
Classification and Regression Trees, section 3.4.3), and among near-equals a combination is taken, whose error varies
less than those of its members (Bates and Granger 1969; Makridakis and Hibon 2000).

Dimension key: W windows, M members.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecast.automatic.parts import half_of, part_of
from forecast.datasets.arrays import Floats, Ints
from forecast.ensembles.backtests import combined_backtest
from forecast.ensembles.weights import Weights, equal_weights, weigh
from forecast.evaluation.results import Backtest

LARGEST = 5  # members of an equal combination
POOL = 4  # best of each kind that the greedy one is put together from: many variants of a network err alike
LEAST_WEIGHT = 0.05  # of a member that is worth being fitted again
FAR = 1.6  # error over that of the best beyond which a forecaster is in no combination
COMBINED = "combined"

Kind = Literal["simple", "statistics", "network"]
KINDS: tuple[Kind, ...] = ("simple", "statistics", "network")
WORDS: Mapping[Kind, str] = {"simple": "Simple ones", "statistics": "Statistics", "network": "Networks"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Option:
    """What may be chosen.  backtest: of the weighted members, those of learned weights by weights learned on the other
    half of the windows, so that no window is forecast with what was learned from it.  judged: (W,) its errors.
    """

    weights: Weights
    backtest: Backtest
    judged: Floats

    @property
    def combined(self) -> bool:
        return len(self.weights.members) > 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """What was chosen, and why, in sentences."""

    option: Option
    why: tuple[str, ...]

    @property
    def name(self) -> str:
        """The label of the one that was chosen, or that of a combination."""
        return COMBINED if self.option.combined else self.option.weights.members[0]


def choose(
    backtests: Mapping[str, Backtest], kinds: Mapping[str, Kind], *, affordable: Callable[[Sequence[str]], bool]
) -> Choice:
    """The forecaster or combination to trust, from backtests of the same windows and the kind of each label.

    affordable: whether there is time to fit all of these members again.
    First the best simple one; then what the statistics add, then what the networks add, each only where it is better by
    more than the noise.
    """
    weight = _weight(next(iter(backtests.values())))
    errors = {label: _errors(result) for label, result in backtests.items()}
    ranked = sorted(backtests, key=lambda label: _mean(errors[label], weight))
    chosen: Option | None = None
    why: list[str] = []
    for last, kind in enumerate(KINDS):
        labels = [label for label in ranked if kinds[label] in KINDS[: last + 1]]
        if not any(kinds[label] == kind for label in labels):
            continue
        able = affordable if chosen is not None else _always  # something has to forecast, even when the time is over
        options = _options(labels, backtests, errors, None if kind == "simple" else kinds, affordable=able)
        if not options:
            continue
        found = _best(options, weight)
        if chosen is None:
            chosen = found
            continue
        if not any(kinds[member] == kind for member in found.weights.members):
            why.append(_nothing_added(kind, [label for label in labels if kinds[label] == kind], errors, weight))
            continue
        difference, noise = _compare(found, chosen, weight)
        better = difference < -noise
        why.append(_sentence(found, chosen, kind, weight, noise, better=better))
        chosen = found if better else chosen
    assert chosen is not None  # the reference is always among the simple ones
    first, error = ranked[0], _mean(errors[ranked[0]], weight)
    if error < _mean(chosen.judged, weight) and not affordable(ranked[:1]):
        why.append(f"{first} has an error of {error:.3g}, but no time is left to fit it again on all rows.")
    return Choice(option=chosen, why=tuple(why))


def _always(_: Sequence[str]) -> bool:
    return True


def _options(
    labels: list[str],
    backtests: Mapping[str, Backtest],
    errors: Mapping[str, Floats],
    kinds: Mapping[str, Kind] | None,
    *,
    affordable: Callable[[Sequence[str]], bool],
) -> list[Option]:
    """The best of the labels (ranked, best first) by itself; with ``kinds`` also combinations of the best."""
    able = [label for label in labels if affordable([label])]
    if not able:
        return []
    options = [Option(weights=equal_weights(able[:1]), backtest=backtests[able[0]], judged=errors[able[0]])]
    if kinds is None:
        return options
    weight = _weight(backtests[able[0]])
    limit = FAR * _mean(errors[able[0]], weight)
    near = [label for label in able if _mean(errors[label], weight) <= limit]
    for size in range(2, min(LARGEST, len(near)) + 1):
        if affordable(near[:size]):
            options.append(_option(equal_weights(near[:size]), backtests))
    alike = [[one for one in near if kinds[one] == kind] for kind in KINDS]
    pool = {label for labels in alike for label in labels[:POOL]}
    learned = _learned({label: backtests[label] for label in near if label in pool}, affordable)
    return [*options, learned] if learned is not None else options


def _option(weights: Weights, backtests: Mapping[str, Backtest]) -> Option:
    result = combined_backtest(backtests, weights, name=COMBINED)
    return Option(weights=weights, backtest=result, judged=_errors(result))


def _learned(pool: Mapping[str, Backtest], affordable: Callable[[Sequence[str]], bool]) -> Option | None:
    """The greedy combination, judged on each half of the windows by weights learned on the other half."""
    if len(pool) < 2:
        return None
    half = half_of(next(iter(pool.values())))
    if half is None:
        return None
    weights = _lighter(weigh(pool, "greedy"))
    if len(weights.members) < 2 or not affordable(weights.members):
        return None
    whole = combined_backtest(pool, weights, name=COMBINED)
    values = whole.values.copy()
    for learned_on in (half, ~half):
        earlier = {label: part_of(result, learned_on) for label, result in pool.items()}
        later = {label: part_of(result, ~learned_on) for label, result in pool.items()}
        values[~learned_on] = combined_backtest(later, _lighter(weigh(earlier, "greedy")), name=COMBINED).values
    honest = replace(whole, values=values)
    return Option(weights=weights, backtest=honest, judged=_errors(honest))


def _lighter(weights: Weights) -> Weights:
    """The same without members that hardly count."""
    kept = [m for m, share in enumerate(weights.points) if share >= LEAST_WEIGHT]
    points = weights.points[kept]
    return Weights(members=tuple(weights.members[m] for m in kept), points=points / points.sum(), how=weights.how)


def _best(options: list[Option], weight: Floats) -> Option:
    """The best combination, unless the best single one is better by more than the noise."""
    ranked = sorted(options, key=lambda option: _mean(option.judged, weight))
    best = ranked[0]
    if best.combined:
        return best
    combined = next((option for option in ranked if option.combined), None)
    if combined is None:
        return best
    difference, noise = _compare(best, combined, weight)
    return best if difference < -noise else combined


# ---------------------------------------------------------------------- errors and their noise


def _errors(result: Backtest) -> Floats:
    """(W,) MASE of each window, MAE where no series has a scale; 0 where nothing counts."""
    table = result.metrics("window")
    measure = "mase" if np.isfinite(result.metrics()["mase"]) else "mae"
    return np.asarray(np.nan_to_num(table[measure].to_numpy(dtype=np.float64)))


def _weight(result: Backtest) -> Floats:
    """(W,) values of each window that count."""
    table = result.metrics("window")
    counted = table["count"].to_numpy(dtype=np.float64)
    scaled = counted - table["unscaled"].to_numpy(dtype=np.float64)
    return scaled if scaled.any() else counted


def _mean(errors: Floats, weight: Floats) -> float:
    return float(np.average(errors, weights=weight)) if weight.any() else 0.0


def _compare(one: Option, other: Option, weight: Floats) -> tuple[float, float]:
    """The mean of one's errors less the other's, and its standard error.

    Windows of the same fold, or of the same series, err together: they are taken as one, in the way that gives more
    noise.
    """
    differences = one.judged - other.judged
    mean = _mean(differences, weight)
    groups = (np.arange(len(weight)), one.backtest.fold, one.backtest.series)
    return mean, max(_standard_error(differences - mean, weight, group) for group in groups)


def _standard_error(residuals: Floats, weight: Floats, group: Ints) -> float:
    """Of a weighted mean whose terms depend on each other within groups; 0 where there are fewer than three groups."""
    _, place = np.unique(group, return_inverse=True)
    count = int(place.max(initial=-1)) + 1
    if count < 3:
        return 0.0
    sums = np.bincount(place, weights=residuals * weight)
    return float(np.sqrt(count / (count - 1) * np.square(sums).sum()) / weight.sum())


def _nothing_added(kind: Kind, labels: list[str], errors: Mapping[str, Floats], weight: Floats) -> str:
    best = labels[0]
    return f"{WORDS[kind]} add nothing: {best}, the best of them, has an error of {_mean(errors[best], weight):.3g}."


def _sentence(found: Option, chosen: Option, kind: Kind, weight: Floats, noise: float, *, better: bool) -> str:
    one, other = _told(*(_mean(option.judged, weight) for option in (found, chosen)))
    words = f"{WORDS[kind]}: {_named(found)} has an error of {one} where {_named(chosen)} has {other}"
    return f"{words}, {'better by more' if better else 'no better by more'} than the noise of {noise:.2g}."


def _told(*errors: float) -> tuple[str, ...]:
    """Three digits of each, more where it takes these to tell them apart."""
    for digits in range(3, 7):
        told = tuple(f"{error:.{digits}g}" for error in errors)
        if len(set(told)) == len(set(errors)):
            break
    return told


def _named(option: Option) -> str:
    if not option.combined:
        return option.weights.members[0]
    shares = [f"{share:.0%} {label}" for label, share in option.weights.as_mapping().items()]
    return f"the combination of {' + '.join(shares)}"
