"""A fit leaves torch's random state and threads as it found them."""

import os
import subprocess
import sys

import pytest
import torch

from forecast.errors import ConfigError
from forecast.training.device import borrowed, find_device, seeded

CPU = torch.device("cpu")


def test_seed_and_threads_are_given_back():
    torch.manual_seed(11)
    torch.set_num_threads(2)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with borrowed(1), seeded(3, CPU):
        assert torch.get_num_threads() == 1
        first = torch.rand(3)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    with borrowed(1), seeded(3, CPU):
        assert torch.equal(torch.rand(3), first)


def test_seed_and_threads_are_given_back_after_an_error():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with pytest.raises(RuntimeError), borrowed(1), seeded(3, CPU):
        torch.rand(3)
        raise RuntimeError
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_a_device_that_is_not_there_is_refused():
    for name in ("cuda:99", "nonsense", "cpu:x"):
        with pytest.raises(ConfigError, match="cannot be used"):
            find_device(name)
    assert find_device("cpu") == CPU


PROBE = """
import torch
from forecast.training.device import tune_process
before = torch.get_default_dtype()
tune_process()
tiny = torch.tensor([1e-40])
print("flushed" if float(tiny * 0.5) == 0 else "kept", before == torch.get_default_dtype())
"""


@pytest.mark.parametrize(("given", "expected"), [({}, "flushed True"), ({"FORECAST_NO_TUNING": "1"}, "kept True")])
def test_subnormal_numbers_are_flushed_unless_asked_not_to(given, expected):
    inherited = {name: value for name, value in os.environ.items() if name != "FORECAST_NO_TUNING"}
    run = subprocess.run([sys.executable, "-P", "-c", PROBE], env=inherited | given, capture_output=True, text=True)
    assert run.stdout.strip() == expected, run.stderr
