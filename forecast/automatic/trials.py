"""How the candidates did on the same folds, within the time there is.  Dimension key: S series."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecast.automatic.candidates import Candidate, baselines, more, networks
from forecast.automatic.clock import Clock
from forecast.automatic.folds import Folds
from forecast.automatic.watcher import BestStep, Watcher
from forecast.baselines.common import Baseline
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, DataError, ForecastError, TrainingError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.results import Backtest
from forecast.presets import forecaster_class

BASELINE_SHARE, SHORT_SHARE = 0.25, 0.4  # of the whole time; the latter where series are short
SHORT = 200  # steps of the usual series below which networks have little to learn from
TRIAL_SERIES = 4  # with no more series than that the cost of a baseline is not tried out beforehand
LEAST_SECONDS = 1.0  # a network that may train for less is left out
WANTED_SECONDS = 15.0  # of training, from which on another trial is worth more than a longer one …
WANTED_SHARE = 1 / 15  # … or that share of the whole time, whichever is more
LEARNING = 0.9  # of its steps: a network whose best weights came later was still learning
MEMBERS = 3  # networks that a combination may hold, each of which is to be trained again on all rows
BEHIND = 1.25  # error of the best network over that of the best baseline beyond which no more networks are tried


@dataclass(kw_only=True)
class Trials:
    """What came of the candidates, by label: their backtests, why some were left out, the best step of each network.

    refit_seconds: what fitting each again on all rows will take.  unfinished: networks that were still learning when
    their time was over.
    """

    folds: Folds
    candidates: dict[str, Candidate] = field(default_factory=dict)
    backtests: dict[str, Backtest] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    refit_seconds: dict[str, float] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)

    def ranked(self, *, network: bool) -> list[str]:
        """Labels of the networks, or of the others, best first."""
        labels = [label for label, one in self.candidates.items() if one.network == network]
        return sorted(labels, key=lambda label: error_of(self.backtests[label]))

    def add(self, candidate: Candidate, result: Backtest, *, refit_seconds: float) -> None:
        """Note the backtest of a candidate."""
        self.candidates[candidate.label] = candidate
        self.backtests[candidate.label] = result
        self.refit_seconds[candidate.label] = refit_seconds

    def committed(self) -> float:
        """Seconds that fitting the leaders again will take."""
        leaders = [*self.ranked(network=True)[:MEMBERS], *self.ranked(network=False)[:MEMBERS]]
        return sum(self.refit_seconds[label] for label in leaders)


def error_of(result: Backtest) -> float:
    """What candidates are ranked by: MASE, or MAE where no series has a scale."""
    overall = result.metrics()
    return overall["mase"] if np.isfinite(overall["mase"]) else overall["mae"]


def try_all(panel: Panel, folds: Folds, *, settings: Mapping[str, Any], clock: Clock, watcher: Watcher) -> Trials:
    """Backtest every candidate in the time there is: baselines first, then the networks."""
    trials = Trials(folds=folds)
    _try_baselines(panel, trials, settings, clock, watcher)
    _try_networks(panel, trials, settings, clock, watcher)
    return trials


# ---------------------------------------------------------------------- baselines


def _try_baselines(panel: Panel, trials: Trials, settings: Mapping[str, Any], clock: Clock, watcher: Watcher) -> None:
    folds, usual = trials.folds, float(np.median(panel.ends))
    candidates = baselines(panel, int(usual) - folds.count * folds.horizon, int(settings["season"]))
    for candidate in candidates:
        forecaster_class(candidate.name)  # loading libraries counts as time of the job, not of the baselines
    share = SHORT_SHARE if usual < SHORT else BASELINE_SHARE
    began, allowed = clock.elapsed(), min(share * clock.limit, max(clock.left(), 0.0))
    windows = len(panel) * folds.count
    watcher.stage("baselines")
    for candidate in candidates:
        label, model = candidate.label, candidate.create(settings, horizon=folds.horizon)
        try:
            cost = _cost(model, panel, windows)
            left = allowed - (clock.elapsed() - began)
            if cost > max(left, 0.0):
                told = f"{_seconds(cost)}, {_seconds(max(left, 0.0))} were left for baselines"
                trials.left_out[label] = f"would take about {told}"
                continue
            result = backtest(model, panel, folds=folds.count, season=settings["season"])
        except (ConfigError, DataError):
            raise
        except (ForecastError, ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
            trials.left_out[label] = f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        else:
            trials.add(candidate, result, refit_seconds=result.fit_seconds)


def _seconds(count: float) -> str:
    return f"{count:.0f} s" if count >= 10 else f"{count:.1f} s"


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
    """Train the first networks of the table, then what promises more, for as long as there is time."""
    waiting = networks()
    for candidate in waiting:
        forecaster_class(candidate.name)  # the import counts as time of the job, not of the first network
    while waiting and clock.left() / (len(waiting) + 1) < LEAST_SECONDS:
        trials.left_out[waiting.pop().label] = _no_time(clock)
    done = 0
    while waiting:
        candidate = waiting.pop(0)
        share = _share(trials, done, len(waiting) + 1, clock)
        if share < LEAST_SECONDS / 2:
            trials.left_out[candidate.label] = _no_time(clock)
            continue
        _try_network(candidate, panel, trials, settings, share, watcher)
        done += 1
    if _behind(trials):
        _try_longer(panel, trials, settings, clock, watcher)
    if not _behind(trials):
        _try_more(panel, trials, settings, done, clock, watcher)


def _no_time(clock: Clock) -> str:
    kept = f", {clock.reserve:.0f} s of which are kept for forecast and report" if clock.reserve >= 1 else ""
    return f"no time left for it within {clock.limit:g} s{kept}"


def _try_longer(panel: Panel, trials: Trials, settings: Mapping[str, Any], clock: Clock, watcher: Watcher) -> None:
    """The best network again, for as long as can be, if it was still learning when its time was over."""
    label = next(iter(trials.ranked(network=True)), None)
    share = (clock.left() - trials.committed()) / 2
    if label in trials.unfinished and share > _wanted(clock):
        trials.unfinished.discard(label)
        _try_network(trials.candidates[label], panel, trials, settings, share, watcher)


def _try_more(
    panel: Panel, trials: Trials, settings: Mapping[str, Any], done: int, clock: Clock, watcher: Watcher
) -> None:
    """One change after another of the network that leads, and other networks."""
    tried = set(trials.candidates)
    while True:
        best = trials.candidates[trials.ranked(network=True)[0]]
        waiting = [one for one in more(best, panel, settings) if one.label not in tried]
        planned = int((clock.left() - trials.committed()) / _wanted(clock)) - 1
        if not waiting or planned < 1:
            return
        share = _share(trials, done, min(planned, len(waiting)), clock)
        tried.add(waiting[0].label)
        _try_network(waiting[0], panel, trials, settings, share, watcher)
        done += 1


def _share(trials: Trials, done: int, coming: int, clock: Clock) -> float:
    """Seconds that one of ``coming`` networks may train after ``done``: the best are trained again on all rows."""
    again = max(min(MEMBERS, done + coming) - min(MEMBERS, done), 1)
    forecasting = max((trials.backtests[label].predict_seconds for label in trials.ranked(network=True)), default=0.0)
    share = (clock.left() - trials.committed()) / (coming + again)
    return min(share, _wanted(clock)) - forecasting


def _wanted(clock: Clock) -> float:
    return max(WANTED_SECONDS, WANTED_SHARE * clock.limit)


def _try_network(
    candidate: Candidate, panel: Panel, trials: Trials, settings: Mapping[str, Any], share: float, watcher: Watcher
) -> None:
    label, folds = candidate.label, trials.folds
    best = BestStep(watcher.training(label, limit=share))
    try:
        model = candidate.create(settings, horizon=folds.horizon, max_time=share)
        result = backtest(model, panel, folds=folds.count, season=settings["season"], on_report=best)
    except (TrainingError, ConfigError) as error:
        if isinstance(error, ConfigError) and not candidate.changes:
            raise
        trials.left_out[label] = error.cause
        return
    finally:
        watcher.trained()
    trials.steps[label] = best.step
    if best.step >= LEARNING * best.last and result.fit_seconds >= LEARNING * share:
        trials.unfinished.add(label)
    trials.add(candidate, result, refit_seconds=result.fit_seconds * best.step / best.last)


def _behind(trials: Trials) -> bool:
    """Whether the networks are so far behind the best baseline that training more of them is a waste; or are none."""
    best, base = trials.ranked(network=True), trials.ranked(network=False)
    if not best or not base:
        return not best
    return error_of(trials.backtests[best[0]]) > BEHIND * error_of(trials.backtests[base[0]])
