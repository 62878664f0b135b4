"""Settings for the whole run; fixtures live beside the tests that use them."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# One thread for each worker, set before any numeric library is loaded: threads of several workers that wait for one
# another on the same cores make small networks twenty times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A fit would flush subnormal numbers for the whole process, and with it for tests that look at such numbers.
os.environ.setdefault("FORECAST_NO_TUNING", "1")

BENCHMARKS = Path(__file__).parent / "benchmarks"
OWN_MECHANISM = Path(__file__).parents[1] / "examples" / "own_mechanism.py"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(BENCHMARKS):
            item.add_marker("benchmark")


@pytest.fixture(scope="module")
def averages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The forecaster of ``examples/own_mechanism.py``, as a distribution that declares it as ``averages``."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "own_mechanism-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-mechanism\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[seqcast.forecasters]\naverages = own_mechanism:AveragesForecaster\n")
    shutil.copy(OWN_MECHANISM, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield "averages"
        sys.modules.pop("own_mechanism", None)
