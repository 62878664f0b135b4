"""The same seed gives the same weights, whatever happens on the way; the process is left as it was."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from forecast.errors import ConfigError


def weights(model: object) -> dict[str, torch.Tensor]:
    return model.network_.state_dict()


def assert_identical(one: object, two: object) -> None:
    assert [name for name in weights(one) if not torch.equal(weights(one)[name], weights(two)[name])] == []


def test_two_fits_of_one_seed_are_identical(family, make, data):
    settings = {"dropout": 0.2, **data.LONG}
    one, two = (make(family, **settings).fit(data.long()) for _ in range(2))
    torch.rand(17)  # what others draw in between does not matter
    three = make(family, **settings).fit(data.long())
    assert_identical(one, two)
    assert_identical(one, three)
    other = make(family, **settings, seed=1).fit(data.long())
    assert any(not torch.equal(weights(one)[name], weights(other)[name]) for name in weights(one))


def test_torch_is_left_as_it_was(make, data):
    torch.manual_seed(3)
    state, threads, kind = torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    numpy_state = np.random.get_state()[1].copy()
    model = make("lstm", threads=1).fit(data.series())
    model.predict(horizon=9, levels=(0.1, 0.9))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads and torch.get_default_dtype() == kind
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    assert torch.is_grad_enabled()


def test_fits_in_two_threads_are_those_of_two_fits_one_after_the_other(make, data):
    settings = {"dropout": 0.2, "threads": 1}
    alone = [make("lstm", **settings, seed=seed).fit(data.series()) for seed in (0, 1)]
    state = torch.get_rng_state()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda seed: make("lstm", **settings, seed=seed).fit(data.series()), (0, 1)))
    for one, two in zip(alone, together, strict=True):
        assert_identical(one, two)
    assert torch.equal(torch.get_rng_state(), state)


def test_forecasts_are_repeatable(family, make, data):
    model = make(family, dropout=0.3).fit(data.series())
    for horizon in (4, 9):
        one, two = (model.predict(levels=(0.1, 0.9), horizon=horizon) for _ in range(2))
        assert one.equals(two)


class Killed(BaseException):
    """Nothing in the package may catch it."""


def test_a_fit_that_broke_off_resumes_to_the_same_weights(family, make, data, tmp_path):
    settings = {"max_steps": 24, "dropout": 0.2}
    whole = make(family, **settings).fit(data.series())
    count = 0

    def kill(step: int, seconds: float, losses: dict[str, float]) -> None:
        nonlocal count
        count += 1
        if count == 9:
            raise Killed

    with pytest.raises(Killed):
        make(family, **settings).fit(data.series(), checkpoint=tmp_path, on_report=kill)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    resumed = []
    again = make(family, **settings).fit(
        data.series(), checkpoint=tmp_path, on_report=lambda step, seconds, losses: resumed.append(step) and None
    )
    assert_identical(whole, again)
    assert resumed[0] > 5
    assert again.report_["best_step"] == whole.report_["best_step"]
    assert list(tmp_path.iterdir()) == []  # a finished fit leaves no checkpoint


@pytest.mark.parametrize("reports", [4, 27])
def test_both_trainings_of_a_refit_resume(reports, make, data, tmp_path):
    settings = {"max_steps": 24, "dropout": 0.2}
    whole = make("lstm", **settings).fit(data.series(), refit=True)
    seen = []

    def kill(step: int, seconds: float, losses: dict[str, float]) -> None:
        seen.append(step)
        if len(seen) == reports:
            raise Killed

    with pytest.raises(Killed):
        make("lstm", **settings).fit(data.series(), refit=True, checkpoint=tmp_path, on_report=kill)
    first = seen[-1]
    seen.clear()
    again = make("lstm", **settings).fit(
        data.series(), refit=True, checkpoint=tmp_path, on_report=lambda step, seconds, losses: seen.append(step)
    )
    assert_identical(whole, again)
    assert again.report_["best_step"] == whole.report_["best_step"]
    assert seen[0] > first
    assert (len(seen) > 20) == (reports == 4)  # the first training is not done again when the second one broke off
    assert list(tmp_path.iterdir()) == []


SCRIPT = """
import sys, time
import numpy as np
from forecast import LSTMForecaster
y = 5 + np.sin(np.arange(90) * np.pi / 3)
pause = float(sys.argv[2])
model = LSTMForecaster(horizon=4, season=6, lookback=12, hidden_size=8, max_steps=40, dropout=0.2, threads=1)
model.fit(y, checkpoint=sys.argv[1], on_report=lambda step, seconds, losses: time.sleep(pause))
print(repr(model.predict().tolist()), flush=True)
"""


def test_a_process_killed_at_any_moment_resumes_to_the_same_forecast(tmp_path):
    def start(folder: Path, pause: float) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-c", SCRIPT, str(folder), str(pause)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    victim = start(tmp_path / "broken", 0.2)
    until = time.monotonic() + 60
    while not (tmp_path / "broken" / "checkpoint.safetensors").exists() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    assert (tmp_path / "broken" / "checkpoint.safetensors").exists()
    runs = [start(tmp_path / name, 0.0) for name in ("broken", "whole")]
    (resumed, complaint), (whole, _) = (run.communicate(timeout=120) for run in runs)
    assert resumed == whole and resumed.startswith("["), complaint


def test_a_checkpoint_of_other_settings_or_other_data_is_refused(make, data, tmp_path):
    def stop(step: int, seconds: float, losses: dict[str, float]) -> None:
        raise Killed

    with pytest.raises(Killed):
        make("lstm").fit(data.series(), checkpoint=tmp_path, on_report=stop)
    for model, frame in ((make("lstm", seed=1), data.series()), (make("lstm"), data.series(91))):
        with pytest.raises(ConfigError, match="other settings or data"):
            model.fit(frame, checkpoint=tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="no checkpoint that can be read"):
        make("lstm").fit(data.series(), checkpoint=tmp_path)


def test_a_checkpoint_of_other_validation_is_refused(make, data, tmp_path):
    def stop(step: int, seconds: float, losses: dict[str, float]) -> None:
        raise Killed

    with pytest.raises(Killed):
        make("lstm").fit(data.series(), checkpoint=tmp_path, on_report=stop, validation=4)
    with pytest.raises(ConfigError, match="other settings or data"):
        make("lstm").fit(data.series(), checkpoint=tmp_path, validation=12)


@pytest.mark.parametrize("refit", [False, True])
def test_fit_keeps_to_its_time(make, data, refit):
    began = time.monotonic()
    model = make("lstm", max_steps=10**7, max_time=0.6, patience=None).fit(data.long(), refit=refit)
    assert time.monotonic() - began < 5  # a step takes a millisecond; the rest is for a busy machine
    assert model.report_["stopped"] == "time"


def test_the_report_may_stop_a_fit(make, data):
    model = make("lstm", max_steps=400).fit(data.series(), on_report=lambda step, seconds, losses: step >= 40)
    assert model.report_["steps"] == 40 and model.report_["stopped"] == "report"
