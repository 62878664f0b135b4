"""Trials over processes: shared out, killed, interrupted, and gone on with."""

import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from quick_objectives import Deadly, Faulty, Quadratic, random_sampler

from forecast import cores
from forecast.datasets.build import load_panel
from forecast.datasets.fingerprint import fingerprint
from forecast.datasets.packed.folder import open_panel
from forecast.errors import ConfigError, ResourceError
from forecast.tuning import workers
from forecast.tuning.beats import WORKER, Watch, mark
from forecast.tuning.shared import share
from forecast.tuning.study import open_study
from forecast.tuning.workers import run_trials, share_cores


def begin(address, **rest):
    return open_study(address, "a", identity={"data": "x"}, sampler_for=random_sampler, seed=3, **rest)


def values(opened):
    return [trial.values for trial in opened.trials() if trial.state.name == "COMPLETE"]


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: 2)


def test_workers_and_their_threads_never_exceed_the_cores(monkeypatch):
    for count in (1, 2, 3, 8, 64):
        monkeypatch.setattr(workers, "cores", lambda count=count: count)
        for jobs in (1, 2, 3, 5, 100):
            many, threads = share_cores(jobs)
            assert 1 <= many <= jobs and threads >= 1
            assert many * threads <= count


def test_more_workers_than_cores_are_not_started(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "cores", lambda: 1)
    opened = begin(f"journal:{tmp_path}/study.log")
    remarks = run_trials(opened, Quadratic(log=tmp_path / "log"), trials=3, jobs=4)
    assert remarks == ("1 worker instead of 4: there are no more cores",)
    assert {line.split()[1] for line in (tmp_path / "log").read_text().splitlines()} == {str(os.getpid())}


def test_each_trial_is_run_once_by_one_of_two_workers_with_a_thread_each(two_cores, tmp_path):
    opened, told = begin(f"journal:{tmp_path}/study.log"), []
    run_trials(opened, Quadratic(0.3, log=tmp_path / "log"), trials=6, jobs=2, on_trial=told.append)
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(int(number) for number, _, _ in lines) == list(range(6))
    assert len({process for _, process, _ in lines}) == 2
    assert {threads for _, _, threads in lines} == {"1"}
    assert sorted(trial.number for trial in told) == list(range(6))
    assert all(trial.state.name == "COMPLETE" for trial in opened.trials())


def test_the_number_of_trials_is_that_of_the_study(tmp_path):
    opened, told = begin(f"journal:{tmp_path}/study.log"), []
    for trials in (3, 5, 5, 2):
        run_trials(
            begin(f"journal:{tmp_path}/study.log"), Quadratic(), trials=trials, on_trial=lambda t: told.append(t.number)
        )
    assert told == [0, 1, 2, 3, 4]
    assert len(opened.trials()) == 5


def test_a_worker_that_is_killed_loses_nothing_and_its_trial_is_tried_again(two_cores, tmp_path):
    opened, remarks = begin(tmp_path / "study.db"), []
    objective = Deadly((1,), seconds=0.2)
    run_trials(opened, objective, trials=5, jobs=2, on_remark=remarks.append)
    assert len(values(opened)) == 5
    (dropped,) = [trial for trial in opened.trials() if "dropped" in trial.user_attrs]
    assert (dropped.number, dropped.user_attrs["dropped"]) == (1, "its worker was killed by SIGKILL")
    again = [trial for trial in opened.trials() if trial.system_attrs.get("failed_trial") == 1]
    assert [trial.params for trial in again] == [dropped.params]
    assert [remark.partition(" was ")[2] for remark in remarks] == ["killed by SIGKILL in trial 1"]


def test_a_machine_on_which_every_worker_dies_is_given_up(two_cores, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "CRASHES", 1)
    opened = begin(f"journal:{tmp_path}/study.log")
    with pytest.raises(ResourceError, match="3 workers in a row were lost; the last was killed by SIGKILL"):
        run_trials(opened, Deadly(), trials=5, jobs=2)
    assert not [trial for trial in opened.trials() if trial.state.name == "RUNNING"]


