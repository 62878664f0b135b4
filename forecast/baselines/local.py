"""One statistical model a series: what surrounds their fits.

Nothing here imports torch or the estimators, so that a worker process starts fast.

Dimension key: T rows of one series, E origins of it, H horizon, M season.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np

from forecast.baselines.gaps import filled, seasonal_naive, until_observed
from forecast.baselines.seasonal import seasonal_indices
from forecast.datasets.arrays import Floats, Ints

LONGEST_SEASON = 24  # states and start values grow with the season; longer ones are taken out beforehand
JOINT = "|"  # between the names of models whose mean forecasts a series, the weightiest first
SHORTEST = 4  # observed steps below which nothing but the seasonal naive forecast is tried


Outcome = tuple[str, Floats] | Exception  # the model chosen and its parameters, or why there is none
Ahead = tuple[Floats, Floats] | Exception  # mean and standard deviation, or why there are none


class Method(Protocol):
    """A statistical model of standardised series without gaps, learned by each series for itself."""

    name: str
    deseasonalise: bool  # take every season out beforehand, not only long ones
    values_at_a_time: int  # of all series that are solved together

    def learn(self, series: Sequence[Floats], *, season: int, positive: Sequence[bool]) -> list[Outcome]:
        """The model chosen for each of the series (T,), and its parameters."""

    def forecast(
        self,
        series: Sequence[Floats],
        ends: Sequence[Ints],
        *,
        learned: Sequence[tuple[str, Floats]],
        season: int,
        horizon: int,
    ) -> list[Ahead]:
        """Mean and standard deviation (E, H) after the first ``ends`` (E,) values, the parameters held fixed."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What was learned of one series.  Forecasts from later origins filter its state forward with fixed parameters.

    spec: the model chosen, ``naive`` where none fits.  first: grid step of the first value used, and so the phase of
    ``seasonal`` (M or 0 indices, factors if ``factors`` else terms).  last: grid step after the last value used.
    shift, size: values are used as (y - shift) / size.  digest: by which the same history is recognised.
    """

    spec: str
    first: int
    last: int
    shift: float = 0.0
    size: float = 1.0
    factors: bool = False
    digest: tuple[float, ...] = ()
    seasonal: Floats = field(default_factory=lambda: np.zeros(0))
    params: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, kw_only=True)
class Task:
    """Learn one series, or forecast it from some origins, or both.

    values: (T,) from grid step ``start`` on, NaN where unobserved.  ends: (E,) origins, as counts of values, none where
    only learning is asked for.  context: steps before an origin that learning looks back.
    stretch: factors of the spread 1, 2, … steps ahead, the last of them further on.
    """

    method: str
    values: Floats
    start: int
    ends: Ints
    season: int
    horizon: int
    context: int
    learned: Learned | None = None
    stretch: Floats = field(default_factory=lambda: np.ones(1))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """mean, spread: (E, H).  failure: why the seasonal naive forecast stands in for the model's."""

    learned: Learned
    mean: Floats
    spread: Floats
    failure: str | None = None


