"""``forecast fit`` under torchrun: several processes train, one speaks, and a run that loses one is taken up again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from torch.distributed import HashStore

from forecast.cli import processes
from forecast.cli.guard import guarded
from forecast.errors import DataError, ResourceError

LAUNCH = [sys.executable, "-P", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
FORECAST = [*LAUNCH, "-m", "forecast.cli"]
ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}
PATIENCE = 120.0  # seconds that a loaded machine may take over what takes three
# Few and slow steps: long enough to be killed in, too few for differences in rounding to grow.
SETTINGS = ("dropout=0", "max_steps=120", "batch_size=256", "learning_rate=0.001")
SLOW = ["--model", "lstm", "--horizon", "7", *(word for setting in SETTINGS for word in ("--set", setting))]


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*FORECAST, *words], cwd=folder, env=ALONE, stdout=pipe, stderr=pipe, text=True)


def wait_for(path: Path, run: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not path.exists() and run.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert path.exists(), run.communicate()[1]


def workers(run: subprocess.Popen[str]) -> list[int]:
    """The processes that torchrun has started, by rank."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == run.pid:
                words = (entry / "environ").read_bytes().split(b"\0")
                found[next(word for word in words if word.startswith(b"RANK="))] = int(entry.name)
        except (OSError, StopIteration):
            continue
    return [found[rank] for rank in sorted(found)]


def losses(folder: Path) -> np.ndarray:
    history = json.loads((folder / "model.json").read_text())["report"]["history"]
    return np.array([[row["step"], row["loss"], row["validation"]] for row in history])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes in /proc")
def test_a_run_that_loses_a_process_says_so_and_goes_on_to_the_same_losses(call, sales, tmp_path):
    assert call("fit", sales, "-o", tmp_path / "one", *SLOW).exit_code == 0
    words = ("fit", "sales.csv", "-o", "two", *SLOW)
    run = started(tmp_path, *words)
    wait_for(tmp_path / "two" / "checkpoint.safetensors", run)
    os.kill(workers(run)[1], signal.SIGKILL)
    said = run.communicate(timeout=PATIENCE)[1]
    assert run.returncode not in (0, None)
    assert said.count("error: ") == 1, said
    assert "another process" in said or "ended from outside" in said
    assert not (tmp_path / "two" / "model.json").exists()
    run = started(tmp_path, *words, "--json")
    out, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, said
    assert said.count("going on with the unfinished fit") == 1
    assert json.loads(out)["folder"] == "two"  # printed once
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "one"), atol=1e-5)


def test_what_is_wrong_for_all_processes_is_said_once(tmp_path):
    run = started(tmp_path, "fit", "none.csv", "--model", "lstm", "--horizon", "7", "-o", "model")
    said = run.communicate(timeout=PATIENCE)[1]
    assert run.returncode != 0
    assert said.count("error: ") == 1
    assert "no file that exists" in said
    assert "exitcode  : 3" in said  # in torchrun's account of its processes
    assert not (tmp_path / "model").exists()


@pytest.fixture
def one_of_two(monkeypatch):
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)


def test_the_first_process_to_fail_says_why_and_all_leave_with_its_code(one_of_two, monkeypatch, capsys):
    monkeypatch.setattr(processes, "_store", HashStore())
    faults = {"1": DataError("row 7 is bad", "Mend it."), "0": ResourceError("another process has died")}
    codes = {}
    for rank, error in faults.items():
        monkeypatch.setenv("RANK", rank)
        codes[rank] = guarded(Mock(side_effect=error), debug=False)
    assert codes == {"1": DataError.exit_code, "0": DataError.exit_code}
    assert capsys.readouterr().err == "error: row 7 is bad\nMend it.\n"


def test_a_process_that_torchrun_ends_says_so_if_no_other_has(one_of_two, monkeypatch, capsys):
    monkeypatch.setattr(processes, "_store", HashStore())
    assert guarded(Mock(side_effect=SystemExit(143)), debug=False) == 143
    assert "ended from outside" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        guarded(Mock(side_effect=SystemExit(5)), debug=False)


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("run sales.csv --horizon 7", "forecast run works in one process, and 2 were started"),
        ("fit sales.csv --model theta --horizon 7 -o model", "theta is fitted by one process, and 2 were started"),
        ("fit - --model lstm --horizon 7 -o model", "several processes cannot read standard input"),
    ],
)
def test_what_several_processes_cannot_do_is_refused(call, sales, one_of_two, monkeypatch, words, cause):
    assert call(*words.split()).stderr == ""  # the second process leaves the word to the first
    monkeypatch.setenv("RANK", "0")
    found = call(*words.split())
    assert (found.exit_code, found.stderr.splitlines()[0]) == (2, f"error: {cause}")
