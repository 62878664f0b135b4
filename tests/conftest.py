"""Settings for the whole run; fixtures live beside the tests that use them."""

import os
from pathlib import Path

import pytest

# One thread for each worker, set before any numeric library is loaded: threads of several workers that wait for one
# another on the same cores make small networks twenty times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A fit would flush subnormal numbers for the whole process, and with it for tests that look at such numbers.
os.environ.setdefault("FORECAST_NO_TUNING", "1")

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(BENCHMARKS):
            item.add_marker("benchmark")
