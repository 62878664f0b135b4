"""What forecasters made of forecasters share: the time they may take, and members that fail by name."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from forecast.datasets.checks import observed_steps
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, ForecastError
from forecast.estimators.base import Forecaster, Job
from forecast.estimators.settings import setting
from forecast.evaluation.backtest import backtest
from forecast.evaluation.results import Backtest
from forecast.nesting import ONCE, Nested, faults, inner
from forecast.transforms import Transform

SHARE = 0.25  # of the usual series, its last part, that folds may lie in
REPORTED = ("season", "frequency", "series", "fingerprint")


@dataclass(kw_only=True, eq=False, repr=False)
class NestedForecaster(Forecaster):
    """Base of forecasters that fit others; what these take from it is in ``forecast.nesting``."""

    max_time: float | None = setting(None, help="seconds that fit may take as a whole, for members that train", above=0)
    device: str = setting("auto", help="of members that train: auto, cpu, cuda, cuda:1, mps")
    threads: int | None = setting(None, help="CPU threads of members that train; all cores when None", low=1, high=1024)

    @property
    def keeps_to_origins(self) -> bool:  # type: ignore[override]
        """Whether all forecasters inside are held to read nothing from their origins on."""
        return all(inner(self, given).keeps_to_origins for given in self._given())

    def _given(self) -> tuple[Nested, ...]:
        """The forecasters in the settings."""
        raise NotImplementedError(type(self).__name__)

    def _conflicts(self) -> Iterator[str]:
        yield from super()._conflicts()
        yield from (fault for fault in (faults(self, given) for given in self._given()) if fault)

    def _inside(self) -> Sequence[Forecaster]:
        """The fitted forecasters inside."""
        return ()

    def _moves(self) -> dict[str, Any]:
        """Settings of the members that follow this forecaster's when it is loaded elsewhere."""
        return {} if self.device == "auto" else {"device": self.device}

    def _adopt(self, models: Sequence[Forecaster]) -> None:
        """Count as fitted, around models that are; their own transforms have undone what they did."""
        model = max(models, key=lambda model: len(model.panel_.target))
        self.schema_, self.season_, self.transform_ = model.schema_, model.season_, Transform()
        self.fitted_ends_, self._fingerprint = model.fitted_ends_, model._fingerprint
        self.report_ = {name: model.report_[name] for name in REPORTED if name in model.report_} | {"notes": []}
        self.panel_ = model.panel_


@dataclass(kw_only=True)
class Trainings:
    """Fits and backtests of members, one after another, in the time that the job has."""

    panel: Panel
    job: Job
    max_time: float | None
    left: int  # trainings still to come of members that take time as told

    def __post_init__(self) -> None:
        if isinstance(self.job.validation, tuple):
            cause = "validation data are for one forecaster, and each of several holds out steps of its own"
            raise ConfigError(cause, "Give a number of steps, or leave validation out.", name="validation")

    def test(self, name: str, member: Forecaster, *, folds: int, step: int, levels: tuple[float, ...]) -> Backtest:
        """The backtest of a member."""
        with _named(name):
            report = self.job.on_report
            return backtest(self._timed(member), self.panel, folds=folds, step=step, levels=levels, on_report=report)

    def fit(self, name: str, member: Forecaster) -> Forecaster:
        """The member, fitted on everything."""
        job = self.job
        with _named(name):
            fitted = self._timed(member)
            return fitted.fit(self.panel, validation=job.validation, on_report=job.on_report, refit=job.refit)

    def _timed(self, member: Forecaster) -> Forecaster:
        """A copy of the member with its share of the time that is left, where it takes time as told."""
        copy = member.clone()
        if self.max_time is None or not hasattr(copy, "max_time"):
            return copy
        left = self.max_time - (time.perf_counter() - self.job.began)
        share = max(left / max(self.left, 1), 0.01 * self.max_time)
        self.left -= 1
        own = copy.max_time
        copy.max_time = share if own is None else min(own, share)
        return copy


def usual_folds(panel: Panel, horizon: int, *, step: int, most: int) -> int:
    """How many folds the last quarter of the usual series holds, at most ``most``; 0 where not even one fits."""
    observed = observed_steps(panel)
    fitting = (int(observed.max(initial=0)) - 2 * horizon - 1 - horizon) // step + 1
    able = observed[observed >= 3 * horizon + 1]
    if fitting < 1 or not len(able):
        return 0
    wanted = int(SHARE * float(np.median(able)) - horizon) // step + 1
    return max(1, min(wanted, most, fitting))


def shared_settings(names: Sequence[str], models: Sequence[Forecaster]) -> dict[str, Any]:
    """The settings of fitted models that a forecaster around them has too, as the first of them has them.

    Raises ``ConfigError`` where one is not fitted, or to another horizon or to other data.
    """
    first = models[0]
    for name, model in zip(names, models, strict=True):
        model._require_fit()
        if model.horizon != first.horizon or model.fitted_ends_ != first.fitted_ends_:
            what = "to another horizon" if model.horizon != first.horizon else "on other data"
            raise ConfigError(f"{name} was fitted {what} than {names[0]}", "Fit all on the same data and horizon.")
    return {f.name: getattr(first, f.name) for f in fields(Forecaster) if f.name not in ONCE}


def bounds_of(forecaster: Forecaster) -> tuple[float | None, float | None]:
    """What no forecast of it lies below, and above: its own bounds or, of a nested one, those that all inside keep."""
    inside = [bounds_of(one) for one in forecaster._inside()] if isinstance(forecaster, NestedForecaster) else []
    lows, highs = [low for low, _ in inside if low is not None], [high for _, high in inside if high is not None]
    low = forecaster.lower if forecaster.lower is not None or not lows or len(lows) < len(inside) else min(lows)
    high = forecaster.upper if forecaster.upper is not None or not highs or len(highs) < len(inside) else max(highs)
    return low, high


def longest(steps: Iterable[int | None]) -> int | None:
    """The most rows that one of several wants; None where one wants all."""
    wanted = list(steps)
    return None if None in wanted else max(step for step in wanted if step is not None)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Errors of the toolkit say which member they are of."""
    try:
        yield
    except ForecastError as error:
        raise type(error)(f"member {name!r}: {error.cause}", error.remedy, **error.where) from error
