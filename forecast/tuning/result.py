"""What a search found: the best settings, every trial as a row, and what may be had for what."""

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecast.errors import ForecastError
from forecast.nesting import revived
from forecast.plain import round_or_none

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from forecast.estimators.base import Forecaster
    from forecast.tuning.space import Space

STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial.  values: of the objectives, empty unless it came to its end.  settings: the searched ones, as used.

    reason: why it was pruned or failed.  changed: settings that had to give way to others.  same_as: the number of an
    earlier trial of the same settings, whose values these are.
    """

    number: int
    state: str
    values: tuple[float, ...]
    seconds: float
    model: str
    settings: Mapping[str, Any]
    reason: str = ""
    changed: Mapping[str, Any] = field(default_factory=dict)
    same_as: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    reports: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class TuneResult:
    """The outcome of ``tune``.

    model, settings: the best forecaster's name and all of its settings, as ``create`` takes them.  best: its trial.
    forecaster: fitted with these settings on all rows; None where that was not asked for.
    study, storage: by which the study is found again.  importances: of the parameters, largest first, where known.
    """

    model: str
    settings: dict[str, Any]
    objectives: tuple[str, ...]
    best: Trial
    trials: tuple[Trial, ...]
    study: str
    storage: str
    seconds: float
    importances: Mapping[str, float] = field(default_factory=dict)
    forecaster: "Forecaster | None" = None
    remarks: tuple[str, ...] = ()
    folder: Path | None = None

    @property
    def front(self) -> tuple[Trial, ...]:
        """The trials to which no other is better or equal in every objective, by the first one."""
        return front_of(self.trials)

    @property
    def value(self) -> float:
        """The best trial's value of the first objective."""
        return self.best.values[0]

    def frame(self) -> pd.DataFrame:
        """The trials as a table: number, state, a column per objective, seconds, model, the settings, reason."""
        return trials_frame(self.trials, self.objectives)

    def summary(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "model": self.model,
            "settings": dict(self.best.settings),
            "objectives": dict(zip(self.objectives, map(round_or_none, self.best.values), strict=True)),
            "trial": self.best.number,
            "trials": dict(Counter(trial.state for trial in self.trials)),
            "front": [
                {
                    "trial": t.number,
                    "model": t.model,
                    **dict(zip(self.objectives, map(round_or_none, t.values), strict=True)),
                }
                for t in self.front
            ],
            "importances": {name: round_or_none(value) for name, value in self.importances.items()},
            "study": self.study,
            "storage": self.storage,
            "seconds": round(self.seconds, 3),
            "remarks": list(self.remarks),
        }

    def __repr__(self) -> str:
        found = ", ".join(f"{name}={value:.4g}" for name, value in zip(self.objectives, self.best.values, strict=True))
        return f"TuneResult({self.model}: {found} in trial {self.best.number} of {len(self.trials)})"


def read_trial(frozen: "FrozenTrial", space: "Space") -> Trial:
    """What a study keeps of a finished trial."""
    attributes, names = frozen.user_attrs, list(space.candidates)
    done = frozen.state.name == "COMPLETE"
    return Trial(
        number=frozen.number,
        state=STATES.get(frozen.state.name, frozen.state.name.lower()),
        values=tuple(frozen.values) if done else (),
        seconds=frozen.duration.total_seconds() if frozen.duration is not None else math.nan,
        model=attributes.get("model") or (names[0] if len(names) == 1 else ""),
        settings={key: revived(value) for key, value in attributes.get("settings", {}).items()},
        reason=attributes.get("reason", ""),
        changed=attributes.get("changed", {}),
        same_as=attributes.get("same_as"),
        metrics=attributes.get("metrics") or {},
        reports=frozen.intermediate_values,
    )


def front_of(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The complete trials to which no other is equal or better in every objective and better in one."""
    done = sorted((trial for trial in trials if trial.values), key=lambda trial: (trial.values, trial.number))
    front: list[Trial] = []
    for trial in done:  # by the first objective: whoever could dominate it came before
        if not any(all(a <= b for a, b in zip(other.values, trial.values, strict=True)) for other in front):
            front.append(trial)
    return tuple(front)


def best_of(trials: Sequence[Trial], *, kept: str) -> Trial:
    """The first of those that are best in the first objective.

    Raises ``ForecastError`` where no trial came to its end, with the reasons; kept: where the trials can be looked up.
    """
    front = front_of(trials)
    if front:
        return front[0]
    reasons = Counter(trial.reason or "no reason is known" for trial in trials)
    told = "; ".join(f"{reason} ({count} times)" for reason, count in reasons.most_common(3))
    cause = f"none of {len(trials)} trials came to its end: {told}" if trials else "no trial came to its end in time"
    remedy = "Give more time (timeout, --timeout)." if not trials else "Correct the settings or narrow the space."
    if reasons and all(reason.startswith("the objective ") for reason in reasons):
        remedy = "Choose another error, such as mae, which is in the data's units (objectives, --objective)."
    raise ForecastError(cause, f"{remedy} The trials are kept in {kept}.")


def importances_of(study: "Study", best: Trial) -> dict[str, float]:
    """Share of each setting of the best model in the differences of the first objective, largest first.

    Empty where too few trials are done.  Source: Hutter et al. 2014 (fANOVA).  Optuna's default, PED-ANOVA, looks at
    the best tenth of the trials, which of twenty are two: it then names whatever is continuous.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({tuple(trial.values) for trial in done}) < 2:
        return {}
    names = list(next(trial.params for trial in done if trial.number == best.number))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that a few trials make rough shares
            found = get_param_importances(
                study,
                evaluator=FanovaImportanceEvaluator(seed=0),
                params=names,
                target=lambda trial: float(trial.values[0]),
            )
    except (ValueError, RuntimeError):  # no parameter is shared, or none varies
        return {}
    return {name: float(value) for name, value in found.items() if math.isfinite(value) and value > 0}


def trials_frame(trials: Sequence[Trial], objectives: Sequence[str]) -> pd.DataFrame:
    """A row per trial; settings that a trial does not have are empty."""
    settings = list(dict.fromkeys(name for trial in trials for name in trial.settings))
    rows = []
    for trial in trials:
        values = trial.values or (math.nan,) * len(objectives)
        rows.append(
            {
                "trial": trial.number,
                "state": trial.state,
                **dict(zip(objectives, values, strict=True)),
                "seconds": round(trial.seconds, 3),
                "model": trial.model,
                **{name: trial.settings.get(name) for name in settings},
                "reason": trial.reason,
            }
        )
    columns = ["trial", "state", *objectives, "seconds", "model", *settings, "reason"]
    return pd.DataFrame(rows, columns=columns)