def solve(tasks: Sequence[Task]) -> list[Answer]:
    """Learn and forecast series together, all with one method, season and horizon.

    A model that fails gives way to the seasonal naive forecast and says why.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        import statsmodels.tools.sm_exceptions  # noqa: F401 - adds filters of its own when first imported

        warnings.simplefilter("ignore")  # of convergence and the like; the fit is judged by its outcome
        known = [_known(task) for task in tasks]
        fresh = iter(_learn([task for task, learned in zip(tasks, known, strict=True) if learned is None]))
        outcomes = [(learned, None) if learned is not None else next(fresh) for learned in known]
        able = [place for place, task in enumerate(tasks) if len(task.ends) and outcomes[place][0].spec != "naive"]
        made = _forecast([tasks[place] for place in able], [outcomes[place][0] for place in able])
        ahead = dict(zip(able, made, strict=True))
        return [
            _answer(task, learned, failure, ahead.get(place))
            for place, (task, (learned, failure)) in enumerate(zip(tasks, outcomes, strict=True))
        ]


def _answer(task: Task, learned: Learned, failure: str | None, ahead: Ahead | None) -> Answer:
    """The forecast where there is a sound one, else the seasonal naive one."""
    if not len(task.ends):
        return Answer(learned=learned, mean=np.zeros((0, 0)), spread=np.zeros((0, 0)), failure=failure)
    if isinstance(ahead, tuple):
        mean, spread = ahead
        sound = np.isfinite(mean).all() and np.isfinite(spread).all()
        if sound and not _exploded(task, learned, mean):
            return Answer(learned=learned, mean=mean, spread=spread, failure=failure)
        ahead = ArithmeticError("the forecast exploded")
    mean, spread = seasonal_naive(task.values, task.ends, task.season, task.horizon)
    return Answer(learned=learned, mean=mean, spread=spread, failure=failure if ahead is None else _cause(ahead))


def attempt(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a function gives, or its exception: a fault in a fit costs this series its model, not others theirs."""
    try:
        return function(*arguments, **options)
    except Exception as error:
        return error


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def digest(values: Floats) -> tuple[float, ...]:
    """Numbers that two different histories hardly share: mean, spread, and a mean weighted by time."""
    if np.isnan(values).all():
        return ()
    centred = values - np.nanmean(values)
    trend = np.nanmean(centred * np.linspace(-1, 1, len(values)))
    return float(np.nanmean(values)), float(np.nanstd(values)), float(trend)


def _known(task: Task) -> Learned | None:
    """What was learned before, if the values at hand continue the history that it was learned from."""
    learned = task.learned
    if learned is None:
        return None
    history = task.values[max(learned.first - task.start, 0) : max(learned.last - task.start, 0)]
    if learned.first < task.start or len(history) < learned.last - learned.first:
        return None
    if len(task.ends) and task.start + task.ends.min() < learned.first + SHORTEST:
        return None  # an origin before what was learned from
    now = digest(history)
    if len(now) != len(learned.digest) or (now and not np.allclose(now, learned.digest, rtol=1e-6)):
        return None
    return learned


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """A series as a model takes it: what is known of it so far, its values (T,) and what a model asks of them."""

    learned: Learned
    values: Floats
    season: int
    positive: bool


def _learn(tasks: Sequence[Task]) -> list[tuple[Learned, str | None]]:
    """Fit on the last ``context`` values before the earliest origin (the end where no origin is given)."""
    prepared = [_prepare(task) for task in tasks]
    results: list[tuple[Learned, str | None]] = [
        (made.learned if isinstance(made, _Prepared) else made, None) for made in prepared
    ]
    for season in sorted({made.season for made in prepared if isinstance(made, _Prepared)}):
        chosen = [place for place, made in enumerate(prepared) if getattr(made, "season", None) == season]
        group = [cast(_Prepared, prepared[place]) for place in chosen]
        outcomes = method_named(tasks[0].method).learn(
            [made.values for made in group], season=season, positive=[made.positive for made in group]
        )
        for place, made, outcome in zip(chosen, group, outcomes, strict=True):
            if isinstance(outcome, Exception):
                results[place] = made.learned, _cause(outcome)
            else:
                results[place] = replace(made.learned, spec=outcome[0], params=outcome[1]), None
    return results


