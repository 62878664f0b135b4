"""Milliseconds to a forecast, beside those of the bare pass of the network, and seconds of short jobs from start to end.

    python tests/benchmarks/latency.py             # forecasts: one series, 414 series, 100 and 1,000 origins × 7 series
    python tests/benchmarks/latency.py starts      # the smallest script and the commands, beside importing the libraries

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


def median_ms(call: Callable[[], object], *, seconds: float = 0.5) -> float:
    """Median milliseconds of a call over about so many seconds, the first two not counted."""
    call()
    began = time.perf_counter()
    call()
    times = max(5, min(200, int(seconds / (time.perf_counter() - began))))
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken)) * 1e3


def hourly(series: int, rows: int) -> pd.DataFrame:
    """A wide frame of hourly waves with noise."""
    steps = np.arange(rows)[:, None] + np.arange(series)
    values = np.sin(steps * 2 * np.pi / 24) + 0.3 * np.random.default_rng(0).normal(size=steps.shape)
    frame = pd.DataFrame(values, columns=[f"s{i}" for i in range(series)])
    frame.insert(0, "time", pd.date_range("2020-01-01", periods=rows, freq="h"))
    return frame


def reloaded(model: Any) -> Any:
    """The same forecaster from its folder, as a service has it; the milliseconds of loading are printed."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        print(f"{'loading':34}{median_ms(lambda: load(Path(folder) / 'model')):9.2f}")
        return load(Path(folder) / "model")


def bare_pass(model: Any) -> Callable[[], object]:
    """The network alone, on the windows that ``predict`` makes of the stored context."""
    panel, threads = model.panel_, model._threads_for(len(model.panel_))
    windows = model._windows(panel, torch.device("cpu"))
    window = windows.gather(torch.arange(len(panel)), torch.from_numpy(panel.ends))

    def run() -> object:
        with torch.inference_mode():
            return model.network_(window)

    torch.set_num_threads(threads or os.cpu_count() or 1)
    return run


def forecasts() -> None:
    """Forecasts of a loaded model, and of many origins with fitted weights."""
    threads = torch.get_num_threads()
    for series, rows in ((1, 1000), (414, 1000)):
        frame = hourly(series, rows)
        for kind in FAMILIES:
            for tokens in ("patches", "steps") if series == 1 else ("patches",):
                print(f"\n{kind.name} over {tokens}, {series} series × 24 steps, lookback 168 (ms)")
                model = reloaded(kind(horizon=24, lookback=168, max_steps=2, tokens=tokens, device="cpu").fit(frame))
                print(f"{'bare pass of the network':34}{median_ms(bare_pass(model)):9.2f}")
                torch.set_num_threads(threads)
                print(f"{'predict()':34}{median_ms(model.predict):9.2f}")
                print(f"{'predict(levels=…)':34}{median_ms(lambda: model.predict(levels=LEVELS)):9.2f}")
                print(f"{f'predict(frame of {rows:,} rows)':34}{median_ms(lambda: model.predict(frame)):9.2f}")
    frame = hourly(7, 17_420)
    print("\n7 series of 17,420 hours, 24 steps, fitted weights (ms)")
    for kind in FAMILIES:
        model = kind(horizon=24, max_steps=2, device="cpu").fit(frame.iloc[:8640])
        for origins in (100, 1000):
            folds = {"folds": origins, "step": 8, "fitted": True}
            taken = median_ms(lambda: model.backtest(frame, **folds).summary())
            print(f"{f'{kind.name}: backtest of {origins:,} origins × 7':42}{taken:9.1f}")


def seconds_of(command: list[str], *, folder: str, times: int = 5) -> float:
    """Median seconds of a command from start to end."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


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
        for name, job in jobs.items():
            print(f"{name:42}{seconds_of(job, folder=folder):9.2f} s")


if __name__ == "__main__":
    print(f"load {os.getloadavg()[0]:.1f}")
    starts() if "starts" in sys.argv else forecasts()
    print(f"load {os.getloadavg()[0]:.1f}")
