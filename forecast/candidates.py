"""Which forecasters a run tries, how long each may take, and how they did on the same folds.

Dimension key: S series, H horizon.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecast.baselines.common import Baseline
from forecast.datasets.checks import observed_steps
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, DataError, ForecastError, TrainingError
from forecast.estimators.settings import check_values
from forecast.evaluation.backtest import backtest
from forecast.evaluation.results import Backtest
from forecast.presets import create, forecaster_class, preset

NETWORKS = ("hybrid", "lstm", "transformer")  # in the order in which they are kept when time is short
BASELINES = ("naive", "seasonal-naive", "drift", "mean", "linear", "theta", "ets", "arima")  # cheap ones first
REFERENCE = "seasonal-naive"
BASELINE_SHARE = 0.25  # of the whole time
TRIAL_SERIES = 4  # with no more series than that the cost of a baseline is not tried out beforehand
LEAST_SECONDS = 1.0  # a network that may train for less is left out

OnReport = Callable[[int, float, dict[str, float]], bool | None]


class Watcher:
    """Is told how a run goes on; a subclass shows what it likes."""

    def stage(self, text: str) -> None:
        """A new part of the work begins."""

    def training(self, name: str, *, limit: float | None) -> OnReport | None:
        """A network begins to train for at most ``limit`` seconds; what is returned is called at each validation."""
        return None

    def trained(self) -> None:
        """The training that was announced last has ended."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The time of a whole run.  began: ``time.perf_counter()`` at its start.  limit: seconds; reserve: for its end.

    worked: ``time.process_time()`` when the clock was made, ``made``: ``time.perf_counter()`` then.
    """

    began: float
    limit: float
    reserve: float = 0.0
    worked: float = field(default_factory=time.process_time)
    made: float = field(default_factory=time.perf_counter)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.began

    def slowness(self) -> float:
        """How much longer than alone work takes here, as others want the processor too: 1 to 4."""
        waited, worked = time.perf_counter() - self.made, time.process_time() - self.worked
        return min(max(waited / worked, 1.0), 4.0) if worked > 0.05 else 1.0

    def left(self) -> float:
        """Seconds until the end of the run begins."""
        return self.limit - self.reserve - self.elapsed()


@dataclass(frozen=True, kw_only=True)
class Folds:
    """How the candidates are tested.  horizon: that of the run, or less where the data hold no fold of that length."""

    count: int
    horizon: int


@dataclass(kw_only=True)
class Trials:
    """What came of the candidates, by name: their backtests, why some were left out, the best step of each network."""

    folds: Folds
    backtests: dict[str, Backtest] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)


def choose_folds(panel: Panel, horizon: int, *, folds: int | None = None) -> Folds | None:
    """As many folds as a quarter of the usual series holds, up to 20; fewer where there are many series.

    None where not even a horizon of one step leaves three steps before it.
    """
    observed = observed_steps(panel)
    longest = int(observed.max(initial=0))
    horizon = min(horizon, (longest - 1) // 3)
    if horizon < 1:
        return None
    fitting = (longest - 2 * horizon - 1) // horizon
    if folds is not None:
        return Folds(count=folds, horizon=horizon)  # the backtest refuses what does not fit
    able = observed[observed >= 3 * horizon + 1]
    wanted = int(np.median(able) / 4 / horizon)
    most = int(np.clip(60 // len(panel), 3, 20))
    return Folds(count=max(1, min(wanted, most, fitting)), horizon=horizon)


def try_all(panel: Panel, folds: Folds, *, settings: Mapping[str, Any], clock: Clock, watcher: Watcher) -> Trials:
    """Backtest every candidate in the time there is: baselines first, then the networks."""
    trials = Trials(folds=folds)
    _try_baselines(panel, trials, settings, clock, watcher)
    _try_networks(panel, trials, settings, clock, watcher)
    return trials


def check_settings(name: str, given: Mapping[str, Any], horizon: int) -> None:
    """``ConfigError`` where one of the given settings has a value that the forecaster of that name does not take."""
    check_values(create(name, **{**settings_of(name, given), "horizon": horizon}))


def settings_of(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the given settings that the forecaster of that name has."""
    known = forecaster_class(name).__dataclass_fields__
    return {key: value for key, value in given.items() if key in known}


