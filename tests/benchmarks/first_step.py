"""From 25 million rows to the first training step: seconds and peak memory, beside the least that torch needs.

    python tests/benchmarks/first_step.py [--series 50000] [--rows 500] [--times 3]

Each contender is a process of its own that makes the same sorted frame (50,000 series × 500 rows, float32, string ids):

- floor: what anybody would write in plain torch: ids factorised, one flat tensor, windows gathered by index and
  standardised one by one, an LSTM, L1, Adam; one step.
- frame: ``LSTMForecaster(...).fit(frame)`` of one step, defaults found from the data, validation included.
- packed: the same from the panel that ``forecast.datasets.pack`` made of the frame before (not counted).

Seconds count from the frame (or the path) to the end of the step, imports apart; the peak is that of the whole process
from there on, the frame and the libraries included.  Contenders take turns; medians and ratios are printed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CONTENDERS = ("floor", "frame", "packed")
LOOKBACK, HORIZON, BATCH, HIDDEN = 96, 24, 64, 64


def floor(frame: object, series: int) -> None:
    """The first step in plain torch."""
    import pandas as pd
    import torch

    codes, _ = pd.factorize(frame["unique_id"])
    values = torch.from_numpy(frame["y"].to_numpy())
    lengths = torch.from_numpy(np.bincount(codes, minlength=series))
    ends = lengths.cumsum(0)
    spans = (lengths - LOOKBACK - HORIZON + 1).clamp(min=0)
    cumulative = spans.cumsum(0)
    numbers = torch.randint(int(cumulative[-1]), (BATCH,))
    one = torch.searchsorted(cumulative, numbers, right=True)
    first = (ends - lengths)[one] + numbers - (cumulative - spans)[one]
    windows = values[first[:, None] + torch.arange(LOOKBACK + HORIZON)]
    past = windows[:, :LOOKBACK]
    location, scale = past.mean(1, keepdim=True), past.std(1, keepdim=True) + 1e-6
    windows = (windows - location) / scale
    network, head = torch.nn.LSTM(1, HIDDEN, batch_first=True), torch.nn.Linear(HIDDEN, HORIZON)
    optimiser = torch.optim.Adam([*network.parameters(), *head.parameters()])
    loss = (head(network(windows[:, :LOOKBACK, None])[0][:, -1]) - windows[:, LOOKBACK:]).abs().mean()
    loss.backward()
    optimiser.step()


def ours(data: object) -> None:
    """The first step of a forecaster."""
    from forecast import LSTMForecaster

    LSTMForecaster(horizon=HORIZON, max_steps=1, device="cpu").fit(data, validation=HORIZON)


def peak_megabytes() -> float:
    """Highest resident memory of this process since the mark was last cleared (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def measure(name: str, *, series: int, rows: int, packed: str) -> None:
    """Run one contender in this process and print seconds and megabytes."""
    import torch  # noqa: F401  (imports do not count)
    from panel_build import make

    if name != "floor":
        import forecast.datasets.packed.cache
        import forecast.estimators.learning  # noqa: F401
    frame = make(series, rows, "str") if name != "packed" else None
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    began = time.perf_counter()
    floor(frame, series) if name == "floor" else ours(packed if name == "packed" else frame)
    print(time.perf_counter() - began, peak_megabytes())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=50_000)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", choices=CONTENDERS)
    parser.add_argument("--packed", default="")
    given = parser.parse_args()
    if given.only:
        measure(given.only, series=given.series, rows=given.rows, packed=given.packed)
        return
    from panel_build import make

    from forecast.datasets import pack

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        pack(make(given.series, given.rows, "str"), f"{folder}/panel")
        print(f"load average {os.getloadavg()[0]:.1f}; frame packed in {time.perf_counter() - began:.1f} s")
        found: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
        options = ["--series", str(given.series), "--rows", str(given.rows), "--packed", f"{folder}/panel"]
        for _ in range(given.times):
            for name in CONTENDERS:
                command = [sys.executable, __file__, "--only", name, *options]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found[name].append([float(word) for word in said.split()])
    base = np.median(found["floor"], axis=0)
    print(f"{'':8}{'seconds':>9}{'- floor':>9}{'peak MB':>9}{'/ floor':>9}")
    for name, runs in found.items():
        seconds, peak = np.median(runs, axis=0)
        print(f"{name:8}{seconds:9.2f}{seconds - base[0]:+9.2f}{peak:9,.0f}{peak / base[1]:9.2f}")


if __name__ == "__main__":
    main()
