"""What every forecaster can do: scikit-learn's protocol around two array hooks, ``_learn`` and ``_forecast``.

Dimension key: S series, W windows, H horizon, C channels, Q levels.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.build import load_panel
from forecast.datasets.checks import check_horizon, require_steps
from forecast.datasets.fingerprint import fingerprint
from forecast.datasets.joining import append, behind, require_future, rows_up_to
from forecast.datasets.output import to_frame
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles, Schema
from forecast.datasets.seasons import detect_season
from forecast.errors import ConfigError, NotFittedError
from forecast.estimators.settings import check_names, check_values, setting
from forecast.transforms import Transform, learn_transform

DEFAULT_LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
MOST_VALUES = 1 << 30  # of one forecast: 8 GiB
OnReport = Callable[[int, float, dict[str, float]], bool | None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one call of ``fit`` asks for beyond the settings.

    began: ``time.perf_counter()`` when ``fit`` was called.  validation: steps to hold out, a panel of its own with the
    rows (S,) of each series before its first origin, or None (default).
    on_report(step, seconds, losses): called after each validation; returning True stops the fit.  ``losses["mase"]``
    is the MASE of the held-out windows, worked out where it is asked for.
    checkpoint: folder to write checkpoints to and to resume from.  refit: train again on everything afterwards.
    """

    began: float
    validation: int | tuple[Panel, Ints] | None = None
    on_report: OnReport | None = None
    checkpoint: Path | None = None
    keep_checkpoint: bool = False
    refit: bool = False