def test_the_time_interrupts_a_trial_and_the_next_call_begins_with_it():
    opened, began = begin(None), time.monotonic()
    remarks = run_trials(opened, Quadratic(60.0), timeout=0.5)
    assert time.monotonic() - began < 30
    assert [remark.rpartition(" after")[0] for remark in remarks] == ["stopped"]
    assert {trial.state.name for trial in opened.trials()} == {"FAIL", "WAITING"}
    run_trials(opened, Quadratic(), trials=2)
    assert len(values(opened)) == 2


def test_a_trial_that_fails_says_why_and_the_search_goes_on(tmp_path):
    opened = begin(None)
    run_trials(opened, Faulty(), trials=4)
    first, second, *rest = opened.trials()
    assert (first.state.name, first.user_attrs["reason"]) == ("FAIL", "ValueError: the first one fails")
    assert (second.state.name, second.user_attrs["reason"]) == ("FAIL", "its value is not a number")
    assert [trial.state.name for trial in rest] == ["COMPLETE", "COMPLETE"]


def test_a_result_that_comes_after_the_trial_was_taken_for_lost_is_let_go(tmp_path):
    opened = begin(None)

    class Late(Quadratic):
        def __call__(self, trial):
            if trial.number == 0:
                from forecast.tuning.study import give_back

                assert give_back(opened, 0, "its worker was lost", lost=True)
            return super().__call__(trial)

    run_trials(opened, Late(), trials=3)
    assert len(values(opened)) == 3
    assert opened.trials()[0].state.name == "FAIL"


def test_what_cannot_be_sent_to_workers_is_told(two_cores, tmp_path):
    opened = begin(f"journal:{tmp_path}/study.log")
    with pytest.raises(ConfigError, match="cannot be sent to other processes"):
        run_trials(opened, lambda trial: 0.0, trials=2, jobs=2)
    with pytest.raises(ConfigError, match="in memory"):
        run_trials(begin(None), Quadratic(), trials=2, jobs=2)
    for wrong in ({"trials": 0}, {"trials": 2, "jobs": 0}, {"timeout": 0.0}, {}):
        with pytest.raises(ConfigError):
            run_trials(opened, Quadratic(), **wrong)


def test_a_storage_that_gives_out_is_told_and_nothing_is_lost(two_cores, tmp_path):
    opened = begin(tmp_path / "study.db")

    class Dropping(Quadratic):
        def __call__(self, trial):
            value = super().__call__(trial)
            if trial.number == 1:
                import sqlite3

                with sqlite3.connect(tmp_path / "study.db") as connection:
                    connection.execute("ALTER TABLE trials RENAME TO gone")
                connection.close()
            return value

    with pytest.raises(ConfigError, match=r"study\.db cannot be used: no such table"):
        run_trials(opened, Dropping(), trials=3)


def test_cores_are_shared_out_without_torch():
    assert cores.cores() >= 1
    code = "import sys; import forecast.tuning.workers, forecast.tuning.processes; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_trial_of_a_machine_that_fell_silent_is_tried_again(monkeypatch):
    monkeypatch.setattr(workers, "Watch", lambda: Watch(grace=0.3))
    monkeypatch.setattr(workers, "LOOKS", 0.1)
    opened = begin(None)
    elsewhere = opened.study.ask()
    elsewhere.set_user_attr(WORKER, mark() | {"machine": "another", "beat": 7})
    remarks = run_trials(opened, Quadratic(), trials=3)
    assert remarks[-1] == "trial 0 had lost its worker and is queued again"
    assert len(values(opened)) == 3


def test_workers_read_one_copy_of_the_panel_and_get_what_the_command_has(tmp_path):
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=60), "y": np.arange(60.0)})
    panel = load_panel(frame)
    shared = pickle.loads(pickle.dumps(share(panel, tmp_path)))
    opened = shared()
    assert isinstance(opened.target, np.memmap) and opened.on_disk is None
    np.testing.assert_array_equal(opened.target, panel.target)
    assert fingerprint(opened) == fingerprint(panel)
    again = share(open_panel(tmp_path), tmp_path / "nowhere")  # on disk already
    assert (again.folder, again.on_disk) == (tmp_path, True)
