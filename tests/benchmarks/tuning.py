"""What a study costs beside the work of its trials, and what workers are worth.

    python tests/benchmarks/tuning.py              # two workers on SQLite, trials of 5 s with 20 reports: 2 minutes
    python tests/benchmarks/tuning.py journal:     # the same on a journal file, or at a database URL
    python tests/benchmarks/tuning.py workers      # trials a minute of 2 workers, of 1 with two threads, of 1 with one

Overhead is the time that a worker spends between pieces of work (asking, drawing ten settings, reporting, asking
whether to prune, telling), as a share of the time that the pieces take in the same run, so that a busy machine slows
both; where others use the cores, too, the share of processor time is the better figure.  What the command itself takes
of the processors meanwhile, and starting and ending, are printed beside it.
"""

import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))  # workers import this module, too

TRIALS, SECONDS, REPORTS, SETTINGS = 24, 5.0, 20, 10
FITS, STEPS = 6, 100  # of the comparison of workers


class Work:
    """A trial of so many seconds of a processor in ``REPORTS`` pieces; notes when it began and ended, and the work."""

    def __init__(self, log: Path, seconds: float = SECONDS) -> None:
        self.log, self.seconds = log, seconds

    def __call__(self, trial: Any) -> float:
        began, cpu, worked, used = time.time(), time.process_time(), 0.0, 0.0
        x = sum(trial.suggest_float(f"x{n}", 0.0, 1.0) for n in range(SETTINGS))
        for step in range(1, REPORTS + 1):
            before, spent = time.perf_counter(), time.process_time()
            while time.process_time() - spent < self.seconds / REPORTS:
                np.linalg.norm(np.ones(4096))
            worked += time.perf_counter() - before
            used += time.process_time() - spent
            trial.report(x + 1 / step, step)
            trial.should_prune()
        self.note(began, time.time(), worked, cpu, used)
        return float(x)

    def note(self, *times: float) -> None:
        """A line for each trial: process, begin, end, work."""
        with open(self.log, "a") as file:
            file.write(" ".join(map(str, (os.getpid(), *times))) + "\n")


class Fit(Work):
    """A trial that trains a small network, with its own number of threads or the worker's share."""

    def __init__(self, log: Path, threads: int | None) -> None:
        super().__init__(log)
        self.threads = threads

    def __call__(self, trial: Any) -> float:
        from forecast import LSTMForecaster

        began, values = time.time(), np.sin(np.arange(4000) * 2 * np.pi / 24) + 0.1
        size = trial.suggest_int("hidden_size", 64, 64)
        settings = {"horizon": 24, "hidden_size": size, "batch_size": 64, "threads": self.threads}
        LSTMForecaster(max_steps=STEPS, **settings).fit(values)
        self.note(began, time.time())
        return float(trial.number)


def sampler(*, seed: int) -> Any:
    """The usual one, which learns from the eighth trial on."""
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, n_startup_trials=8)


def run(objective: Work, address: str, *, trials: int, jobs: int) -> tuple[float, float, dict[str, np.ndarray]]:
    """Run the trials; when that began and ended, and the times noted by each process, in order."""
    from optuna.pruners import MedianPruner

    from forecast.tuning.study import open_study
    from forecast.tuning.workers import run_trials

    pruner = MedianPruner(n_startup_trials=4, n_warmup_steps=REPORTS)
    opened = open_study(address, f"benchmark-{time.time_ns()}", identity={}, sampler_for=sampler, pruner=pruner)
    began = time.time()
    run_trials(opened, objective, trials=trials, jobs=jobs)
    ended, noted = time.time(), defaultdict(list)
    for line in objective.log.read_text().splitlines():
        process, *times = line.split()
        noted[process].append([float(one) for one in times])
    return began, ended, {process: np.array(times) for process, times in noted.items()}


def overhead(kind: str) -> None:
    """Print what the study costs with two workers."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"journal:{folder}/study.log" if kind == "journal:" else kind or f"{folder}/study.db"
        cpu = time.process_time()
        began, ended, noted = run(Work(Path(folder) / "log"), address, trials=TRIALS, jobs=2)
        cpu = time.process_time() - cpu
    cycles = np.concatenate([np.diff(times[:, 0]) for times in noted.values()])
    work = np.concatenate([times[:-1, 2] for times in noted.values()])
    taken = np.concatenate([np.diff(times[:, 3]) for times in noted.values()])
    used = np.concatenate([times[:-1, 4] for times in noted.values()])
    first, last = min(times[0, 0] for times in noted.values()), max(times[-1, 1] for times in noted.values())
    print(f"{len(noted)} workers, {TRIALS} trials of {work.mean():.2f} s, load {os.getloadavg()[0]:.1f}")
    print(f"between the pieces of work    {1e3 * (cycles - work).mean():7.0f} ms a trial, {work.size} trials")
    print(f"overhead                      {100 * (cycles.sum() / work.sum() - 1):7.2f} % of the clock")
    print(f"                              {100 * (taken.sum() / used.sum() - 1):7.2f} % of the processors")
    print(f"the command itself            {100 * cpu / (2 * (last - first)):7.2f} % of two cores")
    print(f"until the first trial         {first - began:7.2f} s, after the last {ended - last:.2f} s")


def workers() -> None:
    """Print trials a minute, without starting and ending, twice in turns."""
    cases = {"2 workers, 1 thread each": (2, None), "1 worker, 2 threads": (1, 2), "1 worker, 1 thread": (1, 1)}
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(2):
        for name, (jobs, threads) in cases.items():
            with tempfile.TemporaryDirectory() as folder:
                _, _, noted = run(Fit(Path(folder) / "log", threads), f"{folder}/study.db", trials=FITS, jobs=jobs)
            spans = [(len(times) - 1, times[-1, 0] - times[0, 0]) for times in noted.values()]
            rates[name].append(sum(60 * count / span for count, span in spans if count))
            print(f"{name:26}{rates[name][-1]:7.1f} trials a minute, load {os.getloadavg()[0]:.1f}", flush=True)
    both, wide, single = (np.mean(found) for found in rates.values())
    print(f"2 × 1 against 1 × 2: {both / wide:.2f}; against 1 × 1: {both / single:.2f}")


if __name__ == "__main__":
    import tuning  # this file by a name that workers can import

    given = sys.argv[1] if len(sys.argv) > 1 else ""
    tuning.workers() if given == "workers" else tuning.overhead(given)
