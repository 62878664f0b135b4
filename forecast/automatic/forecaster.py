"""A forecaster that chooses by itself, within a given time."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from forecast.automatic.candidates import require_known
from forecast.automatic.clock import Clock
from forecast.automatic.selection import Selection, select
from forecast.automatic.trials import Trials, error_of
from forecast.automatic.watcher import Reporting
from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Note
from forecast.ensembles.nested import NestedForecaster
from forecast.errors import ConfigError
from forecast.estimators.base import Job
from forecast.estimators.settings import setting
from forecast.evaluation.results import Backtest
from forecast.packing import pack_members, unpack_members
from forecast.plain import round_or_none
from forecast.transforms import Transform

SECONDS = 120.0
RESERVE = 0.03  # of the time, for what comes between and after the fits
OWN = ("horizon", "max_time", "folds", "settings")
MEMBERS = "members."
SHOWN = ("mase", "wql", "coverage_90", "fit_seconds")


@dataclass(kw_only=True, eq=False, repr=False)
class AutoForecaster(NestedForecaster):
    """Tries baselines, statistics and networks on the same folds, and forecasts with what can be trusted most.

    Cheap ones come first; what would not fit into ``max_time`` is left out by name.  What leads among the networks is
    tried with other settings, members are combined, and what is chosen is fitted again on all rows.  Something simpler
    stays unless something else is better by more than the noise of the comparison; see ``forecast.automatic.choice``.

    After ``fit``: ``chosen_`` (the fitted forecaster); ``report_["chosen"]``, ``["weights"]``, ``["why"]``,
    ``["trials"]`` and ``["left_out"]`` say what was done.
    """

    max_time: float | None = setting(SECONDS, help="seconds that fit may take as a whole; None: 120", above=0)
    folds: int | None = setting(None, help="folds that everything is judged on; from the data when None", low=1)
    settings: Any = setting(None, help="settings of what is tried, by name; each takes those that it has")

    name: ClassVar[str] = "auto"

    def _given(self) -> tuple[()]:
        """None: what is tried stands in no setting."""
        return ()

    def _conflicts(self) -> Iterator[str]:
        yield from super()._conflicts()
        if self.settings is not None and not isinstance(self.settings, Mapping):
            yield f"settings={self.settings!r} is no mapping from names to values"

    # ------------------------------------------------------------------ learning

    def _transformed(self, panel: Panel) -> Transform:
        """None of its own: members transform, so that errors are judged in the user's units."""
        return Transform()

    def _learn(self, panel: Panel, job: Job) -> None:
        if job.validation is not None:
            raise ConfigError("auto judges on folds of its own, not on a validation set", "Set folds=… instead.")
        require_known(self.settings or {})
        limit = self.max_time or SECONDS
        found = select(
            panel,
            horizon=self.horizon,
            settings=self._asked(),
            clock=Clock(began=job.began, limit=limit, reserve=RESERVE * limit),
            watcher=Reporting(job.on_report),
            folds=self.folds,
        )
        self.chosen_ = found.model
        self.report_ |= report_of(found)

    def _asked(self) -> dict[str, Any]:
        """The settings of what is tried: the shared ones that were changed, those by name, and one season for all."""
        shared = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in OWN}
        usual = {f.name: f.default for f in fields(self)}
        changed = {name: value for name, value in shared.items() if value != usual[name]}
        return {**changed, **(self.settings or {}), "season": self.season_}

    # ------------------------------------------------------------------ forecasting

    def _forecast(self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]) -> Floats:
        return self.chosen_.forecast_windows(panel, series, ends, horizon=horizon, levels=levels)

    def explain(self, X: Any = None, *rest: Any, **options: Any) -> Any:
        """What the chosen network looks at; ``ConfigError`` where something else was chosen."""
        self._require_fit()
        return self.chosen_.explain(X, *rest, **options)

    def _context_steps(self) -> int | None:
        return self.chosen_._context_steps()

    def _stored_steps(self) -> int | None:
        return self.chosen_._stored_steps()

    # ------------------------------------------------------------------ saving

    def _state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        documents, arrays = pack_members([self.chosen_])
        return {"members": documents}, {MEMBERS + name: value for name, value in arrays.items()}

    def _restore(self, state: dict[str, Any], arrays: dict[str, Floats]) -> None:
        inside = {name.removeprefix(MEMBERS): value for name, value in arrays.items()}
        (self.chosen_,) = unpack_members(state["members"], inside, self, self._moves())


def report_of(found: Selection) -> dict[str, Any]:
    """What was done and why, as plain values."""
    message = f"{found.name} was chosen. {' '.join(found.why)}"
    return {
        "chosen": found.name,
        "weights": dict(found.weights),
        "why": list(found.why),
        "folds": found.trials.folds.count,
        "trials": _table(found.trials),
        "left_out": dict(found.trials.left_out),
        "notes": [asdict(Note(topic="choice", message=message))],
    }


def _table(trials: Trials) -> dict[str, dict[str, float | None]]:
    """Error, quantile loss and seconds of each backtest, best first."""
    ranked = sorted(trials.backtests, key=lambda label: error_of(trials.backtests[label]))
    return {label: _row(trials.backtests[label]) for label in ranked}


def _row(result: Backtest) -> dict[str, float | None]:
    measured = {**result.metrics(), "fit_seconds": result.fit_seconds}
    return {name: round_or_none(measured[name]) for name in SHOWN if name in measured}
