"""Calibrated intervals as a forecaster around another one.

Dimension key: S series, W windows, H horizon, C channels, Q levels, B bands.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Note
from forecast.ensembles.nested import NestedForecaster, Trainings, bounds_of, longest, shared_settings, usual_folds
from forecast.errors import DataError
from forecast.estimators.base import DEFAULT_LEVELS, Forecaster, Job
from forecast.estimators.settings import setting
from forecast.intervals.adaptive import shifts_of
from forecast.intervals.conformal import Calibration, Kind, calibrate
from forecast.intervals.scales import recent_scales, scale_steps
from forecast.nesting import Nested, inner, label
from forecast.packing import pack_members, unpack_members

INSIDE = "inside."  # what the arrays of the forecaster inside begin with
MOST_FOLDS, FEWEST_FOLDS, WINDOWS = 40, 5, 400


@dataclass(kw_only=True, eq=False, repr=False)
class ConformalForecaster(NestedForecaster):
    """Another forecaster, whose levels are calibrated on a backtest of it; its points stay as they are.

    After ``fit``: ``forecaster_`` (fitted on all rows), ``calibration_``.  Adaptive calibrations also learn from the
    rows of later data, up to each origin, that they are asked to forecast from.
    """

    forecaster: str | Forecaster | Mapping[str, Any] = setting(
        "theta", help="what to calibrate: the name of a forecaster, a forecaster, or its {name, settings}"
    )
    kind: Kind = setting(
        "adaptive", help="adaptive: the intervals go on adapting to rows that come; split: they do not"
    )
    folds: int | None = setting(
        None,
        help="folds, a horizon apart, to calibrate on; as many as the data hold, closer together, when None",
        low=1,
    )

    name: ClassVar[str] = "conformal"

    @classmethod
    def from_fitted(cls, model: Forecaster, calibration: Calibration) -> Self:
        """A calibrated forecaster around a fitted one, without fitting anything."""
        around = cls(
            **shared_settings((model.name,), (model,)) | {"levels": calibration.levels},
            forecaster=model.clone(),
            kind=calibration.kind,
        )
        around._adopt((model,))
        around.forecaster_, around.calibration_ = model, calibration
        return around

    def _given(self) -> tuple[Nested, ...]:
        return (self.forecaster,)

    def _inside(self) -> tuple[Forecaster]:
        return (self.forecaster_,)

    # ------------------------------------------------------------------ learning

    def _learn(self, panel: Panel, job: Job) -> None:
        member = inner(self, self.forecaster)
        name = label(self.forecaster)
        wanted = tuple(sorted(self.levels or DEFAULT_LEVELS))
        folds, step = self._folds(panel)
        if not folds:
            raise DataError(
                f"the data are too short to calibrate intervals of {self.horizon} steps: no fold fits",
                f"Give at least {3 * self.horizon + 1} steps, a shorter horizon, or forecast with {name} itself.",
            )
        trainings = Trainings(panel=panel, job=job, max_time=self.max_time, left=2)
        own = () if member.levels is None else wanted
        result = trainings.test(name, member, folds=folds, step=step, levels=own)
        self.calibration_ = calibrate(result.with_season(self.season_), self.kind, levels=wanted)
        self.forecaster_ = trainings.fit(name, member)
        self.report_ |= {"folds": folds, "step": step, "scores": int(self.calibration_.scores.min())}
        if self.calibration_.too_few:
            self._note(self.calibration_.too_few)

    def _note(self, coverages: tuple[float, ...]) -> None:
        shown = ", ".join(f"{coverage:.0%}" for coverage in coverages)
        errors = self.report_["scores"]
        message = f"{errors} errors promise no coverage of {shown}: such intervals are as wide as the largest of them"
        if not errors:
            message = "no value that varies was observed in the backtest: intervals are not calibrated"
        self.report_["notes"] = [*self.report_.get("notes", []), asdict(Note(topic="coverage", message=message))]

    def _folds(self, panel: Panel) -> tuple[int, int]:
        """Folds and the rows between them: close together where that gives enough scores of a single series."""
        if self.folds is not None:
            return self.folds, self.horizon
        wanted = int(np.clip(WINDOWS // len(panel), FEWEST_FOLDS, MOST_FOLDS))
        most = usual_folds(panel, self.horizon, step=1, most=panel.ends.max(initial=1))
        step = int(np.clip(most // wanted, 1, self.horizon))
        return usual_folds(panel, self.horizon, step=step, most=wanted), step

    # ------------------------------------------------------------------ forecasting

    def _forecast(self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]) -> Floats:
        self.calibration_.require(levels)
        if not levels:
            return self.forecaster_.forecast_windows(panel, series, ends, horizon=horizon)
        asked = tuple(sorted({*levels, 0.5}))
        shift = None
        if self.calibration_.kind == "adaptive":
            shift = shifts_of(
                self.calibration_, self._uncalibrated, self.panel_, panel, series, ends, horizon=self.horizon
            )
        values = self._uncalibrated(panel, series, ends, horizon, asked)
        scale = recent_scales(panel, series, ends, season=self.calibration_.season)
        values = self.calibration_.apply(values, asked, scale, shift=shift)
        low, high = bounds_of(self.forecaster_)
        if low is not None or high is not None:
            values = np.clip(values, low, high)
        return values[..., [0, *(1 + asked.index(level) for level in levels)]]

    def _uncalibrated(self, panel: Panel, series: Ints, ends: Ints, horizon: int, levels: tuple[float, ...]) -> Floats:
        """(W, horizon, C, 1 + Q) what the forecaster inside says; around points, the levels are still to be filled."""
        points = self.calibration_.points
        own = () if points else levels
        values = self.forecaster_.forecast_windows(panel, series, ends, horizon=horizon, levels=own)
        return np.repeat(values[..., :1], 1 + len(levels), axis=-1) if points else values

    def _context_steps(self) -> int | None:
        return longest((self.forecaster_._context_steps(), scale_steps(self.calibration_.season)))

    def _stored_steps(self) -> int | None:
        return longest((self.forecaster_._stored_steps(), scale_steps(self.calibration_.season)))

    # ------------------------------------------------------------------ saving

    def _state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        documents, arrays = pack_members((self.forecaster_,))
        calibration, values = self.calibration_.state()
        state = {"forecaster": documents, "calibration": calibration}
        return state, {**{INSIDE + name: value for name, value in arrays.items()}, **values}

    def _restore(self, state: dict[str, Any], arrays: dict[str, Floats]) -> None:
        inside = {n.removeprefix(INSIDE): value for n, value in arrays.items() if n.startswith(INSIDE)}
        own = {name: value for name, value in arrays.items() if not name.startswith(INSIDE)}
        (self.forecaster_,) = unpack_members(state["forecaster"], inside, self, self._moves())
        self.calibration_ = Calibration.restored(state["calibration"], own)
