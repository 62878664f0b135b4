"""Every script in examples/ runs and says something."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BRIEFLY = {  # where the script's own defaults take longer than a test may
    "automatic": ["--seconds", "6"],
    "compare_presets": ["--seconds", "1.5"],
    "influenza": ["--seconds", "2", "--years", "7", "--regions", "4"],
    "long_horizon": ["--every", "64", "--set", "max_steps=20"],
    "long_memory": ["--seconds", "3"],
}
EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path, tmp_path):
    result = subprocess.run(
        [sys.executable, "-P", "-W", "error", str(path), *BRIEFLY.get(path.stem, [])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip()
    assert not list(tmp_path.iterdir()), "an example leaves no files behind"
