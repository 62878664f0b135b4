"""A search that is killed or interrupted goes on where it stopped, and one that runs twice shares its trials."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from quick_objectives import Quadratic, random_sampler

from forecast.tuning.study import open_study
from forecast.tuning.workers import run_trials

HERE = Path(__file__).parent


def begin(address):
    return open_study(address, "a", identity={"data": "x"}, sampler_for=random_sampler, seed=3)


def values(opened):
    return [trial.values for trial in opened.trials() if trial.state.name == "COMPLETE"]


COMMAND = """
import json, sys
sys.path.insert(0, sys.argv[1])
import quick_objectives as objectives
from forecast.tuning import workers
from forecast.tuning.study import open_study
workers.cores = lambda: 2
opened = open_study(sys.argv[2], "a", identity={"data": "x"}, sampler_for=objectives.random_sampler, seed=3)
objective = objectives.Quadratic(float(sys.argv[4]), log=sys.argv[5])
told = []
print("begins", flush=True)
trials, jobs = int(sys.argv[6]), int(sys.argv[3])
workers.run_trials(opened, objective, trials=trials, jobs=jobs, on_trial=lambda trial: told.append(trial.number))
print(json.dumps(told))
"""


def command(address, *, folder, jobs=2, seconds=0.3, trials=6):
    """The same search in a process of its own, as a user would start it."""
    words = [HERE, address, jobs, seconds, folder / "log", trials]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, words)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also where tests run with nohup
    )


def until(condition, seconds=60.0):
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def runs(folder):
    """Numbers and processes of the trials that were begun."""
    log = folder / "log"
    return [(int(a), int(b)) for a, b, _ in map(str.split, log.read_text().splitlines())] if log.exists() else []


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("kind", ["sqlite", "journal", "server"])
def test_two_commands_together_make_as_many_trials_as_each_was_asked_for(tmp_path, kind, request):
    address = {"sqlite": "study.db", "journal": "journal:study.log"}.get(kind) or request.getfixturevalue("database")
    started = [command(address, folder=tmp_path, jobs=1, seconds=0.2, trials=10) for _ in range(2)]
    told = []
    for process in started:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        told.append(sorted(json.loads(output.splitlines()[-1])))
    address = {"sqlite": tmp_path / "study.db", "journal": f"journal:{tmp_path / 'study.log'}"}.get(kind, address)
    trials = begin(address).trials()
    assert Counter("dropped" not in trial.user_attrs for trial in trials)[True] == 10
    assert len(values(begin(address))) == 10
    assert set(told[0]) | set(told[1]) == {t.number for t in trials if t.state.name == "COMPLETE"}
    assert len({trial.params["x"] for trial in trials if trial.params}) == 10  # no two draw the same


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_command_that_is_killed_takes_its_workers_along_and_a_rerun_does_the_rest(tmp_path, kind):
    address = {"sqlite": tmp_path / "study.db", "journal": f"journal:{tmp_path / 'study.log'}"}[kind]
    process = command(address, folder=tmp_path, seconds=1.0)
    until(lambda: len(runs(tmp_path)) >= 3)
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not any(is_alive(number) for _, number in runs(tmp_path)))
    before = values(begin(address))
    assert before
    run_trials(begin(address), Quadratic(), trials=6)
    assert len(values(begin(address))) == 6
    assert values(begin(address))[: len(before)] == before


def test_a_single_process_that_is_killed_is_noticed_at_once_by_the_next(tmp_path):
    process = command(tmp_path / "study.db", folder=tmp_path, jobs=1, seconds=0.5)
    until(lambda: len(runs(tmp_path)) >= 2)
    process.kill()
    process.communicate(timeout=60)
    opened = begin(tmp_path / "study.db")
    remarks = run_trials(opened, Quadratic(), trials=4)
    assert remarks == ("trial 1 had lost its worker and is queued again",)
    assert len(values(opened)) == 4


@pytest.mark.parametrize("jobs", [1, 2])
def test_after_ctrl_c_the_same_command_goes_on_with_the_trials_that_it_would_have_had(tmp_path, jobs):
    straight = begin(None)
    run_trials(straight, Quadratic(), trials=6)
    process = command(tmp_path / "study.db", folder=tmp_path, jobs=jobs, seconds=0.4)
    until(lambda: len(runs(tmp_path)) >= 3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0 and "KeyboardInterrupt" in errors
    assert not any(is_alive(number) for _, number in runs(tmp_path))
    opened = begin(tmp_path / "study.db")
    states = Counter(trial.state.name for trial in opened.trials())
    assert states["RUNNING"] == 0 and states["WAITING"] == states["FAIL"] >= 1
    run_trials(opened, Quadratic(), trials=6)
    assert sorted(values(opened)) == sorted(values(straight))
