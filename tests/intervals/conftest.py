"""Backtests made of arrays, of series whose scale is known."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.build import load_panel
from forecast.evaluation import Backtest

HISTORY = 12  # rows before each origin, which alternate: they are one size apart


def backtest_of(
    actual: np.ndarray,
    *,
    values: np.ndarray | None = None,
    levels: tuple[float, ...] = (),
    sizes: np.ndarray | None = None,
    fold: np.ndarray | None = None,
) -> Backtest:
    """One window of each of W series with actuals (W, H, C); its scale is its size, 1 by default.

    values: (W, H, C, 1 + Q), by default the point forecast 0.
    """
    windows, horizon, channels = actual.shape
    sizes = np.ones(windows) if sizes is None else sizes
    history = np.tile(np.arange(HISTORY) % 2, (windows, 1)) * sizes[:, None]
    rows = np.concatenate([np.repeat(history[..., None], channels, axis=2), np.nan_to_num(actual)], axis=1)
    names = [f"y{c}" for c in range(channels)]
    frame = pd.DataFrame(rows.reshape(-1, channels), columns=names)
    frame.insert(0, "id", np.repeat(np.arange(windows), HISTORY + horizon))
    frame.insert(1, "time", np.tile(np.arange(HISTORY + horizon), windows))
    from forecast.datasets.schema import Roles

    return Backtest(
        name="made",
        panel=load_panel(frame, Roles(id="id", time="time", target=tuple(names))),
        horizon=horizon,
        folds=1 if fold is None else int(fold.max()) + 1,
        step=horizon,
        season=1,
        levels=levels,
        fold=np.zeros(windows, np.int64) if fold is None else fold,
        series=np.arange(windows),
        ends=np.full(windows, HISTORY),
        values=np.zeros((*actual.shape, 1)) if values is None else values,
        actual=actual,
        fits=1,
        fit_seconds=0.0,
        predict_seconds=0.0,
    )


@pytest.fixture(scope="session")
def make_backtest() -> Callable[..., Backtest]:
    return backtest_of
