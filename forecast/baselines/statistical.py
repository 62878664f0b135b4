"""ETS, Theta and ARIMA as forecasters: a model of its own for every series, fitted over the cores.

Dimension key: S series, W windows, H horizon, C channels.
"""

import os
import time
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from forecast.baselines.common import Baseline, gaussian_levels
from forecast.baselines.local import JOINT, Answer, Learned, Task, method_named, solve
from forecast.baselines.processes import solve_all
from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.seasons import detect_season
from forecast.estimators.base import Job
from forecast.estimators.settings import setting

TRIAL = 32  # series that a forecast of the time it takes is made from
SEASONS_OF_CONTEXT, STEPS_OF_CONTEXT, LONGEST_CONTEXT = 8, 500, 5000


@dataclass(kw_only=True, eq=False, repr=False)
class _Local(Baseline):
    """One model a series (and channel), its order and parameters learned from the last ``context`` steps.

    Later origins are not fitted again: the state is filtered forward over the new rows with the parameters held fixed.
    A series that does not continue what was learned under its id is fitted at its first origin.  Gaps are closed by
    straight lines between observed values; after a gap that reaches to the origin the forecast starts from the last
    observed value.  Levels are normal around the mean forecast.  Where no model can be fitted the seasonal naive
    forecast stands in; ``report_["fallbacks"]`` counts such series by reason.
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
        answers = self._solve(panel, jobs, horizon=self.horizon)
        names = panel.ids.tolist()  # plain Python values, as JSON takes them
        for (s, c, _), answer in zip(jobs, answers, strict=True):
            self.learned_[names[s], c] = answer.learned
        self.report_["models"] = dict(
            Counter(one.spec.partition(JOINT)[0] for one in self.learned_.values()).most_common()
        )

    def _forecast(self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]) -> Floats:
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
        return gaussian_levels(mean, spread, levels)

    def _solve(self, panel: Panel, jobs: list[tuple[int, int, Ints]], *, horizon: int) -> list[Answer]:
        tasks = [self._task(panel, s, c, ends, horizon=horizon) for s, c, ends in jobs]
        answers = solve_all(tasks, workers=self.workers or _cores())
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
        )

    def estimate_seconds(self, panel: Panel, windows: int) -> float:
        """Learns and forecasts some series (after one that only warms up) and multiplies.

        ``windows`` are those forecast after learning; they are shared out over the series.
        """
        trial = self.clone()
        trial.season_ = getattr(self, "season_", None) or self.season or detect_season(panel)
        trial.report_ = {}
        order = np.argsort(panel.ends, kind="stable")
        method = method_named(self.name)
        most = max(int(method.values_at_a_time // max(int(np.median(panel.ends)), 1)), 1)
        few = min(most, TRIAL, len(panel))
        chosen = order[np.linspace(0, len(panel) - 1, few + 2).astype(int)[1:-1]]
        nothing = np.zeros(0, np.int64)
        solve([trial._task(panel, int(chosen[0]), 0, panel.ends[chosen[:1]], horizon=self.horizon)])
        began = time.perf_counter()
        answers = solve([trial._task(panel, int(s), 0, nothing, horizon=self.horizon) for s in chosen])
        learning = time.perf_counter() - began
        trial.learned_ = {(panel.ids[s], 0): answer.learned for s, answer in zip(chosen, answers, strict=True)}
        began = time.perf_counter()
        solve([trial._task(panel, int(s), 0, panel.ends[s : s + 1], horizon=self.horizon) for s in chosen])
        forecasting = time.perf_counter() - began
        work = panel.channels * (len(panel) * learning + max(windows, len(panel)) * forecasting) / few
        return work / min(self.workers or _cores(), max(len(panel) // most, 1))

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
            "numbers": np.concatenate([np.zeros(0), *(part for one in learned for part in _numbers(one))]),
        }
        return state, arrays

    def _restore(self, state: dict[str, Any], arrays: dict[str, Floats]) -> None:
        sizes = np.array(state["sizes"], np.int64).reshape(-1, 3)
        parts = iter(np.split(arrays["numbers"], sizes.ravel().cumsum()[:-1]) if sizes.size else ())
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


def _numbers(learned: Learned) -> tuple[Floats, Floats, Floats]:
    return np.array(learned.digest, np.float64), learned.seasonal, learned.params


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
