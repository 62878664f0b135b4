"""Several processes train one network to the same losses as one, whatever their shares of a batch hold."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from forecast.errors import ConfigError
from forecast.training.distributed import Ranks, own_device

LAUNCH = [sys.executable, "-P", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SCRIPT = Path(__file__).with_name("two_processes.py")
SHARED = runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> list[dict]:
    """What each of two processes found."""
    run = subprocess.run(
        [*LAUNCH, str(SCRIPT)],
        cwd=tmp_path_factory.mktemp("run"),
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize(("name", "kind"), [("plain", "LSTMForecaster"), ("odd", "Odd")])
def test_two_processes_come_to_the_losses_of_one(told, name, kind):
    alone = SHARED["history"](SHARED["fitted"](SHARED[kind]))
    for shared in (process[name] for process in told):
        assert [row["step"] for row in shared] == [row["step"] for row in alone]
        for loss in ("loss", "validation"):
            np.testing.assert_allclose([row[loss] for row in shared], [row[loss] for row in alone], atol=1e-5)


def test_a_report_that_stops_the_first_process_stops_both(told):
    assert [process["stopped"] for process in told] == [["report", 20], ["report", 20]]


def test_a_report_that_fails_in_the_first_process_fails_in_both(told):
    assert [process["raised"] for process in told] == ["enough", "enough"]


def test_the_first_process_alone_says_when_the_time_is_up(told):
    assert told[0]["timed"] == told[1]["timed"]
    assert told[0]["timed"][0] == "time"


def test_processes_with_different_data_are_refused(told):
    assert all("not given the same data" in process["data"] for process in told)


def test_a_batch_that_leaves_a_process_idle_is_refused(told):
    assert all("cannot be shared by 2 processes" in process["batch"] for process in told)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_shares_make_up_the_batch(size):
    shares = [Ranks(rank=rank, size=size).share(8) for rank in range(size)]
    assert [row for share in shares for row in range(8)[share]] == list(range(8))


def test_a_process_without_a_gpu_of_its_own_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert own_device(torch.device("cuda"), Ranks(rank=0, size=2)) == torch.device("cuda:0")
    assert own_device(torch.device("cpu"), Ranks(rank=1, size=2)) == torch.device("cpu")
    with pytest.raises(ConfigError, match="no GPU of its own"):
        own_device(torch.device("cuda"), Ranks(rank=1, size=2))


def test_an_ordinary_fit_does_not_pay_for_several_processes():
    probe = f"""
import sys
sys.path.insert(0, {str(SCRIPT.parent)!r})
from two_processes import fitted
fitted()
print("torch._dynamo" in sys.modules, "forecast.training.distributed" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-P", "-c", probe], capture_output=True, text=True)
    assert run.stdout.split() == ["False", "True"], run.stderr