def _prepare(task: Task) -> _Prepared | Learned:
    """The values to learn from without their season and scaled; of too few or constant ones what stands in."""
    end = int(task.ends.min()) if len(task.ends) else len(task.values)
    begin = max(end - task.context, 0)
    seen = begin + np.flatnonzero(~np.isnan(task.values[begin:end]))
    if not len(seen):
        return Learned(spec="naive", first=task.start + begin, last=task.start + end)
    first, last = int(seen[0]), int(seen[-1]) + 1
    raw = task.values[first:last]
    plain = Learned(spec="naive", first=task.start + first, last=task.start + last, digest=digest(raw))
    values = filled(raw)
    if len(seen) < SHORTEST or np.ptp(values) == 0:
        return plain
    method = method_named(task.method)
    mean, spread = float(values.mean()), float(values.std())
    positive = bool(values.min() > 0 and spread > 1e-3 * mean)  # at 1e9 +- 1 factors and terms are the same
    shift, size = (0.0, mean) if positive else (mean, spread)
    scaled = (values - shift) / size
    season, factors, indices = task.season, False, plain.seasonal
    if season > 1 and (method.deseasonalise or season > LONGEST_SEASON):
        indices, factors = seasonal_indices(scaled, season, positive=positive)
        season = 1
    adjusted = _without(scaled, indices, factors=factors)
    return _Prepared(
        learned=replace(plain, shift=shift, size=size, factors=factors, seasonal=indices),
        values=adjusted,
        season=season,
        positive=bool(positive and adjusted.min() > 0),
    )


def _forecast(tasks: Sequence[Task], learned: Sequence[Learned]) -> list[Ahead]:
    """Mean and standard deviation (E, H) of each task, or why there are none."""
    results: list[Ahead] = [ValueError("an origin lies before the first value")] * len(tasks)
    groups: dict[int, list[tuple[int, Floats, Ints, Ints]]] = {}
    for place, (task, known) in enumerate(zip(tasks, learned, strict=True)):
        first = known.first - task.start
        values, ends, missed = until_observed(task.values[first:], task.ends - first)
        if ends.min() >= 1:
            scaled = _without((values - known.shift) / known.size, known.seasonal, factors=known.factors)
            season = 1 if len(known.seasonal) or task.season > LONGEST_SEASON else task.season
            groups.setdefault(season, []).append((place, scaled, ends, missed))
    for season, group in groups.items():
        places = [row[0] for row in group]
        answers = method_named(tasks[0].method).forecast(
            [row[1] for row in group],
            [row[2] for row in group],
            learned=[(learned[place].spec, learned[place].params) for place in places],
            season=season,
            horizon=tasks[0].horizon + max(int(row[3].max()) for row in group),
        )
        for (place, _, ends, missed), answer in zip(group, answers, strict=True):
            results[place] = _in_units(tasks[place], learned[place], answer, ends, missed)
    return results


def _in_units(task: Task, learned: Learned, ahead: Ahead, ends: Ints, missed: Ints) -> Ahead:
    """Forecasts of the values that a model saw, from ``missed`` steps ahead on, as forecasts of the series."""
    if isinstance(ahead, Exception):
        return ahead
    mean, spread = ahead
    spread = spread * task.stretch[np.minimum(np.arange(spread.shape[1]), len(task.stretch) - 1)]
    if len(learned.seasonal):
        season = learned.seasonal[(ends[:, None] + np.arange(mean.shape[1])) % len(learned.seasonal)]
        mean, spread = (mean * season, spread * season) if learned.factors else (mean + season, spread)
    wanted = missed[:, None] + np.arange(task.horizon)
    mean, spread = (np.take_along_axis(part, wanted, axis=1) for part in (mean, spread))
    return mean * learned.size + learned.shift, spread * learned.size


def _without(values: Floats, indices: Floats, *, factors: bool) -> Floats:
    """The values with their season taken out."""
    if not len(indices):
        return values
    season = np.resize(indices, len(values))
    return values / season if factors else values - season


def _exploded(task: Task, learned: Learned, mean: Floats) -> bool:
    """Whether a forecast lies a hundred ranges (or spreads of the history learned) away from everything seen."""
    low, high = np.nanmin(task.values[: task.ends.max()]), np.nanmax(task.values[: task.ends.max()])
    reach = 100 * max(float(high - low), learned.size)
    return bool((mean < low - reach).any() or (mean > high + reach).any())


def method_named(name: str) -> Method:
    """The method; imported here, so that a worker loads the libraries of no other."""
    method: Method = getattr(import_module(f"forecast.baselines.{name}"), name.upper())
    return method