@dataclass(kw_only=True, eq=False, repr=False)
class Forecaster:
    """Base of all forecasters.  Fields are settings; ``fit`` alone sets the attributes that end in an underscore.

    After ``fit``: ``schema_`` (roles and grid), ``season_``, ``panel_`` (recent context), ``fitted_ends_`` (last
    training step by series id), ``report_`` (what was resolved, repaired and measured).
    """

    horizon: int = setting(help="steps to forecast", low=1)
    season: int | None = setting(None, help="steps per main cycle; found from the data when None", low=1)
    levels: tuple[float, ...] | None = setting(
        DEFAULT_LEVELS, help="quantile levels; None trains points only", above=0, below=1
    )
    time: str | None = setting(None, help="time column")
    target: str | tuple[str, ...] | None = setting(None, help="target column, or several for one multivariate series")
    id: str | None = setting(None, help="column that names the series")
    past: tuple[str, ...] = setting((), help="covariates known up to the origin")
    future: tuple[str, ...] = setting((), help="covariates known ahead of time")
    static: tuple[str, ...] = setting((), help="covariates that are constant per series")
    freq: str | None = setting(None, help="time grid, e.g. h, D, W-SUN, MS; rows: each row is one step")
    timezone: str | None = setting(None, help="zone of a time column that names none")
    holidays: str | None = setting(None, help="country (or country-region) whose holidays are known ahead, e.g. DE")
    transform: Literal["none", "log1p", "box-cox"] = setting("none", help="transform of the target")
    lower: float | None = setting(None, help="no forecast lies below this")
    upper: float | None = setting(None, help="no forecast lies above this")
    seed: int = setting(0, help="seed of everything random", low=0, high=2**32 - 1)

    name: ClassVar[str] = "forecaster"
    keeps_to_origins: ClassVar[bool] = False  # held by tests to read nothing from its origins on: see ``backtest``

    # ------------------------------------------------------------------ hooks

    def _learn(self, panel: Panel, job: Job) -> None:
        """Learn from the rows before ``panel.ends`` of every series."""
        raise NotImplementedError(type(self).__name__)

    def _forecast(self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]) -> Floats:
        """Forecast ``horizon`` steps of series ``series[w]`` after its first ``ends[w]`` rows, for W windows.

        Returns float64 (W, horizon, C, 1 + Q): the point forecast, then ``levels``, which never decrease.
        """
        raise NotImplementedError(type(self).__name__)

    def _state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """What was learned, as values that JSON can hold and arrays."""
        return {}, {}

    def _restore(self, state: dict[str, Any], arrays: dict[str, Floats]) -> None:
        """Take back what ``_state`` gave."""

    def _transformed(self, panel: Panel) -> Transform:
        """The transform of the target that is applied before ``_learn`` and undone after ``_forecast``."""
        return learn_transform(self.transform, panel, lower=self.lower, upper=self.upper, season=self.season_)

    def _conflicts(self) -> Iterator[str]:
        """Settings that do not go together; asked once each of them is right by itself."""
        if self.lower is not None and self.upper is not None and not self.lower < self.upper:
            yield f"lower={self.lower!r} is not below upper={self.upper!r}"

    def _context_steps(self) -> int | None:
        """Rows before the end that a forecast reads; None means all."""
        return None

    def _stored_steps(self) -> int | None:
        """Rows before the end that are kept with the forecaster; None keeps all."""
        return self._context_steps()

    # ------------------------------------------------------------------ fit, predict, score, backtest

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        validation: Any = None,
        on_report: OnReport | None = None,
        checkpoint: str | Path | None = None,
        keep_checkpoint: bool = False,
        future_data: Any = None,
        refit: bool = False,
    ) -> Self:
        """Learn from a file, frame, Series, array or panel; with ``y``, y is the target and X the rest.

        validation: steps at the end to hold out, or a frame that continues X; None decides from the size.
        checkpoint: folder of this fit alone, where the same call goes on when it was killed, to the same weights.  At
        the end it is empty again, unless ``keep_checkpoint`` lets the trained weights stay until they are saved.
        Raises ``ConfigError`` for wrong settings (all at once) and ``DataError`` for data that cannot be used.
        """
        began = time.perf_counter()
        check_values(self)
        panel = require_steps(self._panel(X, y=y, future_data=future_data), self.horizon)
        self.schema_ = panel.schema
        self.season_ = self.season or detect_season(panel)
        self.report_: dict[str, Any] = {"season": self.season_, "frequency": panel.schema.freq, "series": len(panel)}
        self.transform_ = self._transformed(panel)
        if isinstance(validation, bool | float | np.floating):
            raise ConfigError(f"validation={validation!r} is no number of steps", "Give a whole number or a frame.")
        if isinstance(validation, int | np.integer):
            validation = int(validation)
        elif validation is not None:
            validation = self._validation(panel, self._panel(validation, schema=panel.schema))
        folder = None if checkpoint is None else Path(checkpoint)
        self._fingerprint = fingerprint(panel)
        job = Job(
            began=began,
            validation=validation,
            on_report=on_report,
            checkpoint=folder,
            keep_checkpoint=keep_checkpoint,
            refit=refit,
        )
        self._learn(self.transform_.apply(panel), job)
        context = self._stored_steps()
        self.panel_ = panel if context is None else panel.tail(context)
        self.fitted_ends_ = dict(zip(panel.ids.tolist(), (panel.starts + panel.ends - 1).tolist(), strict=True))
        self.report_ |= {"fingerprint": self._fingerprint, "fit_seconds": round(time.perf_counter() - began, 3)}
        self.report_["notes"] = [*map(asdict, panel.notes), *self.report_.get("notes", [])]
        return self

    def predict(
        self,
        X: Any = None,
        *,
        horizon: int | None = None,
        levels: Iterable[float] | None = None,
        future_data: Any = None,
    ) -> Any:
        """Forecast from the end of the training data or, with ``X``, from the end of X (same or unseen series).

        Returns points in the shape of the input; with ``levels`` a long frame with columns forecast, q0.05, ….
        """
        self._require_fit()
        panel = self.panel_ if X is None and future_data is None else self._context(X, future_data)
        steps = check_horizon(self.horizon if horizon is None else horizon)
        wanted = None if levels is None else check_levels(levels)
        _require_room(panel, steps, len(wanted or ()))
        require_future(panel, steps)
        values = self.forecast_windows(panel, np.arange(len(panel)), panel.ends, horizon=steps, levels=wanted or ())
        return to_frame(panel, values, wanted, horizon=steps)

    def forecast_windows(
        self, panel: Panel, series: Ints, ends: Ints, *, horizon: int | None = None, levels: tuple[float, ...] = ()
    ) -> Floats:
        """Forecasts from any origins of a panel in the user's units: (W, H, C, 1 + Q), points, then ``levels``."""
        self._require_fit()
        steps = check_horizon(self.horizon if horizon is None else horizon)
        applied = self.transform_.apply(panel)
        values = self._forecast(applied, series, ends, horizon=steps, levels=levels)
        return self.transform_.invert(values, panel, series)

    def score(self, X: Any, y: Any = None) -> float:
        """−MASE of forecasts made every ``horizon`` steps through X, which is the truth.

        The context comes from training where X continues it, else from X's first steps.  An array has no times; it is
        taken to continue training, as the tests of scikit-learn's ``TimeSeriesSplit`` do.
        """
        from forecast.evaluation.metrics import mase_of_windows

        self._require_fit()
        truth = self._panel(X, y=y, schema=self.schema_)
        if truth.schema.shape == "array":
            truth = behind(self.panel_, truth)
        panel, first = append(self.panel_, truth, steps=self._context_steps() or 2 * self.horizon)
        series, ends = origins_every(first, panel.ends, self.horizon)
        if not len(series):
            raise ConfigError("X holds no step to score", f"Give at least one step after the first {int(first.min())}.")
        values = self.forecast_windows(panel, series, ends)
        return -mase_of_windows(panel, series, ends, values[..., 0], season=self.season_)

    def backtest(self, X: Any, *, folds: int = 10, **options: Any) -> Any:
        """Rolling-origin evaluation of these settings; see ``forecast.evaluation.backtest``."""
        from forecast.evaluation import backtest

        return backtest(self, X, folds=folds, **options)

    def explain(self, X: Any = None, *rest: Any, **options: Any) -> Any:
        """What a neural forecaster looks at, see ``NeuralForecaster.explain``; others raise ``ConfigError``."""
        raise ConfigError(f"{type(self).__name__} has no network to explain", "Explain a neural one, such as hybrid.")

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write a folder that ``forecast.load`` reads: model.json and weights.safetensors."""
        from forecast.persistence import save

        save(self, folder, force=force)

    # ------------------------------------------------------------------ scikit-learn's protocol

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Change settings; unknown names raise ``ConfigError`` with the nearest known one."""
        check_names(type(self), params)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def clone(self) -> Self:
        """An unfitted forecaster with the same settings."""
        return type(self)(**self.get_params())

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(allow_nan=True, string=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "panel_")

    def __repr__(self) -> str:
        changed = [f.name for f in fields(self) if getattr(self, f.name) != f.default]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in changed)})"

    # ------------------------------------------------------------------ inside

    def roles(self) -> Roles:
        """The role fields as the data loader takes them."""
        shared = [f.name for f in fields(Roles)]
        return Roles(**{name: getattr(self, name) for name in shared})

    def _panel(self, data: Any, *, y: Any = None, schema: Schema | None = None, future_data: Any = None) -> Panel:
        return load_panel(data, self.roles(), y=y, schema=schema, future_data=future_data)

    def _validation(self, panel: Panel, given: Panel) -> tuple[Panel, Ints]:
        """Validation data behind the training data that they continue, and the rows before the first origins."""
        whole, first = append(panel, given, steps=2 * self.horizon)
        return self.transform_.apply(whole), np.maximum(first, rows_up_to(panel, whole))

    def _context(self, X: Any, future_data: Any) -> Panel:
        data = self.panel_ if X is None else X
        return self._panel(data, schema=self.schema_, future_data=future_data)

    def _require_fit(self) -> None:
        if not hasattr(self, "panel_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet", "Call fit first.")


