"""ETS, Theta and ARIMA as forecasters: a model of its own for every series, fitted over the cores.

Dimension key: S series, W windows, H horizon, C channels.
"""

import time
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from forecast.baselines.common import Baseline, gaussian_levels
from forecast.baselines.local import JOINT, SHORTEST, Answer, Learned, Task, method_named, solve
from forecast.baselines.processes import STARTUP_SECONDS, solve_all
from forecast.cores import cores
from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.seasons import detect_season
from forecast.errors import ModelFormatError
from forecast.estimators.base import Job
from forecast.estimators.settings import setting

TRIAL_VALUES = 8000  # of the series that a forecast of the time it takes is made from
TRIAL_SERIES = 3  # at least
FORECAST_SHARE = 0.02  # of the time of learning that one more forecast takes
STRETCH_WINDOWS = 8000  # forecasts over the history that the spread is compared with
FEW_ERRORS, MOST_STRETCH = 20, 3.0  # errors that are half believed; the spread is stretched no further
SEASONS_OF_CONTEXT, STEPS_OF_CONTEXT, LONGEST_CONTEXT = 8, 500, 5000


@dataclass(kw_only=True, eq=False, repr=False)
class _Local(Baseline):
    """One model a series (and channel), its order and parameters learned from the last ``context`` steps.

    Later origins are not fitted again: the state is filtered forward over the new rows with the parameters held fixed.
    A series that does not continue what was learned under its id is fitted at its first origin.  Gaps are closed by
    straight lines between observed values; after a gap that reaches to the origin the forecast starts from the last
    observed value.  Levels are normal around the mean forecast, as wide as the errors over the history ask for.  Where
    no model can be fitted the seasonal naive forecast stands in; ``report_["fallbacks"]`` counts such series by reason.
    """

    context: int | None = setting(
        None, help="last steps that a series is learned from; 8 seasons, between 500 and 5000, when None", low=8
    )
    workers: int | None = setting(None, help="processes to fit with; as many as there are cores when None", low=1)

    def _context_steps(self) -> int:
        return self.context or min(max(SEASONS_OF_CONTEXT * self.season_, STEPS_OF_CONTEXT), LONGEST_CONTEXT)

    def _learn(self, panel: Panel, job: Job) -> None:
        nothing = np.zeros(0, np.int64)
        jobs = [(s, c, nothing) for s in range(len(panel)) for c in range(panel.channels)]
        self.learned_: dict[tuple[Hashable, int], Learned] = {}
        self.stretch_: Floats = np.ones(self.horizon)
        answers = self._solve(panel, jobs, horizon=self.horizon)
        names = panel.ids.tolist()  # plain Python values, as JSON takes them
        for (s, c, _), answer in zip(jobs, answers, strict=True):
            self.learned_[names[s], c] = answer.learned
        self.report_["models"] = dict(
            Counter(one.spec.partition(JOINT)[0] for one in self.learned_.values()).most_common()
        )
        self.stretch_ = self._stretch(panel)

    def _stretch(self, panel: Panel) -> Floats:
        """(H,) by how much the spread h steps ahead falls short of the errors made over the history itself.

        Errors of one step fit by construction; those of more show where trends turn more often than the model holds.
        The 90 % quantile of many series' errors is compared, and believed the more, the more of them do not overlap.
        """
        chosen = np.unique(np.linspace(0, len(panel) - 1, max(STRETCH_WINDOWS // (2 * self.horizon), 1)).astype(int))
        first = np.maximum(np.maximum(panel.ends - 2 * self.horizon, panel.ends // 2), SHORTEST + 2)
        counts = np.maximum(panel.ends - first + 1, 0)[chosen]  # the end itself too, so that what was learned is known
        if not counts.any():
            return np.ones(self.horizon)
        series = np.repeat(chosen, counts)
        ends = first[series] + np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)
        mean, spread = self._moments(panel, series, ends, self.horizon)
        steps = ends[:, None] + np.arange(self.horizon)
        rows = np.minimum(panel.offsets[series, None] + steps, len(panel.target) - 1)
        usable = (steps < panel.ends[series, None])[..., None] & (spread > 0)
        errors = np.where(usable, np.abs(panel.target[rows] - mean) / np.where(usable, spread, 1.0), np.nan)
        stretch = np.ones(self.horizon)
        for step in range(self.horizon):
            known = errors[:, step][~np.isnan(errors[:, step])]
            apart = len(known) / (step + 1)
            if apart >= 1:
                short = float(np.quantile(known, 0.9)) / NormalDist().inv_cdf(0.95)
                stretch[step] = max(short, 1.0) ** (apart / (apart + FEW_ERRORS))
        return np.minimum(np.maximum.accumulate(stretch), MOST_STRETCH)

    def _forecast(self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]) -> Floats:
        return gaussian_levels(*self._moments(panel, series, ends, horizon), levels)

    def _moments(self, panel: Panel, series: Ints, ends: Ints, horizon: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation, each (W, H, C)."""
        order = np.argsort(series, kind="stable")  # windows of one series share a filter pass
        chosen, begin = np.unique(series[order], return_index=True)
        groups = np.split(order, begin[1:])
        jobs = [
            (int(s), c, ends[group]) for s, group in zip(chosen, groups, strict=True) for c in range(panel.channels)
        ]
        answers = self._solve(panel, jobs, horizon=horizon)
        mean, spread = np.empty((2, len(series), horizon, panel.channels))
        for place, answer in enumerate(answers):
            group, channel = groups[place // panel.channels], place % panel.channels
            mean[group, :, channel], spread[group, :, channel] = answer.mean, answer.spread
        return mean, spread

    def _solve(self, panel: Panel, jobs: list[tuple[int, int, Ints]], *, horizon: int) -> list[Answer]:
        tasks = [self._task(panel, s, c, ends, horizon=horizon) for s, c, ends in jobs]
        answers = solve_all(tasks, workers=self.workers or cores())
        failures = Counter(answer.failure for answer in answers if answer.failure)
        if failures:
            self.report_["fallbacks"] = dict(failures.most_common(5))
        return answers

    def _task(self, panel: Panel, s: int, c: int, ends: Ints, *, horizon: int) -> Task:
        """One series up to its last origin (its end where it is only learned), from the first row that is needed."""
        learned = getattr(self, "learned_", {}).get((panel.ids[s], c))
        last = int(ends.max()) if len(ends) else int(panel.ends[s])
        first = max((int(ends.min()) if len(ends) else last) - self._context_steps(), 0)
        if learned is not None:
            first = min(first, max(learned.first - int(panel.starts[s]), 0))
        offset = int(panel.offsets[s])
        return Task(
            method=self.name,
            values=panel.target[offset + first : offset + last, c].astype(np.float64),
            start=int(panel.starts[s]) + first,
            ends=ends - first,
            season=self.season_,
            horizon=horizon,
            context=self._context_steps(),
            learned=learned,
            stretch=self.stretch_,
        )

    def estimate_seconds(self, panel: Panel, windows: int) -> float:
        """From trials on few and on some more series: batches of series cost a sum for themselves and one by series.

        ``windows`` are those forecast after learning; they are shared out over the series.
        """
        trial = self.clone()
        trial.season_ = getattr(self, "season_", None) or self.season or detect_season(panel)
        trial.report_, trial.stretch_ = {}, np.ones(1)
        steps = max(int(np.median(np.minimum(panel.ends, trial._context_steps()))), 1)
        most = max(method_named(self.name).values_at_a_time // steps, 1)
        some = max(min(TRIAL_VALUES // steps, most, len(panel)), min(TRIAL_SERIES, len(panel)))
        few = max(some // 4, 1) if most > 1 else some
        _seconds(trial, panel, 1)  # loads libraries
        costs = {number: _seconds(trial, panel, number) for number in {few, some}}
        rate = max(costs[some] - costs[few], 0.1 * costs[some]) / (some - few) if some > few else costs[some] / some
        batch = max(costs[some] - rate * some, 0.0)
        batches = -(-len(panel) // most)
        again = 1 + max(windows / len(panel) - 1, 0) * FORECAST_SHARE if len(panel) else 0.0
        seconds = panel.channels * (batch * batches + rate * len(panel)) * again
        return seconds / (min(self.workers or cores(), batches) if seconds > STARTUP_SECONDS else 1)

    def _state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        learned = list(self.learned_.values())
        state = {
            "series": [key[0] for key in self.learned_],
            "channels": [key[1] for key in self.learned_],
            "specs": [one.spec for one in learned],
            "sizes": [[len(one.digest), len(one.seasonal), len(one.params)] for one in learned],
        }
        arrays = {
            "span": np.array([(one.first, one.last, one.factors) for one in learned], np.int64).reshape(-1, 3),
            "scale": np.array([(one.shift, one.size) for one in learned], np.float64).reshape(-1, 2),
            "stretch": self.stretch_,
            "numbers": np.concatenate([np.zeros(0), *(part for one in learned for part in _numbers(one))]),
        }
        return state, arrays

    def _restore(self, state: dict[str, Any], arrays: dict[str, Floats]) -> None:
        if "stretch" not in arrays:
            cause = f"this {type(self).__name__} was saved by an earlier version, in a form that is no longer read"
            raise ModelFormatError(cause, "Fit it again, which takes seconds.")
        self.stretch_ = arrays["stretch"]
        sizes, count = np.array(state["sizes"], np.int64).ravel(), len(state["series"])
        if sizes.shape != (3 * count,) or (sizes < 0).any() or sizes.sum() != len(arrays["numbers"]):
            raise ValueError(f"the numbers of {count} series do not have the sizes {state['sizes']}")
        if self.stretch_.shape != (self.horizon,) or not np.isfinite(self.stretch_).all():
            raise ValueError(f"a spread of shape {self.stretch_.shape} is not finite for each of {self.horizon} steps")
        parts = iter(np.split(arrays["numbers"], sizes.cumsum()[:-1]) if count else ())
        names = zip(state["series"], state["channels"], state["specs"], strict=True)
        rows = zip(names, arrays["span"].tolist(), arrays["scale"].tolist(), strict=True)
        self.learned_ = {
            (series, int(channel)): Learned(
                spec=str(spec),
                first=first,
                last=last,
                factors=bool(factors),
                shift=shift,
                size=size,
                digest=tuple(next(parts).tolist()),
                seasonal=next(parts),
                params=next(parts),
            )
            for (series, channel, spec), (first, last, factors), (shift, size) in rows
        }


def _seconds(trial: _Local, panel: Panel, number: int) -> float:
    """Seconds that learning ``number`` series spread over the panel and forecasting each once takes."""
    order = np.argsort(panel.ends, kind="stable")
    chosen = order[np.linspace(0, len(panel) - 1, number + 2).astype(int)[1:-1]]
    began = time.perf_counter()
    solve([trial._task(panel, int(s), 0, panel.ends[s : s + 1], horizon=trial.horizon) for s in chosen])
    return time.perf_counter() - began


def _numbers(learned: Learned) -> tuple[Floats, Floats, Floats]:
    return np.array(learned.digest, np.float64), learned.seasonal, learned.params


@dataclass(kw_only=True, eq=False, repr=False)
class ETSForecaster(_Local):
    """Exponential smoothing, the kinds of error, trend and season weighted by AICc; see ``baselines.ets``."""

    name: ClassVar[str] = "ets"


@dataclass(kw_only=True, eq=False, repr=False)
class ThetaForecaster(_Local):
    """The mean of two optimised Theta methods on the deseasonalised series; see ``baselines.theta``."""

    name: ClassVar[str] = "theta"


@dataclass(kw_only=True, eq=False, repr=False)
class ARIMAForecaster(_Local):
    """Seasonal ARIMA, its orders found by a stepwise AICc search; see ``baselines.arima``."""

    name: ClassVar[str] = "arima"
