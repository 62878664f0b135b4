"""What a backtest found: forecasts beside actuals, and their measures by series, step, fold or target.

Dimension key: W windows, H horizon, C channels, Q levels, S series.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.output import level_name
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError
from forecast.evaluation.metrics import seasonal_scales
from forecast.evaluation.sums import Sums, measure, measures
from forecast.plain import round_or_none

if TYPE_CHECKING:
    from matplotlib.figure import Figure

By = Literal["series", "step", "fold", "target", "window"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Backtest:
    """Forecasts of W windows, fold after fold, with what came.

    fold, series, ends: (W,): window w knows the first ``ends[w]`` rows of series ``series[w]`` of ``panel``, and
    forecasts ``horizon`` rows from row ``ends[w] + gap`` on.
    values: (W, H, C, 1 + Q) in the user's units, points first, then ``levels``.
    actual: (W, H, C), NaN where unobserved.
    season: of MASE and RMSSE.  fits: how often it was fitted.  left_out: ids of series too short for any fold.
    report: what the last fit resolved and measured, as the forecaster's ``report_``.
    history: whether ``panel`` has the rows before the origins; MASE and RMSSE are NaN without.
    """

    name: str
    panel: Panel
    horizon: int
    folds: int
    step: int
    season: int
    levels: tuple[float, ...]
    fold: Ints
    series: Ints
    ends: Ints
    values: Floats
    actual: Floats
    fits: int
    fit_seconds: float
    predict_seconds: float
    left_out: tuple[str, ...] = ()
    gap: int = 0
    report: Mapping[str, Any] = field(default_factory=dict)
    history: bool = True

    @classmethod
    def from_frame(cls, forecasts: Any, actuals: Any = None, **options: Any) -> "Backtest":
        """Of forecasts that are there already, from any source; see ``forecast.evaluation.existing.from_frame``."""
        from forecast.evaluation.existing import from_frame

        return from_frame(forecasts, actuals, **options)

    def __len__(self) -> int:
        return len(self.ends)

    def __repr__(self) -> str:
        overall = self.metrics()
        shown = ", ".join(f"{name}={overall[name]:.4g}" for name in ("mase", "wql", "mae") if name in overall)
        return f"Backtest({self.name}: {self.folds} folds x {len(self.panel)} series x {self.horizon} steps; {shown})"

    @overload
    def metrics(self, by: None = None) -> dict[str, float]: ...

    @overload
    def metrics(self, by: By) -> pd.DataFrame: ...

    def metrics(self, by: By | None = None) -> dict[str, float] | pd.DataFrame:
        """All measures over everything, or a frame of them by series, horizon step, fold, target or window.

        Steps count from 1, folds from 0; a window is named by both its fold and its series.
        Definitions and units: ``forecast.evaluation.metrics``.
        ``count``: actuals; ``unscaled``: how many of them MASE and RMSSE leave out, as their series gives no scale.
        """
        if by is None:
            everything = self._sums.by(np.zeros(len(self), np.int64), 1)
            return {name: float(value[0]) for name, value in measures(everything, self.levels).items()}
        groups = {
            "series": self._by_series,
            "step": self._by_step,
            "fold": self._by_fold,
            "target": self._by_target,
            "window": self._by_window,
        }
        if by not in groups:
            raise ConfigError(f"by={by!r} is not one of {', '.join(groups)}", "Leave it out for one row of measures.")
        index, sums = groups[by]()
        table = pd.DataFrame(measures(sums, self.levels), index=index)
        return table.astype({"count": np.int64, "unscaled": np.int64})

    def windows(self) -> dict[str, Floats]:
        """All measures of each window, (W,): ``metrics("window")`` as arrays, for what is made of very many."""
        return measures(self._sums.windows.sum(axis=2), self.levels)

    def calibration(self) -> pd.DataFrame:
        """Share of the actuals at or below each level, with bands: see ``forecast.evaluation.calibration``."""
        from forecast.evaluation.calibration import calibration

        return calibration(self)

    def coverage_by_step(self) -> pd.DataFrame:
        """Share of the actuals in each interval by horizon step, with bands."""
        from forecast.evaluation.calibration import coverage_by_step

        return coverage_by_step(self)

    def plot_calibration(self, path: str | Path | None = None) -> "Figure":
        """Both as a picture, written as PNG to ``path`` where one is given.

        Raises ``ConfigError`` for points only, or without matplotlib, which the extra ``report`` brings.
        """
        from forecast.calibration_plots import plot_calibration

        return plot_calibration(self, path)

    def score(self) -> float:
        """−MASE over everything: higher is better, as scikit-learn wants it."""
        return -self.metrics()["mase"]

    def frame(self) -> pd.DataFrame:
        """Long frame, a row per window and step: fold, origin, id, time, target (where C > 1), actual, forecast, q….

        The id column is called ``series`` where the data have none.  ``actual`` is NaN where nothing was observed.
        """
        windows, horizon, channels = self.actual.shape
        each = horizon * channels
        names = self._names()
        origins = self.panel.starts[self.series] + self.ends - 1  # (W,)
        steps = origins[:, None] + 1 + self.gap + np.arange(horizon)  # (W, H)
        columns: dict[str, Any] = {
            "fold": np.repeat(self.fold, each),
            "origin": self._times(np.repeat(origins, each)),
            names["id"]: self.panel.ids[np.repeat(self.series, each)],
            names["time"]: self._times(np.repeat(steps.ravel(), channels)),
        }
        if channels > 1:
            columns["target"] = np.tile(np.array(self.panel.schema.target, dtype=object), windows * horizon)
        columns["actual"] = self.actual.ravel()
        for place, name in enumerate(("forecast", *(level_name(level) for level in self.levels))):
            columns[name] = self.values[..., place].ravel()
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Plain values for JSON: settings, measures overall (None where undefined), counts and seconds."""
        return {
            "forecaster": self.name,
            "horizon": self.horizon,
            "gap": self.gap,
            "folds": self.folds,
            "step": self.step,
            "season": self.season,
            "levels": list(self.levels),
            "series": len(self.panel),
            "windows": len(self),
            "left_out": list(self.left_out),
            "metrics": {k: round_or_none(v) for k, v in self.metrics().items()},
            "fits": self.fits,
            "fit_seconds": round(self.fit_seconds, 3),
            "predict_seconds": round(self.predict_seconds, 3),
        }

    def with_season(self, season: int) -> "Backtest":
        """The same forecasts with MASE and RMSSE on another season."""
        return self if season == self.season else replace(self, season=season)

    def with_levels(self, levels: tuple[float, ...]) -> "Backtest":
        """The same forecasts with some of their levels only."""
        if levels == self.levels:
            return self
        chosen = [0, *(1 + self.levels.index(level) for level in levels)]
        return replace(self, levels=levels, values=self.values[..., chosen])

    # ------------------------------------------------------------------ inside

    @cached_property
    def _sums(self) -> Sums:
        panel = self.panel
        scale, squared = seasonal_scales(panel.target, panel.offsets, self.series, self.ends, season=self.season)
        if not self.history:
            scale, squared = np.full_like(scale, np.nan), np.full_like(squared, np.nan)
        return measure(self.actual, self.values, levels=self.levels, scale=scale, squared_scale=squared)

    def _by_series(self) -> tuple[pd.Index, Floats]:
        index = pd.Index(self.panel.ids, name=self._names()["id"])
        return index, self._sums.by(self.series, len(self.panel))

    def _by_step(self) -> tuple[pd.Index, Floats]:
        return pd.RangeIndex(1, self.horizon + 1, name="step"), self._sums.steps.sum(axis=2)

    def _by_fold(self) -> tuple[pd.Index, Floats]:
        return pd.RangeIndex(self.folds, name="fold"), self._sums.by(self.fold, self.folds)

    def _by_target(self) -> tuple[pd.Index, Floats]:
        return pd.Index(self.panel.schema.target, name="target"), self._sums.windows.sum(axis=1)

    def _by_window(self) -> tuple[pd.Index, Floats]:
        places = [self.fold, np.asarray(self.panel.ids[self.series])]
        return pd.MultiIndex.from_arrays(places, names=["fold", self._names()["id"]]), self._sums.windows.sum(axis=2)

    def _names(self) -> dict[str, str]:
        """The user's column names, unless they are taken by columns of the frame."""
        schema = self.panel.schema
        taken = {"fold", "origin", "target", "actual", "forecast"}
        wanted = {"id": schema.id or "series", "time": schema.time or "time"}
        fallback = {"id": "series", "time": "time"}
        return {role: fallback[role] if name in taken else name for role, name in wanted.items()}

    def _times(self, steps: Ints) -> pd.Index:
        """Times of many steps, most of which repeat: each is worked out once."""
        distinct, place = np.unique(steps, return_inverse=True)
        return self.panel.timeline.times(distinct)[place]


def joined_frame(backtests: Mapping[str, Backtest]) -> pd.DataFrame:
    """The frames of several backtests, one after the other, with the forecaster's name in front as ``model``."""
    frames = [backtest.frame() for backtest in backtests.values()]
    for name, frame in zip(backtests, frames, strict=True):
        frame.insert(0, "model", name, allow_duplicates=True)
    return pd.concat(frames, ignore_index=True)
