"""Trials run side by side in processes of one machine, and by the same command on any number of machines.

A worker is a fresh process that is sent the objective once, opens the study by itself and claims one trial after
another; only the numbers of finished trials come back through its pipe, the rest through the storage.  The other pipe
tells it to stop: by being closed, as it also is when the command dies.  So no worker outlives its command.
"""

import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from forecast.cores import cores
from forecast.errors import ConfigError, ResourceError
from forecast.tuning.beats import Watch, is_of
from forecast.tuning.faults import explained, quiet
from forecast.tuning.interrupts import Stop, Stopped
from forecast.tuning.processes import Job, Worker, packed, wait_for
from forecast.tuning.study import OpenStudy, begun, finished, give_back, running
from forecast.tuning.work import Objective, work

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

LOOKS = 2.0  # seconds between two looks at what other commands do
FAREWELL = 10.0  # seconds that workers have to give their trials back
CRASHES = 3  # workers lost in a row, for each that may run, before a machine is given up
TIME_IS_UP = "the time was up"


def share_cores(jobs: int) -> tuple[int, int]:
    """Workers and threads of each: never more than there are cores, so that workers do not wait for one another."""
    jobs = max(1, min(jobs, cores()))
    return jobs, max(1, cores() // jobs)


def run_trials(
    opened: OpenStudy,
    objective: Objective,
    *,
    trials: int | None = None,
    jobs: int = 1,
    timeout: float | None = None,
    on_trial: "Callable[[FrozenTrial], None] | None" = None,
    on_remark: Callable[[str], None] | None = None,
) -> tuple[str, ...]:
    """Run trials until ``trials`` of the study have come to an end, those of other commands and of before included.

    objective: called with an Optuna trial; picklable where ``jobs`` > 1.  With one job trials run in this process.
    timeout: seconds after which a running trial is interrupted and queued for the next time.  on_trial: is called with
    every trial that ends meanwhile, by whomever it was run.  on_remark: with what else is worth telling; all remarks
    are returned.
    Raises ``ConfigError`` for wrong arguments and where the storage gives out, ``ResourceError`` where worker after
    worker is lost, and ``KeyboardInterrupt`` on Ctrl-C; what is finished is kept, and the same call goes on from there.
    """
    shares = _checked(opened, trials, jobs, timeout)
    before = {trial.number for trial in finished(opened.trials())}
    told = _Told(opened=opened, on_trial=on_trial, on_remark=on_remark, seen=before)
    if shares[0] < jobs:
        told.remark(
            f"{shares[0]} {'workers' if shares[0] > 1 else 'worker'} instead of {jobs}: there are no more cores"
        )
    began = time.monotonic()
    stop = Stop()
    with explained(opened.address), quiet(), stop, stop.after(timeout, TIME_IS_UP):
        if shares[0] == 1:
            _alone(opened, objective, trials, stop, told)
        else:
            _Crew(opened, objective, trials, shares, stop, told).run()
    if stop.why and stop.why != TIME_IS_UP:
        raise KeyboardInterrupt
    if stop.why:
        told.remark(f"stopped after {time.monotonic() - began:.0f} s")
    return tuple(told.remarks)


def check_counts(trials: int | None, jobs: int, timeout: float | None) -> None:
    """``ConfigError`` for numbers that make no sense, before anything is opened."""
    for name, count in (("trials", trials), ("jobs", jobs)):
        if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
            raise ConfigError(f"{name}={count!r} is not a whole number of at least 1", "Give a count.")
    if timeout is not None and not timeout > 0:
        raise ConfigError(f"timeout={timeout!r} is not above 0", "Give seconds.")


def _checked(opened: OpenStudy, trials: int | None, jobs: int, timeout: float | None) -> tuple[int, int]:
    """Workers and threads of each, at most as many as there are cores; ``ConfigError`` for wrong arguments."""
    check_counts(trials, jobs, timeout)
    if trials is None and timeout is None:
        raise ConfigError("neither a number of trials nor a time is given", "Give trials (--trials) or a timeout.")
    if jobs > 1 and opened.address is None:
        raise ConfigError("workers cannot share a study in memory", "Name a storage, or run one job.")
    if jobs > 1 and os.name == "nt":
        cause = "several workers of one command need another system than Windows"
        raise ConfigError(cause, "Start the command several times with one storage: they share the trials.")
    return share_cores(jobs)


@dataclass(kw_only=True)
class _Told:
    """What the caller is told: each trial that ends once, and remarks."""

    opened: OpenStudy
    on_trial: "Callable[[FrozenTrial], None] | None"
    on_remark: Callable[[str], None] | None
    remarks: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def look(self) -> "tuple[FrozenTrial, ...]":
        """The trials as they are, after those that are newly over were told."""
        trials = self.opened.trials()
        for trial in finished(trials):
            if trial.number not in self.seen:
                self.seen.add(trial.number)
                if self.on_trial is not None:
                    self.on_trial(trial)
        return trials

    def remark(self, text: str) -> None:
        self.remarks.append(text)
        if self.on_remark is not None:
            self.on_remark(text)


class _Others:
    """Looks after trials that are marked as running and are not this command's."""

    def __init__(self, told: _Told) -> None:
        self.told, self.watch, self.waits = told, Watch(), False

    def look(self, own: Collection[int] = ()) -> "tuple[FrozenTrial, ...]":
        """The trials as they are, after those that have lost their worker were given back.

        own: numbers of processes whose end is noticed in another way.
        """
        trials = self.told.look()
        theirs = [trial for trial in running(trials) if not any(is_of(trial, process) for process in own)]
        for trial in self.watch.lost(theirs):
            if give_back(self.told.opened, trial.number, "its worker was lost", lost=True):
                self.told.remark(f"trial {trial.number} had lost its worker and is queued again")
                trials = self.told.look()
        return trials

    def wait(self, trials: "Iterable[FrozenTrial]", stop: Stop) -> None:
        """Wait a little for trials of other commands."""
        count = len(running(trials))
        if not self.waits:
            self.told.remark(f"waiting for {count} {'trials' if count > 1 else 'trial'} that other commands run")
            self.waits = True
        with suppress(Stopped), stop.interruptible():
            time.sleep(LOOKS)


def _alone(opened: OpenStudy, objective: Objective, total: int | None, stop: Stop, told: _Told) -> None:
    """Run the trials in this process."""
    others = _Others(told)
    while not stop.why:
        others.look()
        work(opened, objective, total=total, stop=stop, told=lambda _: others.look())
        trials = others.look()
        if stop.why or _is_over(trials, total):
            return
        if running(trials) and total is not None and begun(trials) >= total:
            others.wait(trials, stop)


def _is_over(trials: "Iterable[FrozenTrial]", total: int | None) -> bool:
    return total is not None and len(finished(trials)) >= total


class _Crew:
    """Worker processes at work on one study."""

    def __init__(
        self,
        opened: OpenStudy,
        objective: Objective,
        total: int | None,
        shares: tuple[int, int],
        stop: Stop,
        told: _Told,
    ) -> None:
        self.opened, self.total, self.stop, self.told = opened, total, stop, told
        self.jobs, self.threads = shares
        self.others = _Others(told)
        self.workers: list[Worker] = []
        self.started, self.crashes, self.over = 0, 0, 0
        self.job = packed(
            Job(
                address=str(opened.address),
                name=opened.name,
                objective=objective,
                sampler_for=opened.sampler_for,
                seed=opened.seed,
                pruner=opened.study.pruner,
                total=total,
            )
        )

    def run(self) -> None:
        """Keep workers at work until all trials are over or it is time to stop; none is left at the end."""
        try:
            with suppress(Stopped):
                while not self.stop.why and not _is_over(self._look(), self.total):
                    self._fill()
                    if not self.workers:
                        self.others.wait(self.opened.trials(), self.stop)
                        continue
                    with self.stop.interruptible():
                        heard = wait_for(self.workers, LOOKS)
                    for worker in heard:
                        if not worker.heard():
                            self._ended(worker)
        finally:
            self._dismiss()

    def _look(self) -> "tuple[FrozenTrial, ...]":
        return self.others.look([worker.process.pid for worker in self.workers])

    def _fill(self) -> None:
        """Start workers for what is left to begin."""
        trials = self.opened.trials()
        left = self.jobs if self.total is None else self.total - begun(trials)
        for _ in range(min(self.jobs - len(self.workers), left)):
            self.started += 1
            self.workers.append(Worker(self.started, self.job, jobs=self.jobs, threads=self.threads))

    def _ended(self, worker: Worker) -> None:
        """A worker has ended: because all is begun, or against its will, and then its trial is given back."""
        self.workers.remove(worker)
        code = worker.bury()
        words = worker.last_words()
        if code == 0:
            return
        if worker.fault:
            kind = ConfigError if worker.fault["kind"] == "config" else ResourceError
            raise kind(worker.fault["cause"], worker.fault["remedy"])
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {words or code}"
        numbers = self._give_back(worker, f"its worker {how}", lost=True)
        where = f" in trial {numbers[0]}" if numbers else ""
        self.told.remark(f"worker {worker.number} {how}{where}")
        over = len(self.told.seen)
        self.crashes, self.over = (1 if over > self.over else self.crashes + 1), over
        if self.crashes > CRASHES * self.jobs:
            raise ResourceError(
                f"{self.crashes} workers in a row were lost; the last {how}",
                "Where memory is short, run fewer jobs; what is finished is kept, and the command goes on from there.",
            )

    def _give_back(self, worker: Worker, why: str, *, lost: bool) -> list[int]:
        """The trials of a worker that is gone, which wait in the queue again."""
        own = [t.number for t in running(self.opened.trials()) if is_of(t, worker.process.pid)]
        return [number for number in own if give_back(self.opened, number, why, lost=lost)]

    def _dismiss(self) -> None:
        """Have all workers end; one that does not hear is killed."""
        for worker in self.workers:
            worker.stop()
        until = time.monotonic() + FAREWELL
        for worker in self.workers:
            code = worker.bury(max(until - time.monotonic(), 0.0))
            worker.last_words()
            if code:
                self._give_back(worker, "interrupted", lost=False)
        self.workers.clear()
        self.told.look()
