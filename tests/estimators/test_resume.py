"""A fit that is killed at any moment and started again ends with the weights of an undisturbed one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from forecast.errors import ConfigError, TrainingError
from forecast.folders import claimed
from forecast.training import checkpoint

SETTINGS = {"max_steps": 24, "dropout": 0.2}


class Killed(BaseException):
    """Nothing in the package may catch it."""


@pytest.fixture
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Checkpoints that cost nothing are written at every step."""
    monkeypatch.setattr(checkpoint, "_pause", lambda cost: 0.0)
    monkeypatch.setattr(checkpoint.os, "fsync", lambda handle: None)
    yield


def weights(model: object) -> dict[str, torch.Tensor]:
    return model.network_.state_dict()


def assert_identical(one: object, two: object) -> None:
    assert [name for name in weights(one) if not torch.equal(weights(one)[name], weights(two)[name])] == []


def kill_at(count: int):
    """A report that is the end of the process when it is called for the ``count``-th time, and the steps it saw."""
    seen: list[int] = []

    def report(step: int, seconds: float, losses: dict[str, float]) -> None:
        seen.append(step)
        if len(seen) == count:
            raise Killed

    return report, seen


def test_a_fit_that_broke_off_resumes_to_the_same_weights(family, make, data, tmp_path, at_every_step):
    whole = make(family, **SETTINGS).fit(data.series())
    kill, _ = kill_at(9)
    with pytest.raises(Killed):
        make(family, **SETTINGS).fit(data.series(), checkpoint=tmp_path, on_report=kill)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]
    watch, resumed = kill_at(0)
    again = make(family, **SETTINGS).fit(data.series(), checkpoint=tmp_path, on_report=watch)
    assert_identical(whole, again)
    assert resumed[0] > 5
    assert again.report_["best_step"] == whole.report_["best_step"]
    assert [entry["loss"] for entry in again.report_["history"]] == [e["loss"] for e in whole.report_["history"]]
    assert list(tmp_path.iterdir()) == []  # a finished fit leaves no checkpoint


@pytest.mark.parametrize("reports", [4, 27])
def test_both_trainings_of_a_refit_resume(reports, make, data, tmp_path, at_every_step):
    whole = make("lstm", **SETTINGS).fit(data.series(), refit=True)
    kill, seen = kill_at(reports)
    with pytest.raises(Killed):
        make("lstm", **SETTINGS).fit(data.series(), refit=True, checkpoint=tmp_path, on_report=kill)
    watch, resumed = kill_at(0)
    again = make("lstm", **SETTINGS).fit(data.series(), refit=True, checkpoint=tmp_path, on_report=watch)
    assert_identical(whole, again)
    assert again.report_["best_step"] == whole.report_["best_step"]
    assert resumed[0] >= seen[-1]
    assert (len(resumed) > 20) == (reports == 4)  # the first training is not done again when the second one broke off
    assert list(tmp_path.iterdir()) == []


def test_a_refit_killed_between_its_trainings_does_not_do_the_first_again(
    make, data, tmp_path, monkeypatch, at_every_step
):
    whole = make("lstm", **SETTINGS).fit(data.series(), refit=True)
    write = checkpoint.write

    def write_and_die(folder: Path, tensors: object, state: dict[str, object]) -> None:
        write(folder, tensors, state)
        if state["ended"]:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoint, "write", write_and_die)
        make("lstm", **SETTINGS).fit(data.series(), refit=True, checkpoint=tmp_path)
    watch, resumed = kill_at(0)
    again = make("lstm", **SETTINGS).fit(data.series(), refit=True, checkpoint=tmp_path, on_report=watch)
    assert_identical(whole, again)
    assert len(resumed) <= 20


@pytest.mark.parametrize("refit", [False, True])
def test_what_came_of_a_training_may_stay_until_the_forecaster_is_saved(make, data, tmp_path, refit, at_every_step):
    options = {"checkpoint": tmp_path / "new", "keep_checkpoint": True, "refit": refit}
    whole = make("lstm", **SETTINGS).fit(data.series(), **options)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [checkpoint.FILE]
    watch, steps = kill_at(0)
    again = make("lstm", **SETTINGS).fit(data.series(), **options, on_report=watch)
    assert steps == []
    assert_identical(whole, again)
    assert again.report_["history"] == whole.report_["history"]
    assert again.predict().equals(whole.predict())


