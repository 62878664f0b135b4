"""One forecaster through the folds of a backtest: fitted on what was known, asked for what came."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.known import hide_after, last_known
from forecast.evaluation.metrics import actuals, mase, seasonal_scales
from forecast.evaluation.origins import Origins
from forecast.evaluation.plan import Plan

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster

TOLD = 10  # calls for forecasts between which ``on_fold`` is told of the folds of one fit


class Runner:
    """Fits and forecasts block after block of folds, and keeps what came of it.

    After ``run``: values (W, H, C, 1 + Q), actual (W, H, C), fits, fit_seconds, predict_seconds, and the
    last fit's report.
    """

    def __init__(
        self, forecaster: "Forecaster", panel: Panel, origins: Origins, plan: Plan, *, levels: tuple[float, ...]
    ) -> None:
        self.forecaster, self.panel, self.origins, self.plan, self.levels = forecaster, panel, origins, plan, levels
        self.actual = actuals(panel, origins.series, origins.ends + plan.gap, horizon=plan.horizon)
        self.values: Floats = np.empty((*self.actual.shape, 1 + len(levels)))
        self.fits, self.fit_seconds, self.predict_seconds = 0, 0.0, 0.0
        self.report: dict[str, Any] = {}

    def run(self, season: int) -> None:
        """Fit and forecast all folds.  season: of the errors that ``on_fold`` is told."""
        plan, origins = self.plan, self.origins
        follower = None
        if plan.on_fold is not None:
            scale, _ = seasonal_scales(
                self.panel.target, self.panel.offsets, origins.series, origins.ends, season=season
            )
            follower = _Error(scale)
        model = self.forecaster if plan.fitted else None
        for first in range(0, plan.folds, plan.every):
            last = min(first + plan.every, plan.folds)
            if not len(origins.block(first, last)):
                continue
            if not plan.fitted:
                model = self._fit(origins.first_of(first), model)
            assert model is not None
            for begin, end in self._calls(first, last):
                windows = origins.block(begin, end)
                self._forecast(model, origins.first_of(begin), windows)
                if follower is not None and plan.on_fold is not None:
                    follower.add(self.actual[windows], self.values[windows, ..., 0], windows)
                    plan.on_fold(end, follower.mase)

    def _calls(self, first: int, last: int) -> list[tuple[int, int]]:
        """The folds of each call for forecasts.

        One call takes all folds of a fit where the forecaster is held to read nothing from its origins on, or some of
        them where somebody wants to be told.  Of any other it is not known, and with a window the oldest rows differ:
        each fold then gets a panel of its own.
        """
        if self.plan.window is None and self.forecaster.keeps_to_origins:
            size = last - first if self.plan.on_fold is None else -(-(last - first) // TOLD)
            return [(begin, min(begin + size, last)) for begin in range(first, last, size)]
        return [(fold, fold + 1) for fold in range(first, last) if len(self.origins.block(fold, fold + 1))]

    def _fit(self, known: Ints, before: "Forecaster | None") -> "Forecaster":
        """A forecaster that knows the rows before ``known`` (S,); a warm one goes on from the weights ``before``."""
        plan = self.plan
        options: dict[str, Any] = {} if plan.on_report is None else {"on_report": plan.on_report}
        visible = last_known(self.panel, known, plan.window)
        began = time.perf_counter()
        go_on = getattr(before, "fine_tune", None) if plan.warm else None
        if go_on is None:
            model: Forecaster = self.forecaster.clone().fit(visible, **options)
        else:
            dated = replace(visible, schema=replace(visible.schema, shape="long"))  # an array's rows would all be new
            model = go_on(dated, **options)
        self.fit_seconds += time.perf_counter() - began
        self.fits += 1
        self.report = dict(model.report_)
        return model

    def _forecast(self, model: "Forecaster", known: Ints, windows: Ints) -> None:
        plan = self.plan
        series, ends = self.origins.series[windows], self.origins.ends[windows]
        known = known.copy()
        np.maximum.at(known, series, ends)
        began = time.perf_counter()
        visible = hide_after(self.panel, known) if plan.window is None else last_known(self.panel, known, plan.window)
        dropped = known - visible.ends  # (S,) rows before the window
        asked: dict[str, Any] = {"anchored": True} if plan.anchored else {}
        values = model.forecast_windows(
            visible, series, ends - dropped[series], horizon=plan.reach, levels=self.levels, **asked
        )
        self.predict_seconds += time.perf_counter() - began
        self.values[windows] = self._checked(np.asarray(values), windows)[:, plan.gap :]

    def _checked(self, values: Floats, windows: Ints) -> Floats:
        """The forecasts, refused when they have another shape or are not finite: NaN must not drop out of the score."""
        shape = (len(windows), self.plan.reach, *self.values.shape[2:])
        name = type(self.forecaster).__name__
        if values.shape != shape:
            raise ForecastError(f"{name} returned forecasts of shape {values.shape}; {shape} (W, H, C, 1 + Q) was due")
        bad = np.asarray(~np.isfinite(values).all(axis=(1, 2, 3)))
        if bad.any():
            worst = int(windows[bad.argmax()])
            series = self.panel.ids[self.origins.series[worst]]
            raise ForecastError(
                f"{name} forecast a value that is not finite for series {series!r} in fold {self.origins.fold[worst]}; "
                f"{int(bad.sum())} of {len(bad)} windows have one",
                "Leave this forecaster out, or try another transform.",
                series=series,
            )
        return values


class _Error:
    """MASE of the windows so far, each looked at once.  scale: (W, C)."""

    def __init__(self, scale: Floats) -> None:
        self.scale, self.total, self.count = scale, 0.0, 0

    @property
    def mase(self) -> float:
        return self.total / self.count if self.count else np.nan

    def add(self, actual: Floats, forecast: Floats, windows: Ints) -> None:
        scale = self.scale[windows][:, None, :]
        counted = int((~np.isnan(actual) & ~np.isnan(scale)).sum())
        if counted:
            self.total += mase(actual, forecast, scale) * counted
            self.count += counted
