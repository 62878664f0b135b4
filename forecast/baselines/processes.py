"""The statistical fits of many series, spread over processes."""

import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack

from forecast.baselines.local import Answer, Task, method_named, solve

STARTUP_SECONDS = 2.0  # what starting worker processes costs; less work than this stays in this process


def solve_all(tasks: Sequence[Task], *, workers: int) -> list[Answer]:
    """The answers to the tasks, in order; in this process while little is left to do, else over worker processes.

    Series of similar length are solved together.  joblib's loky processes start from scratch, not as copies of this
    one: locks and threads that torch holds cannot hang them, a script needs no ``__main__`` guard, and each keeps to
    one thread.  They stay for later calls.
    """
    import joblib  # type: ignore[import-untyped]
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    if not tasks:
        return []
    groups = _groups(tasks)
    found: list[list[Answer]] = []
    total, done = sum(len(task.values) for task in tasks), 0
    began = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))  # matrices this small are slower on many threads
        while len(found) < len(groups):
            spent = time.perf_counter() - began
            if workers > 1 and done and spent * (total / done - 1) > STARTUP_SECONDS and len(groups) - len(found) > 1:
                break
            group = groups[len(found)]
            found.append(solve([tasks[place] for place in group]))
            done += sum(len(tasks[place].values) for place in group)
    rest = groups[len(found) :]
    if rest:
        with warnings.catch_warnings(), joblib.parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
            warnings.simplefilter("ignore")  # a worker that was replaced; its tasks are done all the same
            found += joblib.Parallel()(joblib.delayed(solve)([tasks[place] for place in group]) for group in rest)
    places = [place for group in groups for place in group]
    answers = dict(zip(places, (answer for answers in found for answer in answers), strict=True))
    return [answers[place] for place in range(len(tasks))]


def _groups(tasks: Sequence[Task]) -> list[list[int]]:
    """Tasks that are solved together, by place: short series first, as many as a method takes at a time."""
    most = method_named(tasks[0].method).values_at_a_time
    groups: list[list[int]] = [[]]
    held = 0
    for place in sorted(range(len(tasks)), key=lambda place: len(tasks[place].values)):
        held += len(tasks[place].values)
        if groups[-1] and held > most:
            groups.append([])
            held = len(tasks[place].values)
        groups[-1].append(place)
    return groups
