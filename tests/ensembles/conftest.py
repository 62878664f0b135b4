"""Series on which every simple forecaster has something to say, and backtests of them."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from forecast import create
from forecast.evaluation import Backtest, backtest

NAMES = ("naive", "seasonal-naive", "mean", "drift")
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


def waves(*, series: int = 3, steps: int = 120, seed: int = 0) -> pd.DataFrame:
    """Noisy waves of very different sizes, with some values missing."""
    rng = np.random.default_rng(seed)
    time = np.arange(steps)
    parts = [
        pd.DataFrame(
            {"id": f"s{s}", "time": time, "y": (np.sin(time * np.pi / 3 + s) + rng.normal(0, 0.7, steps) + 3) * 10.0**s}
        )
        for s in range(series)
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame.loc[rng.random(len(frame)) < 0.05, "y"] = np.nan
    return frame


def backtests_of(
    frame: pd.DataFrame, names: Sequence[str] = NAMES, *, folds: int = 6, levels: tuple[float, ...] = LEVELS
) -> dict[str, Backtest]:
    """Backtests of forecasters by name, 4 steps ahead."""
    return {name: backtest(create(name, horizon=4, season=6), frame, folds=folds, levels=levels) for name in names}


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    return waves()


@pytest.fixture(scope="session")
def backtests(frame: pd.DataFrame) -> dict[str, Backtest]:
    return backtests_of(frame)


@pytest.fixture(scope="session")
def make_backtests() -> Callable[..., dict[str, Backtest]]:
    return backtests_of


@pytest.fixture(scope="session")
def make_waves() -> Callable[..., pd.DataFrame]:
    return waves
