"""Small data of every accepted shape, and forecasters of every family small enough to fit in a moment."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast import HybridForecaster, LSTMForecaster, TransformerForecaster

SMALL: dict[str, Any] = {"hidden_size": 8, "max_steps": 6, "batch_size": 8, "threads": 1, "season": 6, "lookback": 12}
FAMILIES: dict[str, tuple[type, dict[str, Any]]] = {
    "lstm": (LSTMForecaster, {}),
    "gru-steps": (LSTMForecaster, {"cell": "gru", "tokens": "steps"}),
    "seq2seq": (
        LSTMForecaster,
        {"decoder": "recurrent", "decoder_attention": "additive", "location": "last", "patch": 2},
    ),
    "transformer": (TransformerForecaster, {"layers": 1, "heads": 2}),
    "encoder": (TransformerForecaster, {"layers": 1, "heads": 2, "architecture": "encoder"}),
    "encoder-decoder": (TransformerForecaster, {"layers": 1, "heads": 2, "architecture": "encoder-decoder"}),
    "hybrid": (HybridForecaster, {"heads": 2}),
}


def make_forecaster(family: str, **settings: Any) -> Any:
    """An unfitted forecaster of 4 steps ahead; any setting may be given."""
    kind, own = FAMILIES[family]
    return kind(**{"horizon": 4, **SMALL, **own, **settings})


def wave(steps: int = 90, *, seed: int = 0, level: float = 5.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return level + np.sin(np.arange(steps) * np.pi / 3) + 0.2 * rng.normal(size=steps)


def hours(steps: int = 90, *, start: str = "2024-01-01") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=steps, freq="h")


def series(steps: int = 90) -> pd.Series:
    return pd.Series(wave(steps), index=hours(steps), name="load")


def wide(steps: int = 90) -> pd.DataFrame:
    return pd.DataFrame({"ds": hours(steps), "north": wave(steps), "south": wave(steps, seed=1, level=50)})


def long(steps: int = 90) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"shop": name, "when": hours(steps), "sold": wave(steps, seed=seed)})
        for seed, name in enumerate(("a", "b", "c"))
    ]
    return pd.concat(parts, ignore_index=True)


LONG = {"time": "when", "target": "sold", "id": "shop"}
ROLES = {**LONG, "past": ("visits", "mood"), "future": ("price", "offer"), "static": ("size", "town")}


def covariates(steps: int = 90, *, ahead: int = 0, gaps: bool = False) -> pd.DataFrame:
    """The long frame with covariates of every kind; ``ahead`` rows follow the last target."""
    frame = long(steps + ahead)
    rng = np.random.default_rng(5)
    count = len(frame)
    frame["visits"] = rng.normal(size=count) * 10 + 100
    frame["mood"] = rng.choice(["good", "bad"], count)
    frame["price"] = rng.normal(size=count)
    frame["offer"] = rng.choice(["none", "half", "two"], count)
    frame["size"] = frame["shop"].map({"a": 1.0, "b": 2.0, "c": 3.0})
    frame["town"] = frame["shop"].map({"a": "York", "b": "York", "c": "Bath"})
    later = frame.groupby("shop").cumcount() >= steps
    frame.loc[later, ["sold", "visits"]] = np.nan
    frame.loc[later, "mood"] = None
    if gaps:
        for name in ("sold", "visits", "price"):
            frame.loc[rng.random(count) < 0.1, name] = np.nan
        frame.loc[rng.random(count) < 0.1, ["mood", "offer"]] = None
        frame.loc[later, "sold"] = np.nan
        frame.loc[frame.groupby("shop").cumcount() == steps - 1, "sold"] = 5.0
    return frame


@pytest.fixture(scope="session")
def make() -> Callable[..., Any]:
    return make_forecaster


@pytest.fixture(scope="session")
def data() -> SimpleNamespace:
    """The data above by name, and the roles that they need."""
    return SimpleNamespace(
        wave=wave, hours=hours, series=series, wide=wide, long=long, covariates=covariates, LONG=LONG, ROLES=ROLES
    )


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)
