"""Panels made by hand and a forecaster that remembers what it was given."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles, Schema
from forecast.datasets.timeline import Timeline
from forecast.evaluation import Backtest

MakePanel = Callable[..., Panel]


def panel_of(
    series: Sequence[ArrayLike],
    *,
    ids: Sequence[object] | None = None,
    past: Floats | None = None,
    future: Floats | None = None,
    names: tuple[str | None, str | None] = ("id", "time"),
) -> Panel:
    """A panel of the given series, each (T,) or (T, C); a series ends at its last observed value."""
    blocks = [np.asarray(values, np.float64).reshape(len(np.asarray(values)), -1) for values in series]
    channels = blocks[0].shape[1]
    lengths = np.array([len(block) for block in blocks])
    seen = [np.flatnonzero(~np.isnan(block).all(axis=1)) for block in blocks]
    rows = int(lengths.sum())
    return Panel(
        schema=Schema(
            shape="long",
            time=names[1],
            target=("y",) if channels == 1 else tuple(f"y{c}" for c in range(channels)),
            id=names[0],
            freq="1",
        ),
        timeline=Timeline(freq="1"),
        ids=pd.Index(list(ids) if ids is not None else [f"s{i}" for i in range(len(blocks))]),
        starts=np.zeros(len(blocks), np.int64),
        offsets=np.concatenate([[0], lengths.cumsum()]),
        ends=np.array([int(where[-1]) + 1 if len(where) else 0 for where in seen]),
        target=np.concatenate(blocks),
        past=np.zeros((rows, 0)) if past is None else past,
        future=np.zeros((rows, 0)) if future is None else future,
        static=np.zeros((len(blocks), 0)),
        past_codes=np.zeros((rows, 0), np.int64),
        future_codes=np.zeros((rows, 0), np.int64),
        static_codes=np.zeros((len(blocks), 0), np.int64),
    )


class Spy:
    """A duck-typed forecaster that forecasts the last value before each origin and keeps what it was given.

    ``read`` may be replaced by another way to forecast.  All clones write into the same ``seen``.
    """

    name: ClassVar[str] = "spy"
    keeps_to_origins: ClassVar[bool] = True

    def __init__(self, *, horizon: int, levels: tuple[float, ...] | None = None, season: int | None = 1) -> None:
        self.horizon, self.levels, self.season = horizon, levels, season
        self.seen: dict[str, list[Any]] = {"fit": [], "forecast": []}
        self.read: Callable[[Panel, int, int, int], Floats] = last_value

    def clone(self) -> "Spy":
        copy = type(self)(horizon=self.horizon, levels=self.levels, season=self.season)
        copy.seen, copy.read = self.seen, self.read
        return copy

    def set_params(self, **params: Any) -> "Spy":
        vars(self).update(params)
        return self

    def roles(self) -> Roles:
        return Roles()

    def _require_fit(self) -> None:
        assert hasattr(self, "panel_")

    def _panel(self, data: Panel, *, schema: Schema | None = None, future_data: Any = None) -> Panel:
        return data

    def fit(self, panel: Panel) -> "Spy":
        self.seen["fit"].append(panel)
        self.schema_, self.panel_, self.report_ = panel.schema, panel, {"series": len(panel)}
        self.fitted_ends_ = dict(zip(panel.ids.tolist(), (panel.starts + panel.ends - 1).tolist(), strict=True))
        return self

    def forecast_windows(
        self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]
    ) -> Floats:
        self.seen["forecast"].append((panel, series, ends))
        points = np.stack([self.read(panel, s, end, horizon) for s, end in zip(series, ends, strict=True)])
        steps = np.array([0.0, *(2 * level - 1 for level in levels)])
        return points[..., None] + steps  # (W, H, C, 1 + Q)


def last_value(panel: Panel, s: int, end: int, horizon: int) -> Floats:
    seen = panel.target[panel.offsets[s] :][:end]
    return np.repeat(seen[~np.isnan(seen).any(axis=1)][-1:], horizon, axis=0)


@pytest.fixture
def make_panel() -> MakePanel:
    return panel_of


@pytest.fixture
def make_spy() -> type[Spy]:
    return Spy


def results_of(
    errors: dict[str, Floats], *, step: int | None = None, levels: tuple[float, ...] = ()
) -> dict[str, Backtest]:
    """Backtests with these errors (F, S, H), actual − forecast, of the same random walks; ``step``: H by default."""
    folds, series, horizon = next(iter(errors.values())).shape
    step = horizon if step is None else step
    walks = np.random.default_rng(0).normal(size=(series, 20 + step * (folds - 1) + horizon)).cumsum(axis=1)
    panel = panel_of(list(walks))
    fold, place = np.repeat(np.arange(folds), series), np.tile(np.arange(series), folds)
    ends = 20 + step * fold
    rows = panel.offsets[place][:, None] + ends[:, None] + np.arange(horizon)
    actual = panel.target[rows]
    away = np.array([0.0, *(2 * level - 1 for level in levels)])
    return {
        name: Backtest(
            name=name,
            panel=panel,
            horizon=horizon,
            folds=folds,
            step=step,
            season=1,
            levels=levels,
            fold=fold,
            series=place,
            ends=ends,
            values=(actual - error.reshape(-1, horizon, 1))[..., None] + away,
            actual=actual,
            fits=1,
            fit_seconds=0.0,
            predict_seconds=0.0,
        )
        for name, error in errors.items()
    }


@pytest.fixture
def make_results() -> Callable[..., dict[str, Backtest]]:
    return results_of
