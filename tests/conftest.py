"""Settings for the whole run; fixtures live beside the tests that use them."""

import os
from pathlib import Path

import pytest

# Workers share the cores: one thread each, set before any of them loads a numeric library.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(BENCHMARKS):
            item.add_marker("benchmark")
