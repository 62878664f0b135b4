"""Rolling-origin evaluation: each forecast is made from what was known at its origin, and scored on what came after."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, DataError, ForecastError
from forecast.evaluation.metrics import actuals
from forecast.evaluation.origins import Origins, fold_origins, hide_after, require_folds
from forecast.evaluation.results import Backtest

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster


def backtest(
    forecaster: "Forecaster",
    data: Any,
    *,
    folds: int = 10,
    step: int | None = None,
    horizon: int | None = None,
    refit: bool | int = False,
    fitted: bool = False,
    anchored: bool = False,
    levels: Iterable[float] | None = None,
    season: int | None = None,
    future_data: Any = None,
    on_report: Callable[[int, float, dict[str, float]], bool | None] | None = None,
) -> Backtest:
    """Forecast ``folds`` origins of every series and compare with what came.

    The origins of a series lie ``step`` rows apart (default: horizon) and are counted back from its own last observed
    target, where the last horizon ends; a series too short for all takes part in the last folds, from the first that
    leaves it one observed step.  An unfitted clone is fitted on the rows before each series' first origin and forecasts
    all windows in one call; it may read the rows between as context.  Later targets are removed from what it gets.

    refit: fit anew every so many folds (True: every fold).
    fitted: score the weights of ``forecaster`` itself; refused unless all scored targets are later than its training.
    anchored: forecast the origins of a series in as few passes of a causal network as can be, as ``stream`` does: with
    location and scale of an anchor, the first origin and every lookback steps from there, and a context that grows
    from one lookback to two.  Without it every origin has a window of its own, as ``predict`` has.
    levels: default: the forecaster's.  season: of MASE and RMSSE; default: the forecaster's, else found from the rows
    before the first origins.  data, future_data: as in ``fit``.

    Raises ``ConfigError`` for wrong arguments and ``DataError`` for folds that do not fit, saying how many would.
    """
    steps = forecaster.horizon if horizon is None else horizon
    apart = steps if step is None else step
    every = _check(folds=folds, step=apart, horizon=steps, refit=refit, fitted=fitted, season=season)
    if anchored:
        from forecast.estimators.anchored import require_causal

        require_causal(forecaster, steps)
    panel = _read(forecaster, data, fitted=fitted, future_data=future_data)
    train = 1 if fitted else 2 * forecaster.horizon + 1
    require_folds(panel, folds, horizon=steps, step=apart, train=train)
    origins = fold_origins(panel, horizon=steps, folds=folds, step=apart)
    used = np.unique(origins.series)
    left_out = tuple(map(str, np.delete(panel.ids, used)))
    if left_out:
        panel = panel.select(used)
        origins = fold_origins(panel, horizon=steps, folds=folds, step=apart)
    if fitted:
        _refuse_trained(forecaster, panel, origins)
    runner = _Runner(forecaster, panel, origins, steps, _levels(forecaster, levels), on_report)
    runner.asked = {"anchored": True} if anchored else {}
    for first in range(0, folds, every):
        runner.run(first, min(first + every, folds), fitted=fitted)
    return Backtest(
        name=getattr(forecaster, "name", type(forecaster).__name__),
        panel=panel,
        horizon=steps,
        folds=folds,
        step=apart,
        season=season or forecaster.season or _season(panel.cut(origins.first)),
        levels=runner.levels,
        fold=origins.fold,
        series=origins.series,
        ends=origins.ends,
        values=runner.values,
        actual=actuals(panel, origins.series, origins.ends, horizon=steps),
        fits=runner.fits,
        fit_seconds=runner.fit_seconds,
        predict_seconds=runner.predict_seconds,
        left_out=left_out,
    )


class _Runner:
    """Fits and forecasts block after block of folds, and keeps what came of it."""

    def __init__(
        self,
        forecaster: "Forecaster",
        panel: Panel,
        origins: Origins,
        horizon: int,
        levels: tuple[float, ...],
        on_report: Callable[[int, float, dict[str, float]], bool | None] | None,
    ) -> None:
        self.forecaster, self.panel, self.origins = forecaster, panel, origins
        self.horizon, self.levels = horizon, levels
        self.options: dict[str, Any] = {} if on_report is None else {"on_report": on_report}
        self.asked: dict[str, Any] = {}  # of ``forecast_windows``
        self.values: Floats = np.empty((len(origins), horizon, panel.channels, 1 + len(levels)))
        self.fits, self.fit_seconds, self.predict_seconds = 0, 0.0, 0.0

    def run(self, first: int, last: int, *, fitted: bool) -> None:
        """Forecast folds ``first`` … ``last − 1`` after a fit on the rows before the first of them."""
        windows = self.origins.block(first, last)
        if not len(windows):
            return
        known = self.origins.first_of(first)
        model = self.forecaster if fitted else self._fit(hide_after(self.panel, known))
        series, ends = self.origins.series[windows], self.origins.ends[windows]
        np.maximum.at(known, series, ends)
        began = time.perf_counter()
        visible = hide_after(self.panel, known)
        values = model.forecast_windows(visible, series, ends, horizon=self.horizon, levels=self.levels, **self.asked)
        self.predict_seconds += time.perf_counter() - began
        self.values[windows] = self._checked(np.asarray(values), windows)

    def _fit(self, panel: Panel) -> "Forecaster":
        began = time.perf_counter()
        model = self.forecaster.clone().fit(panel, **self.options)
        self.fit_seconds += time.perf_counter() - began
        self.fits += 1
        return model

    def _checked(self, values: Floats, windows: Ints) -> Floats:
        """The forecasts, refused when they have another shape or are not finite: NaN must not drop out of the score."""
        shape = (len(windows), *self.values.shape[1:])
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


def _check(*, folds: Any, step: Any, horizon: Any, refit: Any, fitted: bool, season: Any) -> int:
    """The folds per fit; raises one ``ConfigError`` that names every argument that is wrong."""
    counts = {"folds": folds, "step": step, "horizon": horizon}
    if season is not None:
        counts["season"] = season
    if refit is not True and refit is not False:
        counts["refit"] = refit
    faults = [
        f"{name}={value!r}"
        for name, value in counts.items()
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1
    ]
    if faults:
        raise ConfigError(f"{', '.join(faults)}: not a whole number of at least 1", "Give counts of 1 or more.")
    if fitted and refit is not False:
        raise ConfigError("fitted=True scores weights as they are, refit fits anew", "Choose one of the two.")
    return int(folds) if refit is False else int(refit)


def _read(forecaster: "Forecaster", data: Any, *, fitted: bool, future_data: Any) -> Panel:
    if fitted:
        forecaster._require_fit()
    schema = forecaster.schema_ if fitted else None
    return forecaster._panel(data, schema=schema, future_data=future_data)


def _levels(forecaster: "Forecaster", levels: Iterable[float] | None) -> tuple[float, ...]:
    from forecast.estimators.base import check_levels

    given = forecaster.levels if levels is None else levels
    return () if given is None else check_levels(given)


def _season(panel: Panel) -> int:
    from forecast.datasets.seasons import detect_season

    return detect_season(panel)


def _refuse_trained(forecaster: "Forecaster", panel: Panel, origins: Origins) -> None:
    """``DataError`` naming the first series whose training reaches past its first origin: its targets were learned."""
    ends = {str(name): end for name, end in forecaster.fitted_ends_.items()}
    known = np.flatnonzero([str(name) in ends for name in panel.ids])
    if not len(known):
        return
    last = np.array([ends[str(name)] for name in panel.ids[known]], dtype=np.int64)
    trained = forecaster.panel_.timeline.ticks(last)  # times, not steps: row steps differ between panels
    first = panel.timeline.ticks((panel.starts + origins.first - 1)[known])
    late = np.flatnonzero(trained > first)
    if not len(late):
        return
    name = panel.ids[known[late[0]]]
    origin = panel.timeline.times((panel.starts + origins.first - 1)[known[late[:1]]])[0]
    end = forecaster.panel_.timeline.times(last[late[:1]])[0]
    raise DataError(
        f"series {name!r} was trained up to {end}, later than its first origin {origin}: {len(late)} of {len(panel)} "
        "series would be scored on targets that the weights have seen",
        "Fit on rows before the first origin, ask for fewer folds, or leave fitted off (a clone is then fitted).",
        series=name,
    )
