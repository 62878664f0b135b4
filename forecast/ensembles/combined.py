"""Several forecasters as one: the weighted mean of their forecasts.

Dimension key: M members, W windows, H horizon, C channels, Q levels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Note
from forecast.ensembles.nested import NestedForecaster, Trainings, longest, shared_settings, usual_folds
from forecast.ensembles.weights import Measure, Weighting, Weights, combine, equal_weights, weigh
from forecast.errors import ConfigError
from forecast.estimators.base import Forecaster, Job
from forecast.estimators.settings import setting
from forecast.evaluation.results import Backtest
from forecast.nesting import Nested, inner, labels
from forecast.packing import pack_members, unpack_members
from forecast.plain import round_or_none, rounded

MOST_FOLDS, FEWEST_FOLDS, WINDOWS = 10, 3, 60
MEMBERS = "members."  # what the arrays of the members begin with


@dataclass(kw_only=True, eq=False, repr=False)
class CombinedForecaster(NestedForecaster):
    """The weighted mean of the forecasts of several, points and levels, with weights from a backtest of each.

    A member that cannot be fitted fails the whole, by name.  After ``fit``: ``members_`` (fitted), ``weights_``.
    """

    members: tuple[str | Forecaster | Mapping[str, Any], ...] = setting(
        ("theta", "ets"), help="what to combine: names of forecasters, forecasters, or their {name, settings}"
    )
    weighting: Weighting = setting("equal", help="how the members' weights are found; see forecast.ensembles.weigh")
    measure: Measure = setting("wql", help="the error that inverse-error and greedy weights take, wql or mase")
    folds: int | None = setting(None, help="folds to find the weights on; from the data when None", low=1)

    name: ClassVar[str] = "combined"

    @classmethod
    def from_fitted(cls, models: Mapping[str, Forecaster], weights: Weights) -> Self:
        """A combination of forecasters that are fitted on the same data, without fitting anything.

        models: by the names in ``weights``; those that it does not name, and those without weight, are left out.
        Raises ``ConfigError`` where one is missing, or was fitted to another horizon or other data.
        """
        used = weights.used()
        missing = [name for name in used.members if name not in models]
        if missing or not used.members:
            raise ConfigError(f"no fitted model of {', '.join(missing) or 'any member'}", "Give one for every member.")
        chosen = [models[name] for name in used.members]
        inside = tuple(model.clone() for model in chosen)
        combined = cls(**shared_settings(used.members, chosen), members=inside, weighting=used.how)
        combined._adopt(chosen)
        combined.members_, combined.weights_ = chosen, used
        combined.report_["weights"] = rounded(used.as_mapping())
        return combined

    def _conflicts(self) -> Iterator[str]:
        yield from super()._conflicts()
        if not self.members:
            yield "members is empty"

    def _given(self) -> tuple[Nested, ...]:
        return tuple(self.members)

    def _inside(self) -> list[Forecaster]:
        return self.members_

    # ------------------------------------------------------------------ learning

    def _learn(self, panel: Panel, job: Job) -> None:
        names = labels(self.members)
        members = {name: inner(self, given) for name, given in zip(names, self.members, strict=True)}
        folds = self._folds(panel) if self.weighting != "equal" and len(members) > 1 else 0
        timed = sum(hasattr(member, "max_time") for member in members.values())
        trainings = Trainings(panel=panel, job=job, max_time=self.max_time, left=timed * (2 if folds else 1))
        backtests = {name: self._test(trainings, name, member, folds) for name, member in members.items() if folds}
        found = weigh(backtests, self.weighting, measure=self.measure) if backtests else equal_weights(names)
        self.weights_ = found.used()
        trainings.left = sum(hasattr(members[name], "max_time") for name in self.weights_.members)
        self.members_ = [trainings.fit(name, members[name]) for name in self.weights_.members]
        self._tell(panel, backtests, found)

    def _test(self, trainings: Trainings, name: str, member: Forecaster, folds: int) -> Backtest:
        levels = () if self.levels is None else tuple(sorted(self.levels))
        return trainings.test(name, member, folds=folds, step=self.horizon, levels=levels).with_season(self.season_)

    def _folds(self, panel: Panel) -> int:
        most = int(np.clip(WINDOWS // len(panel), FEWEST_FOLDS, MOST_FOLDS))
        return self.folds or usual_folds(panel, self.horizon, step=self.horizon, most=most)

    def _tell(self, panel: Panel, backtests: Mapping[str, Backtest], found: Weights) -> None:
        self.report_["weights"] = rounded(found.as_mapping())
        if backtests:
            self.report_["backtest_mase"] = {
                n: round_or_none(result.metrics()["mase"]) for n, result in backtests.items()
            }
            self.report_["folds"] = next(iter(backtests.values())).folds
        elif self.weighting != "equal" and len(self.members) > 1:
            message = f"the data are too short for a backtest of {self.horizon} steps: all members weigh the same"
            self.report_["notes"] = [*self.report_.get("notes", []), asdict(Note(topic="weights", message=message))]

    # ------------------------------------------------------------------ forecasting

    def _forecast(self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]) -> Floats:
        values = [
            member.forecast_windows(panel, series, ends, horizon=horizon, levels=levels) for member in self.members_
        ]
        return combine(values, self.weights_, levels)

    def _context_steps(self) -> int | None:
        return longest(member._context_steps() for member in self.members_)

    def _stored_steps(self) -> int | None:
        return longest(member._stored_steps() for member in self.members_)

    # ------------------------------------------------------------------ saving

    def _state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        documents, arrays = pack_members(self.members_)
        weights, values = self.weights_.state()
        state = {"members": documents, "weights": weights}
        return state, {**{MEMBERS + name: value for name, value in arrays.items()}, **values}

    def _restore(self, state: dict[str, Any], arrays: dict[str, Floats]) -> None:
        inside = {n.removeprefix(MEMBERS): value for n, value in arrays.items() if n.startswith(MEMBERS)}
        self.members_ = unpack_members(state["members"], inside, self, self._moves())
        self.weights_ = Weights.restored(state["weights"], arrays)
        if len(self.weights_.members) != len(self.members_):
            raise ValueError(f"{len(self.members_)} members have {len(self.weights_.members)} weights")
