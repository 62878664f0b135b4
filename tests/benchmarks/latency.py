"""Seconds from a loaded model to forecasts, and from a big frame to the first training step.

    python tests/benchmarks/latency.py            # forecasts: 414 series × 24 steps, 100 origins × 7 channels
    python tests/benchmarks/latency.py first-step # 50,000 series × 500 rows in a frame → first step, peak memory

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


def peak_megabytes() -> float:
    """Highest resident memory of this process since the mark was last cleared (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def first_step() -> None:
    """From a frame of 25 million rows to the first training step."""
    ids = pd.array(np.repeat([f"series-{i:05d}" for i in range(50_000)], 500), dtype="str")
    times = np.tile(pd.date_range("2020-01-01", periods=500, freq="h").to_numpy(), 50_000)
    values = np.random.default_rng(0).normal(size=25_000_000).astype(np.float32)
    frame = pd.DataFrame({"unique_id": ids, "ds": times, "y": values}, copy=False)
    del ids, times, values
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    before = peak_megabytes()
    began = time.perf_counter()
    LSTMForecaster(horizon=24, max_steps=1, device="cpu").fit(frame, validation=24)
    seconds = time.perf_counter() - began
    print(f"frame of 25 million rows to a fit of one step: {seconds:.1f} s")
    print(f"peak {peak_megabytes():,.0f} MB for the whole process; it held {before:,.0f} MB with the frame and torch")


if __name__ == "__main__":
    print(f"load {os.getloadavg()[0]:.1f}")
    first_step() if "first-step" in sys.argv else forecasts()
