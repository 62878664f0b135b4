"""From data to the forecaster to trust: trials on folds, the choice among them, and what was chosen fitted on all rows.

Dimension key: S series.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from forecast.automatic.candidates import REFERENCE, Candidate
from forecast.automatic.choice import COMBINED, Choice, Kind, choose
from forecast.automatic.clock import Clock
from forecast.automatic.folds import Folds, choose_folds
from forecast.automatic.intervals import calibration_of
from forecast.automatic.trials import Trials, try_all
from forecast.automatic.watcher import Watcher
from forecast.datasets.panel import Panel
from forecast.ensembles.combined import CombinedForecaster
from forecast.ensembles.weights import Weights, equal_weights
from forecast.errors import TrainingError
from forecast.estimators.defaults import steps_of
from forecast.evaluation.results import Backtest
from forecast.intervals.forecaster import ConformalForecaster

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster

SIMPLE = ("naive", REFERENCE, "drift", "mean")
FREE = 0.5  # seconds of fitting again that are granted when the time is over
LONGER = 2.5  # times the steps of its trial that a network may learn in the end
MARGIN = 1.2  # fitting again may take that much longer than it did: it has more rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """What was selected.

    name: label of the winner, ``combined`` for several.  model: fitted on all rows.  weights: of its members.
    trials: of all candidates, and of the combination.  why: how it came to that, in sentences.
    """

    name: str
    model: "Forecaster"
    weights: Mapping[str, float]
    trials: Trials
    why: tuple[str, ...]

    @property
    def backtest(self) -> Backtest | None:
        """Of what was selected; None where the data were too short for one."""
        return self.trials.backtests.get(self.name)


def select(
    panel: Panel,
    *,
    horizon: int,
    settings: Mapping[str, Any],
    clock: Clock,
    watcher: Watcher,
    folds: int | None = None,
) -> Selection:
    """Try what there is time for on the same folds, choose, and fit that on all rows.

    settings: of the forecasters, by name; each takes those that it has.  ``season`` is among them: one for all errors.
    folds: from the data when None.  Raises ``ConfigError`` and ``DataError`` as ``fit`` and ``backtest`` do.
    """
    chosen_folds = choose_folds(panel, horizon, folds=folds)
    if chosen_folds is None:
        model = Candidate(name=REFERENCE).create(settings, horizon=horizon).fit(panel)
        why = (f"The data are too short to test anything, so {REFERENCE} forecasts.",)
        trials = Trials(folds=Folds(count=0, horizon=0))
        return Selection(name=REFERENCE, model=model, weights={REFERENCE: 1.0}, trials=trials, why=why)
    trials = try_all(panel, chosen_folds, settings=settings, clock=clock, watcher=watcher)
    choice = _choose(trials, clock)
    if choice.option.combined:
        trials.backtests[COMBINED] = choice.option.backtest
    found = _fitted(panel, choice, trials, horizon, settings, clock, watcher)
    return _with_intervals(found) if chosen_folds.horizon == horizon else found


def _with_intervals(found: Selection) -> Selection:
    """The same with calibrated intervals where these are better."""
    calibrated = calibration_of(found.trials.backtests[found.name])
    if calibrated is None:
        return found
    found.trials.backtests[found.name] = calibrated.backtest
    model = ConformalForecaster.from_fitted(found.model, calibrated.calibration)
    return replace(found, model=model, why=(*found.why, calibrated.why))


def _choose(trials: Trials, clock: Clock) -> Choice:
    kinds = {label: _kind(candidate) for label, candidate in trials.candidates.items()}

    def affordable(labels: Sequence[str]) -> bool:
        return MARGIN * sum(trials.refit_seconds[label] for label in labels) <= max(clock.left(), FREE)

    return choose(trials.backtests, kinds, affordable=affordable)


def _kind(candidate: Candidate) -> Kind:
    if candidate.network:
        return "network"
    return "simple" if candidate.name in SIMPLE else "statistics"


# ---------------------------------------------------------------------- fitting on all rows


def _fitted(
    panel: Panel,
    choice: Choice,
    trials: Trials,
    horizon: int,
    settings: Mapping[str, Any],
    clock: Clock,
    watcher: Watcher,
) -> Selection:
    weights, why = choice.option.weights, list(choice.why)
    order = sorted(weights.members, key=lambda label: trials.candidates[label].network)  # networks share what is left
    models: dict[str, Forecaster] = {}
    for place, label in enumerate(order):
        coming = sum(trials.refit_seconds[other] for other in order[place:])
        share = trials.refit_seconds[label] / coming if coming else 1.0
        try:
            models[label] = _again(trials, label, panel, horizon, settings, max(share * clock.left(), 1.0), watcher)
        except TrainingError as error:
            why.append(f"{label} could not be trained again on all rows ({error.cause}) and is left out.")
    if not models:
        best = trials.ranked(network=False)[0]
        models[best] = _again(trials, best, panel, horizon, settings, clock.left(), watcher)
        weights = equal_weights([best])
    kept = _without(weights, models)
    shares = kept.as_mapping()
    if len(models) == 1:
        name, model = next(iter(models.items()))
        return Selection(name=name, model=model, weights=shares, trials=trials, why=tuple(why))
    combined = CombinedForecaster.from_fitted(models, kept)
    return Selection(name=COMBINED, model=combined, weights=shares, trials=trials, why=tuple(why))


def _again(
    trials: Trials,
    label: str,
    panel: Panel,
    horizon: int,
    settings: Mapping[str, Any],
    limit: float,
    watcher: Watcher,
) -> "Forecaster":
    """A candidate fitted on all rows: a network for the steps found best in the backtest, within ``limit`` seconds.

    One that was still learning when its time was over learns for longer where there is time.
    """
    candidate = trials.candidates[label]
    if not candidate.network:
        watcher.stage(f"{label} on all rows")
        return candidate.create(settings, horizon=horizon).fit(panel)
    report = watcher.training(f"{label} on all rows", limit=limit)
    steps = _steps(trials, label, panel, horizon, settings, limit)
    try:
        model = candidate.create(settings, horizon=horizon, max_time=limit, max_steps=steps)
        return model.fit(panel, validation=0, on_report=report)
    finally:
        watcher.trained()


def _steps(trials: Trials, label: str, panel: Panel, horizon: int, settings: Mapping[str, Any], limit: float) -> int:
    """Those found best; as many more as there is time for where a network was still learning."""
    found = trials.steps[label]
    if label not in trials.unfinished:
        return found
    longer = min(limit / (MARGIN * trials.refit_seconds[label]), LONGER)
    most = settings.get("max_steps") or steps_of(panel, horizon)
    return max(found, min(int(longer * found), most))


def _without(weights: Weights, models: Mapping[str, Any]) -> Weights:
    """The weights of the members that there are."""
    kept = [place for place, label in enumerate(weights.members) if label in models]
    points = weights.points[kept]
    return Weights(
        members=tuple(weights.members[place] for place in kept), points=points / points.sum(), how=weights.how
    )
