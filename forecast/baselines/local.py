"""One statistical model a series: what surrounds the fit of each, and the processes that the fits are spread over.

Nothing here imports torch or the estimators, so that a worker process starts fast.

Dimension key: T rows of one series, E origins of it, H horizon, M season.
"""

import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

import numpy as np

from forecast.datasets.arrays import Floats, Ints

LONGEST_SEASON = 24  # states and start values grow with the season; longer ones are taken out beforehand
SHORTEST = 4  # observed steps below which nothing but the seasonal naive forecast is tried
STARTUP_SECONDS = 2.0  # what starting worker processes costs; less work than this stays in this process


class Method(Protocol):
    """A statistical model of one standardised series without gaps."""

    name: str
    deseasonalise: bool  # take every season out beforehand, not only long ones

    def learn(self, values: Floats, *, season: int, positive: bool) -> tuple[str, Floats]:
        """The model chosen for ``values`` (T,) and its parameters; raises where none can be fitted."""

    def forecast(
        self, values: Floats, ends: Ints, *, spec: str, params: Floats, season: int, horizon: int
    ) -> tuple[Floats, Floats]:
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
    """

    method: str
    values: Floats
    start: int
    ends: Ints
    season: int
    horizon: int
    context: int
    learned: Learned | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """mean, spread: (E, H).  failure: why the seasonal naive forecast stands in for the model's."""

    learned: Learned
    mean: Floats
    spread: Floats
    failure: str | None = None


