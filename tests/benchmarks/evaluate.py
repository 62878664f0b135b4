"""Seconds to measure forecasts that are there already: 500 folds × 414 series × 48 steps (M4 Hourly's shape).

    python tests/benchmarks/evaluate.py [folds] [series] [steps]

Each way takes turns with a floor, one bare NumPy pass over the same arrays for the same five errors (MAE, RMSE, sMAPE,
WAPE, MASE, their scale given), so that both meet the same load.  The backtest gives all its measures, overall; its
scales come from the history.  "tables" adds those by series, fold and step: nothing is summed up again.
CPU seconds of this process beside those on the clock: on a busy machine only the first mean much.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from forecast.datasets.build import load_panel
from forecast.datasets.panel import Panel
from forecast.evaluation import Backtest
from forecast.evaluation.metrics import seasonal_scales

FIRST, SEASON, TURNS = 300, 24, 5  # rows before the first origin, season of MASE
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def history(series: int, rows: int) -> Panel:
    """Hourly series with a daily cycle."""
    steps = np.arange(rows)[:, None] + 3 * np.arange(series)
    values = 10 + np.sin(steps * 2 * np.pi / 24) + 0.3 * np.random.default_rng(0).normal(size=steps.shape)
    times = pd.date_range("2020-01-01", periods=rows, freq="h")
    long = {"unique_id": np.repeat([f"H{i}" for i in range(series)], rows), "ds": np.tile(times, series)}
    return load_panel(pd.DataFrame(long | {"y": values.T.ravel()}))


def existing(folds: int, series: int, steps: int, levels: tuple[float, ...]) -> Backtest:
    """Forecasts with noise, one origin a row."""
    panel = history(series, FIRST + folds + steps)
    frame = pd.DataFrame({"fold": np.repeat(np.arange(folds), series), "series": np.tile(np.arange(series), folds)})
    ends = FIRST + frame["fold"].to_numpy()
    rows = panel.offsets[frame["series"].to_numpy()][:, None] + ends[:, None] + np.arange(steps)
    actual = panel.target[rows]  # (W, H, 1)
    noise = np.random.default_rng(1).normal(size=(*actual.shape, 1))
    return Backtest(
        name="existing",
        panel=panel,
        horizon=steps,
        folds=folds,
        step=1,
        season=SEASON,
        levels=levels,
        fold=frame["fold"].to_numpy(),
        series=frame["series"].to_numpy(),
        ends=ends,
        values=actual[..., None] + 0.1 * noise + np.array([0.0, *(2 * level - 1 for level in levels)]),
        actual=actual,
        fits=0,
        fit_seconds=0.0,
        predict_seconds=0.0,
    )


def floor(actual: np.ndarray, points: np.ndarray, scale: np.ndarray) -> tuple[float, ...]:
    """Five errors in one pass over the arrays (W, H)."""
    error = points - actual
    absolute, size = np.abs(error), np.abs(actual)
    return (
        float(absolute.mean()),
        float(np.sqrt(np.square(error).mean())),
        float((200 * absolute / (size + np.abs(points))).mean()),
        float(absolute.sum() / size.sum()),
        float((absolute / scale[:, None]).mean()),
    )


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of this process, and seconds on the clock."""
    began, worked = time.perf_counter(), time.process_time()
    call()
    return time.process_time() - worked, time.perf_counter() - began


def main(folds: int = 500, series: int = 414, steps: int = 48) -> None:
    points = existing(folds, series, steps, ())
    frame = points.frame()
    few, several = replace(points), existing(max(folds // 10, 1), series, steps, LEVELS)
    panel = points.panel
    scale = seasonal_scales(panel.target, panel.offsets, points.series, points.ends, season=SEASON)[0][:, 0]
    arrays = points.actual[..., 0], np.ascontiguousarray(points.values[..., 0, 0]), scale

    def tables() -> None:
        result = replace(few)
        for by in (None, "series", "fold", "step"):
            result.metrics(by)  # type: ignore[call-overload]

    ways: dict[str, Callable[[], object]] = {
        "floor": lambda: floor(*arrays),
        "arrays": lambda: replace(few).metrics(),
        "arrays, tables": tables,
        "a frame with text ids": lambda: Backtest.from_frame(frame, panel, season=SEASON).metrics(),
        f"arrays, {len(LEVELS)} levels, a tenth of the folds": lambda: replace(several).metrics(),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, call in ways.items():
            found[name].append(timed(call))
    same = np.isclose(points.metrics()["mase"], floor(*arrays)[-1]) and np.isclose(
        Backtest.from_frame(frame, panel, season=SEASON).metrics()["mase"], points.metrics()["mase"]
    )
    print(f"{folds} folds x {series} series x {steps} steps: {points.actual.size:,} forecasts; equal MASE: {same}")
    base = np.median([cpu for cpu, _ in found["floor"]])
    for name, pairs in found.items():
        cpu, clock = np.median(pairs, axis=0)
        print(f"{name:40} {cpu:6.2f} s of CPU ({cpu / base:4.1f} x the floor), {clock:6.2f} s on the clock")
    print(f"load average {os.getloadavg()[0]:.1f}; NumPy {np.__version__}, pandas {pd.__version__}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
