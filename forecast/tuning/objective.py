"""One trial of a search: settings are drawn, backtested on time-ordered folds, and given a value."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, ForecastError, is_out_of_memory
from forecast.estimators.base import Forecaster
from forecast.evaluation.backtest import backtest
from forecast.evaluation.results import Backtest
from forecast.nesting import described
from forecast.plain import round_or_none, to_plain
from forecast.presets import create
from forecast.tuning.conflicts import settle
from forecast.tuning.faults import is_storage_error
from forecast.tuning.objectives import value_of
from forecast.tuning.reports import Reports
from forecast.tuning.space import Space

KEPT = ("mase", "wql", "rmsse", "mae", "rmse", "smape", "wape", "bias", "coverage_90")  # measures kept with a trial


class TrialFailed(Exception):
    """A trial came to nothing, for the reason that is its message; the search goes on."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a trial is judged by.  Picklable, so that workers can be sent it; called with a trial it gives its value.

    data: the panel, or what opens it in a worker.  folds, step, horizon, refit: of the backtest.  season: of MASE, the
    same for all trials.  objectives: names, see ``forecast.tuning.objectives``.  by_fold: prune by paired folds only.

    Keeps with each trial, as user attributes: ``model``, ``settings`` (the searched ones, as used), ``changed`` (those
    that had to give way to others), ``reason`` (of a pruned or failed trial), ``metrics``, ``seconds``, ``same_as``.
    """

    data: Panel | Callable[[], Panel]
    space: Space
    horizon: int
    folds: int
    step: int
    season: int
    refit: bool | int = False
    objectives: tuple[str, ...] = ("mase",)
    by_fold: bool = False

    @cached_property
    def panel(self) -> Panel:
        """The data of all trials."""
        return self.data if isinstance(self.data, Panel) else self.data()

    def __call__(self, trial: Any) -> float | tuple[float, ...]:
        """The value of an Optuna trial, or one for each objective.

        Raises ``optuna.TrialPruned`` or ``TrialFailed``, both with their reason, which is kept with the trial, and
        what the storage raises.
        """
        from optuna import TrialPruned
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            values = self._values(trial)
        except (TrialPruned, UpdateFinishedTrialError):
            raise
        except Exception as error:  # whatever a forecaster does wrong costs one trial, never the search
            if is_storage_error(error):
                raise
            reason = reason_of(error)
            trial.set_user_attr("reason", reason)
            _free_memory(error)
            raise TrialFailed(reason) from error
        return values[0] if len(values) == 1 else values

    def _values(self, trial: Any) -> tuple[float, ...]:
        name, settings = self.space.suggest(trial)
        candidate = self.space.candidates[name]
        trial.set_user_attr("model", name)
        forecaster = create(name, **settings)
        try:
            changed = settle(forecaster, candidate.search, candidate.usual)
        except ConfigError as error:
            self._prune(trial, f"not tried: {error.cause}")
        used = {key: to_plain(described(getattr(forecaster, key))) for key in candidate.search}
        trial.set_user_attr("settings", used)
        if changed:
            trial.set_user_attr("changed", to_plain(described(changed)))
        same = self._finished_twin(trial, name, used)
        if same is not None:
            trial.set_user_attr("same_as", same.number)
            for key in ("metrics", "seconds"):
                trial.set_user_attr(key, same.user_attrs.get(key))
            return tuple(same.values)
        result = self._backtest(trial, forecaster)
        values = tuple(value_of(one, result) for one in self.objectives)
        measures = result.metrics()
        trial.set_user_attr("metrics", {key: round_or_none(measures[key]) for key in KEPT if key in measures})
        trial.set_user_attr("seconds", {"fit": result.fit_seconds, "predict": result.predict_seconds})
        return values

    def _backtest(self, trial: Any, forecaster: Forecaster) -> Backtest:
        told: dict[str, Any] = {}
        if len(self.objectives) == 1:
            reports = Reports(trial, folds=self.folds, by_fold=self.by_fold)
            told = {"on_report": reports.validated, "on_fold": reports.folded}
        return backtest(
            forecaster,
            self.panel,
            folds=self.folds,
            step=self.step,
            horizon=self.horizon,
            refit=self.refit,
            season=self.season,
            **told,
        )

    def _finished_twin(self, trial: Any, name: str, used: dict[str, Any]) -> Any:
        """A finished trial of the same settings, whose value need not be worked out again."""
        from optuna.trial import TrialState

        for other in trial.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            if other.user_attrs.get("model") == name and other.user_attrs.get("settings") == used:
                return other
        return None

    def _prune(self, trial: Any, reason: str) -> None:
        from optuna import TrialPruned

        trial.set_user_attr("reason", reason)
        raise TrialPruned(reason)


def is_trained(forecaster: Forecaster | type[Forecaster]) -> bool:
    """Whether it is trained in steps, and validates meanwhile."""
    return "max_steps" in forecaster.__dataclass_fields__


def reason_of(error: BaseException) -> str:
    """Why a trial failed, in a line."""
    if is_out_of_memory(error):
        return "out of memory"
    if isinstance(error, ForecastError):
        return error.cause
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def _free_memory(error: BaseException) -> None:
    """Let go of what the failed trial held: its frames hang on the error's traceback."""
    import gc

    from forecast.training.device import free_cached

    error.__traceback__ = None
    gc.collect()
    free_cached()