# ---------------------------------------------------------------------- baselines


def _try_baselines(panel: Panel, trials: Trials, settings: Mapping[str, Any], clock: Clock, watcher: Watcher) -> None:
    for name in BASELINES:
        forecaster_class(name)  # loading libraries counts as time of the run, not of the baselines
    began, allowed = clock.elapsed(), min(BASELINE_SHARE * clock.limit, max(clock.left(), 0.0))
    windows = len(panel) * trials.folds.count
    watcher.stage("baselines")
    for name in BASELINES:
        model = create(name, **{**settings_of(name, settings), "horizon": trials.folds.horizon})
        try:
            cost = _cost(model, panel, windows)
            left = allowed - (clock.elapsed() - began)
            if cost > max(left, 0.0):
                trials.left_out[name] = f"would take about {cost:.0f} s, {max(left, 0):.0f} s were left for baselines"
                continue
            trials.backtests[name] = backtest(model, panel, folds=trials.folds.count)
        except (ConfigError, DataError):
            raise
        except (ForecastError, ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
            trials.left_out[name] = f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"


def _cost(model: Any, panel: Panel, windows: int) -> float:
    """Seconds that the backtest will take, as the forecaster estimates them from a trial on one series.

    Where there are hardly more series than a trial takes, the job itself is as quick as the trial, which is left out.
    """
    estimate = getattr(model, "estimate_seconds", None)
    if estimate is None or type(model).estimate_seconds is Baseline.estimate_seconds:
        return 0.0
    if len(panel) * panel.channels <= TRIAL_SERIES:
        return LEAST_SECONDS
    return float(estimate(panel, windows))


# ---------------------------------------------------------------------- networks


def _try_networks(panel: Panel, trials: Trials, settings: Mapping[str, Any], clock: Clock, watcher: Watcher) -> None:
    names = list(NETWORKS)
    for name in NETWORKS:
        forecaster_class(name)  # the import counts as time of the run, not of the first network
    while names and clock.left() / (len(names) + 1) < LEAST_SECONDS:
        trials.left_out[names.pop()] = f"no time left for it within {clock.limit:g} s"
    forecasting = 0.0
    while names:
        name = names.pop(0)
        share = clock.left() / (len(names) + 2) - forecasting  # one more for the winner's training on all rows
        if share < LEAST_SECONDS / 2:
            trials.left_out[name] = f"no time left for it within {clock.limit:g} s"
            continue
        given = {**settings_of(name, settings), "horizon": trials.folds.horizon, "max_time": share}
        best = _BestStep(watcher.training(name, limit=share))
        try:
            result = backtest(create(name, **given), panel, folds=trials.folds.count, on_report=best)
        except TrainingError as error:
            trials.left_out[name] = error.cause
            continue
        finally:
            watcher.trained()
        trials.backtests[name], trials.steps[name] = result, best.step
        forecasting = max(forecasting, result.predict_seconds)


class _BestStep:
    """Remembers the step with the lowest validation loss while it hands the reports on."""

    def __init__(self, follow: OnReport | None) -> None:
        self.follow, self.step, self.loss = follow, 1, math.inf

    def __call__(self, step: int, seconds: float, losses: dict[str, float]) -> bool | None:
        judged = losses.get("validation", -float(step))  # without validation the latest weights are kept
        if judged < self.loss:
            self.step, self.loss = step, judged
        return self.follow(step, seconds, losses) if self.follow is not None else None


def is_network(name: str) -> bool:
    """Whether a name of the table is a network rather than a baseline."""
    return preset(name).family in ("recurrent", "transformer", "hybrid")
