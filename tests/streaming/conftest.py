"""Fitted forecasters whose weights are drawn at random, so that nothing that they read weighs nothing."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecast import HybridForecaster, LSTMForecaster, TransformerForecaster

SMALL: dict[str, Any] = {"horizon": 4, "lookback": 12, "season": 6, "hidden_size": 8, "max_steps": 1, "threads": 1}
FAMILIES: dict[str, tuple[type, dict[str, Any]]] = {
    "lstm": (LSTMForecaster, {}),
    "gru": (LSTMForecaster, {"cell": "gru", "layers": 2}),
    "gru-from-the-last-value": (LSTMForecaster, {"cell": "gru", "location": "last"}),
    "gru-on-the-series-scale": (LSTMForecaster, {"cell": "gru", "scale": "series"}),
    "rnn": (LSTMForecaster, {"cell": "rnn", "highway": False}),
    "slstm": (LSTMForecaster, {"cell": "slstm", "layers": 2}),
    "mlstm": (LSTMForecaster, {"cell": "mlstm", "residual": False}),
    "xlstm": (LSTMForecaster, {"cell": "xlstm"}),
    "delta": (LSTMForecaster, {"cell": "delta"}),
    "causal-learned": (TransformerForecaster, {"heads": 2, "positions": "learned"}),
    "causal-sinusoidal": (TransformerForecaster, {"heads": 2, "layers": 1, "positions": "sinusoidal"}),
    "causal-rotary": (TransformerForecaster, {"heads": 2, "positions": "rotary"}),
    "hybrid-learned": (HybridForecaster, {"heads": 2, "positions": "learned"}),
    "hybrid-rotary": (HybridForecaster, {"heads": 2, "cell": "gru", "attention_layers": 2, "positions": "rotary"}),
}
TOKENS = {"steps": {"tokens": "steps"}, "patches": {"patch": 3}, "uneven-patches": {"patch": 5}}
FITTED = 60  # steps of training; everything after them is streamed


def fitted(family: str, frame: Any, **settings: Any) -> Any:
    kind, own = FAMILIES[family]
    model = kind(**{**SMALL, **own, **settings}).fit(frame)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in model.network_.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def wave(steps: int, seed: int = 0) -> np.ndarray:
    """Six steps a cycle, with noise, a slow rise and unobserved steps."""
    rng = np.random.default_rng(seed)
    values = 9 + seed + np.sin(np.arange(steps) * np.pi / 3) + 0.2 * rng.normal(size=steps) + np.arange(steps) / 50
    values[rng.random(steps) < 0.1] = np.nan
    values[[0, *range(FITTED - 1, steps, 12), *range(FITTED - 1, steps, 15)]] = 9.5  # anchors are observed
    return values


def series(steps: int = 120) -> pd.Series:
    return pd.Series(wave(steps), index=pd.date_range("2024-01-01", periods=steps, freq="h", tz="UTC"), name="load")


def channels(steps: int = 120) -> pd.DataFrame:
    times = pd.date_range("2024-01-01", periods=steps, freq="D")
    return pd.DataFrame({"day": times, "one": wave(steps), "two": 3 * wave(steps, 2)})


def covariates(steps: int = 120) -> pd.DataFrame:
    """Three series with covariates of every kind, of which the last ``steps`` have gaps."""
    rng = np.random.default_rng(5)
    frame = pd.concat(
        [
            pd.DataFrame(
                {
                    "shop": name,
                    "when": pd.date_range("2024-01-01", periods=steps, freq="h"),
                    "sold": wave(steps, seed),
                    "size": seed + 1.0,
                    "town": "Bath" if seed else "York",
                }
            )
            for seed, name in enumerate("abc")
        ],
        ignore_index=True,
    )
    for name in ("visits", "price"):
        frame[name] = np.where(rng.random(len(frame)) < 0.1, np.nan, rng.normal(size=len(frame)))
    for name in ("mood", "offer"):
        frame[name] = rng.choice(["good", "bad", "odd", None], len(frame))
    return frame


ROLES = {
    "time": "when",
    "target": "sold",
    "id": "shop",
    "past": ("visits", "mood"),
    "future": ("price", "offer"),
    "static": ("size", "town"),
}


def known_at(frame: pd.DataFrame, steps: int, ahead: int) -> pd.DataFrame:
    """The first ``steps`` rows of every shop and ``ahead`` more, of which only what is known ahead is told."""
    nth = frame.groupby("shop").cumcount()
    later = frame[nth < steps + ahead].copy()
    unknown = nth[nth < steps + ahead] >= steps
    later.loc[unknown, ["sold", "visits"]] = np.nan
    later.loc[unknown, "mood"] = None
    return later


@pytest.fixture(scope="session")
def fit() -> Callable[..., Any]:
    return fitted


@pytest.fixture(scope="session")
def data() -> SimpleNamespace:
    """The data above by name, and the roles that they need."""
    return SimpleNamespace(
        series=series, channels=channels, covariates=covariates, known_at=known_at, ROLES=ROLES, FITTED=FITTED
    )


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=TOKENS)
def tokens(request: pytest.FixtureRequest) -> dict[str, Any]:
    return TOKENS[request.param]
