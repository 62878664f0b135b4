"""Packs a folder of Parquet files and trains from it in a small process; prints the megabytes that this took beyond the
libraries.  Run by ``test_memory.py``: FOLDER PANEL."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from forecast import LSTMForecaster
from forecast.datasets import pack, scaling, stored
from forecast.datasets.packed import pieces, spread
from forecast.datasets.schema import Roles
from forecast.datasets.times import stamps

pieces.PIECE_CELLS, scaling.BLOCK_ROWS, stamps.BLOCK = 1 << 19, 1 << 15, 1 << 15  # of a size with the data
spread.PART_BYTES, stored.RESIDENT = 1 << 20, 1 << 22
PAST = tuple(f"x{k}" for k in range(20))


def megabytes(what: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def work(folder: Path, panel: Path, steps: int) -> None:
    settings = {"horizon": 8, "lookback": 24, "max_steps": steps, "season": 1, "device": "cpu", "threads": 1}
    LSTMForecaster(**settings, past=PAST).fit(pack(folder, panel, Roles(past=PAST)), validation=8)


def main() -> None:
    folder, panel = map(Path, sys.argv[1:])
    small = panel.with_name("small")
    small.mkdir()
    times = pd.date_range("2020-01-01", periods=200, freq="h")
    frame = pd.DataFrame({"unique_id": "a", "ds": times, "y": np.sin(np.arange(200.0))})
    frame[list(PAST)] = 1.0
    frame.to_parquet(small / "one.parquet")
    work(small, panel.with_name("small-panel"), 20)  # loads every library
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    before = megabytes("VmRSS")
    work(folder, panel, 60)
    print(megabytes("VmHWM") - before)


if __name__ == "__main__":
    main()