def solve(task: Task) -> Answer:
    """Learn and forecast one series.  A model that fails gives way to the seasonal naive forecast and says why."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        import statsmodels.tools.sm_exceptions  # noqa: F401 - adds filters of its own when first imported

        warnings.simplefilter("ignore")  # of convergence and the like; the fit is judged by its outcome
        learned, failure = _known(task), None
        if learned is None:
            learned, failure = _learn(task)
        if not len(task.ends):
            return Answer(learned=learned, mean=np.zeros((0, 0)), spread=np.zeros((0, 0)), failure=failure)
        if learned.spec == "naive":
            mean, spread = _seasonal_naive(task)
            return Answer(learned=learned, mean=mean, spread=spread, failure=failure)
        try:
            mean, spread = _forecast(task, learned)
            sound = np.isfinite(mean).all() and np.isfinite(spread).all()
            if not sound or _exploded(task, learned, mean):
                raise ArithmeticError("the forecast exploded")
        except Exception as error:  # any fault inside a fit costs this series its model, not the others theirs
            failure = f"{type(error).__name__}: {error}"
            mean, spread = _seasonal_naive(task)
        return Answer(learned=learned, mean=mean, spread=spread, failure=failure)


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


def _learn(task: Task) -> tuple[Learned, str | None]:
    """Fit on the last ``context`` values before the earliest origin (the end where no origin is given)."""
    end = int(task.ends.min()) if len(task.ends) else len(task.values)
    begin = max(end - task.context, 0)
    seen = begin + np.flatnonzero(~np.isnan(task.values[begin:end]))
    if not len(seen):
        return Learned(spec="naive", first=task.start + begin, last=task.start + end), None
    first, last = int(seen[0]), int(seen[-1]) + 1
    raw = task.values[first:last]
    plain = Learned(spec="naive", first=task.start + first, last=task.start + last, digest=digest(raw))
    values = filled(raw)
    if len(seen) < SHORTEST or np.ptp(values) == 0:
        return plain, None
    try:
        return _fit(task, plain, values), None
    except Exception as error:  # as above
        return plain, f"{type(error).__name__}: {error}"


def _fit(task: Task, plain: Learned, values: Floats) -> Learned:
    from forecast.baselines.seasonal import seasonal_indices

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
    spec, params = method.learn(adjusted, season=season, positive=bool(positive and adjusted.min() > 0))
    return Learned(
        spec=spec,
        first=plain.first,
        last=plain.last,
        shift=shift,
        size=size,
        factors=factors,
        digest=plain.digest,
        seasonal=indices,
        params=params,
    )


def _forecast(task: Task, learned: Learned) -> tuple[Floats, Floats]:
    first = learned.first - task.start
    values, ends, missed = _until_observed(task.values[first:], task.ends - first)
    scaled = _without((values - learned.shift) / learned.size, learned.seasonal, factors=learned.factors)
    season = 1 if len(learned.seasonal) or task.season > LONGEST_SEASON else task.season
    mean, spread = method_named(task.method).forecast(
        scaled,
        ends,
        spec=learned.spec,
        params=learned.params,
        season=season,
        horizon=task.horizon + int(missed.max()),
    )
    if len(learned.seasonal):
        ahead = learned.seasonal[(ends[:, None] + np.arange(mean.shape[1])) % len(learned.seasonal)]
        mean, spread = (mean * ahead, spread * ahead) if learned.factors else (mean + ahead, spread)
    wanted = missed[:, None] + np.arange(task.horizon)
    mean, spread = (np.take_along_axis(part, wanted, axis=1) for part in (mean, spread))
    return mean * learned.size + learned.shift, spread * learned.size


def _without(values: Floats, indices: Floats, *, factors: bool) -> Floats:
    """The values with their season taken out."""
    if not len(indices):
        return values
    season = np.resize(indices, len(values))
    return values / season if factors else values - season


def _until_observed(values: Floats, ends: Ints) -> tuple[Floats, Ints, Ints]:
    """The values without gaps, each end drawn back to just after an observed value, and by how much it was drawn back.

    Filling never looks past such an end: the values on both sides of a gap before it lie before it.
    """
    seen = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(seen, np.arange(1, len(values) + 1), 0))
    drawn = np.where(ends > 0, last[np.clip(ends, 1, len(values)) - 1], 0)
    if (drawn < 1).any():
        raise ValueError("an origin lies before the first value")
    return filled(values[: int(drawn.max())]), drawn, ends - drawn


def filled(values: Floats) -> Floats:
    """The values (T,) with gaps closed by straight lines; ends that are missing repeat their neighbour."""
    seen = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(len(values)), seen, values[seen])


def _exploded(task: Task, learned: Learned, mean: Floats) -> bool:
    """Whether a forecast lies a hundred ranges (or spreads of the history learned) away from everything seen."""
    low, high = np.nanmin(task.values[: task.ends.max()]), np.nanmax(task.values[: task.ends.max()])
    reach = 100 * max(float(high - low), learned.size)
    return bool((mean < low - reach).any() or (mean > high + reach).any())


def _seasonal_naive(task: Task) -> tuple[Floats, Floats]:
    """The last season goes on, from each origin by itself; NaN where nothing was seen before it."""
    parts = [_seasonal_naive_one(task.values[:end], task.season, task.horizon) for end in task.ends]
    return np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts])


def _seasonal_naive_one(values: Floats, season: int, horizon: int) -> tuple[Floats, Floats]:
    seen = np.flatnonzero(~np.isnan(values))
    if not len(seen):
        return np.full(horizon, np.nan), np.zeros(horizon)
    values, missed = filled(values[seen[0] : seen[-1] + 1]), len(values) - int(seen[-1]) - 1
    season = season if len(values) >= season else 1
    ahead = np.arange(missed, missed + horizon)
    errors = values[season:] - values[:-season]
    sigma = np.sqrt(np.mean(errors**2)) if len(errors) else 0.0
    return values[len(values) - season + ahead % season], sigma * np.sqrt(ahead // season + 1)


def method_named(name: str) -> Method:
    """The method; imported here, so that a worker loads the libraries of no other."""
    method: Method = getattr(import_module(f"forecast.baselines.{name}"), name.upper())
    return method


# ---------------------------------------------------------------------- processes


def solve_all(tasks: Sequence[Task], *, workers: int) -> list[Answer]:
    """The answers to the tasks, in order; in this process while little is left to do, else over worker processes.

    joblib's loky processes start from scratch, not as copies of this one: locks and threads that torch holds cannot
    hang them, a script needs no ``__main__`` guard, and each keeps to one thread.  They stay for later calls.
    """
    import joblib  # type: ignore[import-untyped]
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    answers: list[Answer] = []
    began = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))  # matrices this small are slower on many threads
        while len(answers) < len(tasks):
            spent = time.perf_counter() - began
            if workers > 1 and answers and spent * (len(tasks) / len(answers) - 1) > STARTUP_SECONDS:
                break
            answers.append(solve(tasks[len(answers)]))
    rest = tasks[len(answers) :]
    if rest:
        with warnings.catch_warnings(), joblib.parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
            warnings.simplefilter("ignore")  # a worker that was replaced; its tasks are done all the same
            answers += joblib.Parallel()(joblib.delayed(solve)(task) for task in rest)
    return answers