def test_a_second_fit_in_the_same_folder_is_refused_while_the_first_is_at_work(make, data, tmp_path):
    pytest.importorskip("fcntl")
    folder = tmp_path / "shared"

    def intrude(step: int, seconds: float, losses: dict[str, float]) -> None:
        with ThreadPoolExecutor(1) as other:
            other.submit(claimed(folder).__enter__).result()

    with pytest.raises(ConfigError, match="another process is at work"):
        make("lstm").fit(data.series(), checkpoint=folder, on_report=intrude)
    with ThreadPoolExecutor(1) as other, claimed(folder.parent):
        folder.mkdir(exist_ok=True)
        with claimed(folder), pytest.raises(ConfigError, match="another process is at work") as caught:
            other.submit(make("lstm").fit, data.series(), checkpoint=folder).result()
    assert "name another folder" in caught.value.remedy
    assert list(folder.iterdir()) == []


def test_a_checkpoint_of_other_settings_or_other_data_is_refused(make, data, tmp_path, at_every_step):
    with pytest.raises(Killed):
        make("lstm").fit(data.series(), checkpoint=tmp_path, on_report=kill_at(3)[0], validation=4)
    cases = (
        ({"seed": 1, "dropout": 0.5}, 90, 4, r"\(seed=0, dropout=None\)"),
        ({}, 91, 4, r"\(data, held-out rows\)"),
        ({}, 90, 12, r"\(held-out rows\)"),
    )
    for settings, steps, validation, told in cases:
        with pytest.raises(ConfigError, match="other settings or data " + told) as caught:
            make("lstm", **settings).fit(data.series(steps), checkpoint=tmp_path, validation=validation)
        assert "--force" in caught.value.remedy
    (tmp_path / checkpoint.FILE).write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="no checkpoint that can be read"):
        make("lstm").fit(data.series(), checkpoint=tmp_path)


def test_a_training_that_broke_leaves_no_checkpoint_to_stand_in_the_way(make, data, tmp_path, at_every_step):
    with pytest.raises(TrainingError, match="non-finite"):
        make("lstm", learning_rate=1e35, dropout=0.0).fit(data.series(), checkpoint=tmp_path)
    assert list(tmp_path.iterdir()) == []


VICTIM = """
import os, random, signal, sys, time
from pathlib import Path
import torch  # once, before the forks
from forecast.cli.main import app
import forecast.estimators, forecast.persistence, safetensors.torch, safetensors.numpy
from forecast.training import checkpoint

out = Path(sys.argv[1])
words = "fit sales.csv --model lstm --horizon 4 --quiet --refit".split()
for setting in ("max_steps=60", "dropout=0.2", "hidden_size=8", "lookback=14", "threads=1", "batch_size=16"):
    words += ["--set", setting]

def fit(folder):
    return app([*words, "-o", str(folder)], standalone_mode=False) or 0

def in_a_child(folder):
    child = os.fork()
    return child or os._exit(fit(folder))

def code_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

assert fit(out / "whole") == 0  # here, so that children need not import anything
began = time.monotonic()
assert fit(out / "again") == 0
took = time.monotonic() - began
random.seed(7)
kills = resumes = 0
checkpoint._pause = lambda cost: 0.0
os.dup2(2, 1)
while not (out / "broken" / "model.json").exists():
    child = in_a_child(out / "broken")
    time.sleep(random.uniform(0.3, 0.9) * took)
    os.kill(child, signal.SIGKILL)
    code = code_of(child)
    assert code in (0, -signal.SIGKILL), code
    kills += code != 0
    resumes += (out / "broken" / checkpoint.FILE).exists()
code = code_of(in_a_child(out / "broken"))
print(kills, resumes, code, file=sys.stderr)
"""


def test_a_command_killed_at_random_moments_ends_with_the_files_of_an_undisturbed_one(tmp_path):
    """While it reads, trains, trains again on all rows, writes a checkpoint or saves the model; and still ends."""
    if not hasattr(os, "fork"):
        pytest.skip("a system without fork")
    days = np.arange("2024-01-01", "2024-04-01", dtype="M8[D]")
    values = 20 + 5 * np.sin(np.arange(len(days)) * 2 * np.pi / 7) + np.random.default_rng(0).normal(size=len(days))
    rows = [f"{day},{value:.3f}" for day, value in zip(days, values, strict=True)]
    (tmp_path / "sales.csv").write_text("\n".join(["day,sales", *rows]))
    command = [sys.executable, "-P", "-c", VICTIM, str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # a process with threads must not fork
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    kills, resumes, code = map(int, done.stderr.split()[-3:])
    assert kills >= 3 and resumes >= 2
    assert code == 2 and "holds a finished model already" in done.stderr
    one, two = (tmp_path / name / "weights.safetensors" for name in ("broken", "whole"))
    assert one.read_bytes() == two.read_bytes()
    left = {path.name for path in one.parent.iterdir()}
    assert left - {checkpoint.FILE} == {"model.json", one.name}  # killed at the very end, it had no time to tidy up
