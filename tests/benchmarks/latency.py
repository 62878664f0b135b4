"""Seconds from a loaded model to forecasts: 414 series × 24 steps, 100 origins × 7 channels.

    python tests/benchmarks/latency.py

Weights are barely trained: time does not depend on them.  Medians over several calls; the load is printed.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from forecast import HybridForecaster, LSTMForecaster, load
from forecast.datasets.build import load_panel


def median_seconds(call: Callable[[], object], times: int = 7) -> float:
    """Median seconds of a call, the first one not counted."""
    call()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def hourly(series: int, rows: int) -> pd.DataFrame:
    """A wide frame of hourly waves with noise."""
    steps = np.arange(rows)[:, None] + np.arange(series)
    values = np.sin(steps * 2 * np.pi / 24) + 0.3 * np.random.default_rng(0).normal(size=steps.shape)
    frame = pd.DataFrame(values, columns=[f"s{i}" for i in range(series)])
    frame.insert(0, "time", pd.date_range("2020-01-01", periods=rows, freq="h"))
    return frame


def forecasts() -> None:
    """Prediction from a loaded model, and a backtest with fitted weights."""
    model = HybridForecaster(horizon=24, lookback=336, max_steps=2).fit(hourly(414, 900))
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        loaded = load(Path(folder) / "model")
    print(f"predict 24 steps × 414 series: {median_seconds(loaded.predict):.3f} s")
    levels = (0.05, 0.5, 0.95)
    print(f"the same with levels:          {median_seconds(lambda: loaded.predict(levels=levels)):.3f} s")
    panel = load_panel(hourly(7, 17_420))
    series = np.repeat(np.arange(7), 100)
    ends = np.tile(17_420 - 24 * np.arange(1, 101), 7)
    seconds = median_seconds(lambda: loaded.forecast_windows(panel, series, ends, levels=levels))
    print(f"100 origins × 7 channels:      {seconds:.3f} s")


if __name__ == "__main__":
    print(f"load {os.getloadavg()[0]:.1f}")
    forecasts()