def check_levels(levels: Iterable[float]) -> tuple[float, ...]:
    """Levels sorted and without repeats; ``ConfigError`` for one outside (0, 1)."""
    given = (levels,) if isinstance(levels, float | int) else tuple(levels)
    for level in given:
        if not isinstance(level, float | int | np.floating) or not 0 < level < 1:
            raise ConfigError(f"level {level!r} is not between 0 and 1", "Give levels such as 0.05, 0.5, 0.95.")
    return tuple(sorted({float(level) for level in given}))


def _require_room(panel: Panel, horizon: int, levels: int) -> None:
    if len(panel) * horizon * panel.channels * (1 + levels) > MOST_VALUES:
        raise ConfigError(
            f"a forecast of {horizon} steps for {len(panel):,} series is too large",
            "Ask for a shorter horizon, or for some of the series at a time.",
        )


def origins_every(first: Ints, last: Ints, step: int) -> tuple[Ints, Ints]:
    """Origins ``first, first + step, …`` below ``last`` for every series, as (series, ends), both (W,)."""
    counts = np.maximum(-(-(last - first) // step), 0)
    series = np.repeat(np.arange(len(first)), counts)
    nth = np.arange(len(series)) - np.repeat(counts.cumsum() - counts, counts)
    return series, first[series] + nth * step
