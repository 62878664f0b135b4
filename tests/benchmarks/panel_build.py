"""How long a long frame of 50,000 series × 500 rows takes to become a panel, and how much memory beyond the frame.

Run: python tests/benchmarks/panel_build.py [series] [rows] [str|object|category]
"""

import os
import resource
import sys
import time

import numpy as np
import pandas as pd


def make(series: int, rows: int, kind: str) -> pd.DataFrame:
    """A sorted long frame: string ids, dates, a float32 target."""
    names = pd.Series([f"series-{s:05d}" for s in range(series)], dtype="str" if kind == "category" else kind)
    if kind == "category":
        ids: object = pd.Categorical.from_codes(np.repeat(np.arange(series, dtype=np.int32), rows), names)
    else:
        ids = names.repeat(rows).reset_index(drop=True)
    dates = np.tile(np.datetime64("2020-01-01", "us") + np.arange(rows) * np.timedelta64(1, "D"), series)
    target = np.random.default_rng(0).standard_normal(series * rows, dtype=np.float32)
    return pd.DataFrame({"unique_id": ids, "ds": dates, "y": target}, copy=False)


def resident() -> float:
    """Megabytes that this process holds now."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    series, rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000, int(sys.argv[2]) if len(sys.argv) > 2 else 500
    import torch  # part of what a training process holds

    from forecast.datasets.build import load_panel

    frame = make(series, rows, sys.argv[3] if len(sys.argv) > 3 else "str")
    with open("/proc/self/clear_refs", "w") as refs:  # the peak counts from here on
        refs.write("5")
    before = resident()
    began = time.perf_counter()
    panel = load_panel(frame)
    seconds = time.perf_counter() - began
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    print(f"{len(panel):,} series, {len(panel.target):,} rows, {panel.target.dtype}, ids {frame['unique_id'].dtype}")
    print(f"{seconds:.2f} s; load average {os.getloadavg()[0]:.1f}; torch {torch.__version__}")
    print(f"before {before:.0f} MB, peak {peak:.0f} MB (the whole process), {peak - before:.0f} MB beyond the frame")
    print(f"peak since the start {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
