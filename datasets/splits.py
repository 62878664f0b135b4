"""Cross-validation that cuts many series at the same moments, in scikit-learn's splitter protocol."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.frames import as_frame
from forecast.datasets.panel import Panel
from forecast.datasets.roles import find_roles, join_id
from forecast.datasets.schema import Roles
from forecast.errors import ConfigError, DataError


@dataclass(frozen=True)
class TimeSplit:
    """Rolling train and test rows: each test holds ``horizon`` timestamps, each train all rows before it.

    The last test ends with the last timestamp that has a target; tests lie ``step`` timestamps apart (default:
    horizon), earliest first.  Every series is cut at the same timestamps.  Rows without a target after the last one
    (covariates known ahead) belong to no part.

    gap: timestamps left out between train and test.  min_train: timestamps that the first train must hold; default
    2·horizon + 1, the least that a forecaster learns from.  time, target, id: columns, found where None.

    >>> GridSearchCV(LSTMForecaster(horizon=24), grid, cv=TimeSplit(24, folds=3)).fit(frame)  # doctest: +SKIP
    """

    horizon: int
    folds: int
    _: KW_ONLY
    step: int | None = None
    gap: int = 0
    min_train: int | None = None
    time: str | None = None
    target: str | tuple[str, ...] | None = None
    id: str | None = None

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Ints, Ints]]:
        """Row numbers of train and test of each fold, in the order in which the rows stand in X.

        X: long or wide frame, Series, array (rows are steps) or Panel (its packed rows).  y: the target, if not in X.
        Raises ``DataError`` when the folds do not fit, saying how many would.
        """
        self._check()
        moments, seen = self._moments(X, y)
        count = int(moments[seen].max(initial=-1)) + 1
        step = self.step or self.horizon
        self._require(count, step)
        for fold in range(self.folds):
            first = count - self.horizon - (self.folds - 1 - fold) * step
            test = (moments >= first) & (moments < first + self.horizon)
            yield np.flatnonzero(moments < first - self.gap), np.flatnonzero(test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of folds."""
        return self.folds

    def _check(self) -> None:
        least = {"horizon": 1, "folds": 1, "step": 1, "gap": 0, "min_train": 1}
        faults = []
        for name, low in least.items():
            value = getattr(self, name)
            optional = value is None and name in ("step", "min_train")
            if not optional and (not isinstance(value, int | np.integer) or isinstance(value, bool) or value < low):
                faults.append(f"{name}={value!r} is not a whole number of at least {low}")
        if faults:
            raise ConfigError("; ".join(faults), "Correct them where the TimeSplit is made.")

    def _require(self, count: int, step: int) -> None:
        train = 2 * self.horizon + 1 if self.min_train is None else self.min_train
        rest = count - self.horizon - self.gap - train
        fit = rest // step + 1 if rest >= 0 else 0
        if fit >= self.folds:
            return
        needed = train + self.gap + self.horizon + (self.folds - 1) * step
        gap = f", {self.gap} left out," if self.gap else ""
        raise DataError(
            f"{self.folds} folds of {self.horizon} timestamps, {step} apart, do not fit: "
            f"with {train} timestamps to train{gap} they need {needed}, the data have {count}",
            f"Ask for at most {fit} folds."
            if fit
            else "Not even one fold fits; ask for a shorter horizon or min_train.",
            folds=fit,
        )

    def _moments(self, X: Any, y: Any) -> tuple[Ints, NDArray[np.bool_]]:
        """(N,) place of each row's timestamp among all timestamps, and which rows have a target."""
        if isinstance(X, Panel):
            return _moments_of_panel(X)
        if isinstance(X, np.ndarray):  # rows are the steps
            return np.arange(len(X)), _observed(X if y is None else y, len(X))
        frame, source = as_frame(X, y)
        roles = Roles(time=self.time, target=self.target, id=self.id)
        try:
            found, _ = find_roles(join_id(frame, self.id), roles, source)
        except DataError as error:
            named = "TimeSplit has to be told too: TimeSplit(horizon, folds, time=..., id=..., target=...)."
            raise DataError(error.cause, f"{error.remedy} {named}", **error.where) from None
        seen = _observed(frame[list(found.target)].to_numpy(), len(frame))
        if found.time is None:
            return np.arange(len(frame)), seen
        moments, _ = pd.factorize(frame[found.time], sort=True)
        return moments.astype(np.int64), seen


def _moments_of_panel(panel: Panel) -> tuple[Ints, NDArray[np.bool_]]:
    position = np.arange(len(panel.target)) - np.repeat(panel.offsets[:-1], panel.lengths)
    ticks = panel.timeline.ticks(np.repeat(panel.starts, panel.lengths) + position)
    moments, _ = pd.factorize(ticks, sort=True)
    seen = ~np.isnan(panel.target).all(axis=1) & (position < np.repeat(panel.ends, panel.lengths))
    return moments.astype(np.int64), seen


def _observed(target: Any, rows: int) -> NDArray[np.bool_]:
    """(rows,) whether any target of a row is there."""
    missing: NDArray[np.bool_] = np.asarray(pd.isna(target), dtype=bool).reshape(rows, -1)
    return np.logical_not(missing.all(axis=1)) if missing.shape[1] else np.ones(rows, dtype=bool)
