"""What starting up does to the process: nothing but what makes it short."""

import os
import subprocess
import sys

import pytest

# what a program would notice of the collector: whether it runs, and whether it still finds what it should
PROGRAM = """
import gc, sys, weakref
class Node: pass
{before}
from forecast import NaiveForecaster, LSTMForecaster
assert "torch" in sys.modules
node = Node()
node.me = node
gone = weakref.ref(node)
del node
if gc.isenabled():
    gc.collect()
print(gc.isenabled(), gone() is None, gc.get_freeze_count() > 100_000)
"""


def told(before: str = "", **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        env={**{name: value for name, value in os.environ.items() if name != "FORECAST_NO_TUNING"}, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_the_collector_runs_on_after_the_imports_and_skips_what_they_brought():
    assert told() == ["True", "True", "True"]


@pytest.mark.parametrize(
    ("before", "environment", "runs"),
    [
        ("", {"FORECAST_NO_TUNING": "1"}, True),
        ("gc.disable()", {}, False),
        ("held = [[] for _ in range(2_000_000)]", {}, True),  # a program that holds much already
    ],
)
def test_the_collector_is_left_alone_where_the_process_is_not_ours_to_settle(before, environment, runs):
    assert told(before, **environment) == [str(runs), str(runs), "False"]
