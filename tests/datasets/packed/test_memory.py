"""The process that packs a folder and trains from it stays small, however large the files are."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SERIES, HOURS, FILES, COLUMNS = 200, 8000, 4, 20
BOUND = 120  # megabytes beyond the libraries


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from /proc")
def test_packing_and_training_stay_under_the_bound_where_the_data_alone_are_larger(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    times, rows = pd.date_range("2020-01-01", periods=HOURS, freq="h"), SERIES * HOURS // FILES
    names = np.array([f"s{s:03d}" for s in range(SERIES)], dtype=object)
    values = np.tile(np.random.default_rng(0).normal(size=1000), rows // 1000)
    ids = pd.Categorical.from_codes(np.tile(np.arange(SERIES), HOURS // FILES), names)
    for k in range(FILES):  # each file holds every series
        part = np.repeat(times[k * HOURS // FILES : (k + 1) * HOURS // FILES], SERIES)
        columns = {"y": values} | {f"x{i}": values for i in range(COLUMNS)}
        frame = pd.DataFrame({"unique_id": ids, "ds": part, **columns})
        frame.to_parquet(folder / f"{k}.parquet", row_group_size=1 << 15)
    script = Path(__file__).with_name("within_memory.py")
    command = [sys.executable, "-P", str(script), str(folder), str(tmp_path / "panel")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    packed = sum(path.stat().st_size for path in (tmp_path / "panel").iterdir()) / 2**20
    assert packed > 2 * BOUND  # and the frame would be as much again, and its windows half of that
    assert float(said.stdout) < BOUND
