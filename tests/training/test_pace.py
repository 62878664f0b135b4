"""Training keeps to the number of threads that is faster, and notices when that changes."""

import time

import pytest
import torch

from forecast.training.pace import FIRST_GAP, Pace


class Machine:
    """A clock that steps advance by what they cost with the threads that are set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **cost: float) -> None:
        self.now, self.threads, self.history = 0.0, 2, []
        self.one, self.two = cost["one"], cost["two"]
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(torch, "set_num_threads", lambda count: setattr(self, "threads", count))

    def step(self) -> None:
        self.history.append(self.threads)
        self.now += self.one if self.threads == 1 else self.two


@pytest.mark.parametrize(("one", "two", "faster"), [(0.010, 0.007, 2), (0.010, 0.200, 1)])
def test_the_faster_number_of_threads_is_used_but_for_a_few_trials(monkeypatch, one, two, faster):
    machine = Machine(monkeypatch, one=one, two=two)
    pace = Pace(2)
    for _ in range(1000):
        pace(machine.step)
    assert machine.history.count(3 - faster) == 2 * 5  # at 0, 36, 104, 236 and 496 steps or so: ever more rarely
    assert machine.history[-1] == faster


@pytest.mark.parametrize("busy", [True, False])
def test_a_machine_that_becomes_busy_or_idle_is_noticed(monkeypatch, busy):
    machine = Machine(monkeypatch, one=0.010, two=0.007 if busy else 0.200)
    pace = Pace(2)
    for _ in range(300):
        pace(machine.step)
    before = machine.history[-1]
    machine.two = 0.200 if busy else 0.007
    for _ in range(FIRST_GAP if busy else 600):
        pace(machine.step)
    assert (before, machine.history[-1]) == ((2, 1) if busy else (1, 2))


def test_a_run_leaves_the_threads_as_it_found_them(training):
    torch.set_num_threads(2)
    training(paced=True, max_steps=2).run()  # ends in a trial of one thread
    assert torch.get_num_threads() == 2
