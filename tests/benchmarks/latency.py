"""Milliseconds to a forecast beside those of the bare network, and seconds of short jobs from start to end.

    python tests/benchmarks/latency.py             # one series, 414 series, 100 and 1,000 origins × 7 series
    python tests/benchmarks/latency.py starts      # the smallest script and the commands, beside the bare imports

Weights are barely trained: time does not depend on them.  Medians over several calls; the load is printed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from forecast import HybridForecaster, LSTMForecaster, TransformerForecaster, load

FAMILIES = (LSTMForecaster, TransformerForecaster, HybridForecaster)
LEVELS = (0.05, 0.5, 0.95)
SCRIPT = """
from forecast import LSTMForecaster
print(LSTMForecaster(horizon=12, max_steps=100).fit({data!r}).predict())
"""


def tell(what: str, call: Callable[[], object], *, seconds: float = 0.5) -> None:
    """Print the median of a call over about so many seconds, in ms of the clock and of the CPUs; two do not count."""
    call()
    began = time.perf_counter()
    call()
    times = max(5, min(200, int(seconds / (time.perf_counter() - began))))
    taken = []
    for _ in range(times):
        before = time.perf_counter(), time.process_time()
        call()
        taken.append((time.perf_counter() - before[0], time.process_time() - before[1]))
    clock, cpu = np.median(taken, axis=0) * 1e3
    print(f"{what:42}{clock:9.2f}{cpu:9.2f}", flush=True)


def hourly(series: int, rows: int) -> pd.DataFrame:
    """A wide frame of hourly waves with noise."""
    steps = np.arange(rows)[:, None] + np.arange(series)
    values = np.sin(steps * 2 * np.pi / 24) + 0.3 * np.random.default_rng(0).normal(size=steps.shape)
    frame = pd.DataFrame(values, columns=[f"s{i}" for i in range(series)])
    frame.insert(0, "time", pd.date_range("2020-01-01", periods=rows, freq="h"))
    return frame


def reloaded(model: Any) -> Any:
    """The same forecaster from its folder, as a service has it."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        tell("loading", lambda: load(Path(folder) / "model"))
        return load(Path(folder) / "model")


def tell_bare_pass(model: Any) -> None:
    """The network alone, on the windows that ``predict`` makes of the stored context, on as many threads."""
    panel, before = model.panel_, torch.get_num_threads()
    windows = model._windows(panel, torch.device("cpu"))
    window = windows.gather(torch.arange(len(panel)), torch.from_numpy(panel.ends))
    torch.set_num_threads(model._threads_for(len(panel)) or before)
    with torch.inference_mode():
        tell("bare pass of the network", lambda: model.network_(window))
    torch.set_num_threads(before)


def tell_forecasts(model: Any, frame: pd.DataFrame) -> None:
    """All ways to ask a loaded model for the next steps."""
    model = reloaded(model)
    tell_bare_pass(model)
    tell("predict()", model.predict)
    tell("predict(levels=…)", lambda: model.predict(levels=LEVELS))
    tell(f"predict(frame of {len(frame):,} rows)", lambda: model.predict(frame))


def tell_backtest(model: Any, frame: pd.DataFrame, *, origins: int) -> None:
    """Fitted weights judged at many origins of every series, table of measures included."""
    name = f"{model.name}: backtest, {origins:,} origins × {len(frame.columns) - 1}"
    tell(name, lambda: model.backtest(frame, folds=origins, step=8, fitted=True).summary())


def forecasts() -> None:
    """Forecasts of a loaded model, and of many origins with fitted weights."""
    for series, tokens in ((1, "patches"), (1, "steps"), (414, "patches")):
        frame = hourly(series, 1000)
        for kind in FAMILIES:
            print(f"\n{kind.name} over {tokens}, {series} series × 24 steps, lookback 168: ms, ms of CPU")
            tell_forecasts(kind(horizon=24, lookback=168, max_steps=2, tokens=tokens, device="cpu").fit(frame), frame)
    frame = hourly(7, 17_420)
    print("\n7 series of 17,420 hours, 24 steps, fitted weights: ms, ms of CPU")
    for kind in FAMILIES:
        model = kind(horizon=24, max_steps=2, device="cpu").fit(frame.iloc[:8640])
        for origins in (100, 1000):
            tell_backtest(model, frame, origins=origins)


def tell_start(name: str, command: list[str], *, folder: str, times: int = 5) -> None:
    """Print the median of a command from start to end, in seconds of the clock and of the CPUs."""
    taken = []
    for _ in range(times):
        before = time.perf_counter(), sum(os.times()[2:4])
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        taken.append((time.perf_counter() - before[0], sum(os.times()[2:4]) - before[1]))
    clock, cpu = np.median(taken, axis=0)
    print(f"{name:42}{clock:9.2f}{cpu:9.2f}", flush=True)


def starts() -> None:
    """Short jobs on 144 monthly rows, in processes of their own."""
    months = np.arange(144)
    values = (100 + 3 * months) * (1 + 0.2 * np.sin(months * np.pi / 6))
    python, command = sys.executable, [sys.executable, "-m", "forecast.cli"]
    with tempfile.TemporaryDirectory() as folder:
        times = pd.date_range("1949-01-01", periods=144, freq="MS")
        pd.DataFrame({"month": times, "passengers": values.round()}).to_csv(Path(folder) / "air.csv", index=False)
        fit = [*command, "fit", "air.csv", "--model", "lstm", "--horizon", "12", "--set", "max_steps=100", "-o", "m"]
        jobs = {
            "import torch, pandas": [python, "-c", "import torch, pandas"],
            "script: fit of 100 steps, 12 forecasts": [python, "-c", SCRIPT.format(data="air.csv")],
            "forecast fit": [*fit, "--force", "--quiet"],
            "forecast predict": [*command, "predict", "m", "-o", "forecast.csv"],
            "forecast inspect": [*command, "inspect", "air.csv"],
            "forecast --help": [*command, "--help"],
        }
        print("seconds, seconds of CPU")
        for name, job in jobs.items():
            tell_start(name, job, folder=folder)


if __name__ == "__main__":
    print(f"load {os.getloadavg()[0]:.1f}")
    starts() if "starts" in sys.argv else forecasts()
    print(f"load {os.getloadavg()[0]:.1f}")
