"""The search for good settings, from data to a fitted forecaster."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.fingerprint import fingerprint
from forecast.folders import made_folder
from forecast.presets import create, forecaster_class
from forecast.tuning.files import STUDY, require_ours, require_same, write_found, write_trials
from forecast.tuning.objective import Objective, is_trained
from forecast.tuning.result import Trial, TuneResult, best_of, importances_of, read_trial
from forecast.tuning.samplers import check_names, make_pruner, make_sampler, require_alike
from forecast.tuning.shared import share
from forecast.tuning.space import Space, make_space, names_of
from forecast.tuning.study import OpenStudy, finished, open_study
from forecast.tuning.task import Models, Task, models_of, open_models, task_of
from forecast.tuning.workers import check_counts, run_trials

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

TRIALS = 20  # where neither trials nor a time are asked for
FORMAT = 1  # of the identity of studies


def tune(
    forecaster: Models,
    data: Any,
    *,
    horizon: int | None = None,
    trials: int | None = None,
    timeout: float | None = None,
    jobs: int = 1,
    storage: str | Path | None = None,
    study: str | None = None,
    space: Mapping[str, Any] | None = None,
    sampler: str = "tpe",
    pruner: str | None = None,
    folds: int | None = None,
    step: int | None = None,
    refit: bool | int = False,
    objectives: Sequence[str] = ("mase",),
    seed: int = 0,
    future_data: Any = None,
    on_trial: Callable[[Trial, float | None], None] | None = None,
    on_remark: Callable[[str], None] | None = None,
    output: str | Path | None = None,
    force: bool = False,
    fit: bool = True,
) -> TuneResult:
    """Search the settings with which one forecaster, or the best of several, does best on the last folds of the data.

    forecaster: names of the table, an unfitted forecaster, or settings by name; settings that are given stay.
    data, future_data: as in ``fit``.  All of it is used for the search: hold back what the result is to be tested on.
    trials: of the study in all, those of earlier calls included; timeout: seconds; 20 trials where neither is given.
    jobs: workers on this machine.  storage: SQLite file, ``journal:FILE`` or database URL; the same call with the same
    storage elsewhere shares the study, and a later one goes on with it.  study: its name there.
    space: ranges of settings that replace the declared ones, see ``make_space``.
    sampler: tpe, random, grid, cma-es or gp.  pruner: median (the default), successive-halving, hyperband, wilcoxon or
    none; with several objectives Optuna does not prune.
    folds, step, refit: of the backtest; the folds from the size of the data when None.
    objectives: measures of the backtest, latency, size or fit_seconds; several give a front.
    seed: of the search and of the forecasters.  With one job, ``max_steps`` and no ``max_time`` it fixes all trials.
    on_trial: is called with each trial that ends and the best value of the first objective so far.
    output: folder for best.toml, trials.csv, pictures, model and, by default, the study; that of an unfinished search
    goes on.  fit: fit the best settings on all rows in the end.

    The first trial has the default settings (the nearest ones within ranges of your own), so that the result is never
    worse on the folds than they are.
    Raises ``ConfigError`` and ``DataError`` before anything is tried, ``ForecastError`` where all trials failed, and
    ``KeyboardInterrupt`` on Ctrl-C; trials that are finished are kept in every case.
    """
    began = time.perf_counter()
    names = names_of(objectives)
    chosen_pruner = pruner or ("median" if len(names) == 1 else "none")
    check_names(sampler, chosen_pruner, objectives=len(names))
    check_counts(trials, jobs, timeout)
    chosen = models_of(forecaster, horizon=horizon, seed=seed)
    require_alike(chosen_pruner, {name: is_trained(forecaster_class(name)) for name in chosen})
    panel, chosen = open_models(data, chosen, future_data)
    task = task_of(panel, chosen, names, folds=folds, step=step, refit=refit)
    ranges = make_space(chosen, task.known, space)
    objective = Objective(
        data=task.panel,
        space=_searchable(ranges, sampler),
        horizon=task.horizon,
        folds=task.folds,
        step=task.step,
        season=task.season,
        refit=refit,
        objectives=names,
        by_fold=chosen_pruner == "wilcoxon",
    )
    folder = None if output is None else Path(output)
    with ExitStack() as stack:
        address, own = stack.enter_context(_place(folder, storage, jobs, force=force))
        found = open_study(
            address,
            study or ("tune" if own else None),
            identity=_identity(objective, task),
            directions=("minimize",) * len(names),
            sampler_for=partial(make_sampler, sampler, objective.space),
            seed=seed,
            pruner=make_pruner(chosen_pruner, folds=task.folds),
        )
        stack.callback(found.close)
        if folder is not None:
            require_same(folder, resumed=found.resumed, force=force)
        _begin(found, objective.space)
        remarks = run_trials(
            found,
            stack.enter_context(_shared(objective, jobs)),
            trials=_total(trials, timeout, objective.space),
            jobs=jobs,
            timeout=timeout,
            on_trial=None if on_trial is None else lambda frozen: _tell(frozen, found, objective, on_trial),
            on_remark=on_remark,
        )
        result = _result(found, objective, folder, remarks)
    model = create(result.model, **result.settings).fit(task.panel, refit=True) if fit else None
    result = replace(result, forecaster=model, seconds=time.perf_counter() - began)
    return result if folder is None else write_found(result, folder, future_data=future_data)


# ---------------------------------------------------------------------- the study


def _identity(objective: Objective, task: Task) -> dict[str, Any]:
    """What trials must share to be compared."""
    return {
        "format": FORMAT,
        "data": fingerprint(task.panel),
        "horizon": task.horizon,
        "folds": task.folds,
        "step": task.step,
        "season": task.season,
        "refit": objective.refit,
        "objectives": list(objective.objectives),
        "space": objective.space.describe(),
    }


def _searchable(space: Space, sampler: str) -> Space:
    """The space as the sampler takes it; ``ConfigError`` where it takes none of this kind."""
    taken = space.gridded() if sampler == "grid" else space
    make_sampler(sampler, taken, seed=0)
    return taken


def _total(trials: int | None, timeout: float | None, space: Space) -> int | None:
    """How many trials there are to be: no more than there are different ones."""
    wanted = TRIALS if trials is None and timeout is None else trials
    different = space.combinations()
    return wanted if different == inf else min(int(different), wanted or int(different))


@contextmanager
def _place(
    folder: Path | None, storage: str | Path | None, jobs: int, *, force: bool
) -> "Iterator[tuple[str | Path | None, bool]]":
    """Where the study is kept, and whether that is a file of this search alone."""
    if folder is not None:
        require_ours(folder, force=force)
        with made_folder(folder):
            if force:
                for left in folder.glob(f"{STUDY}*"):
                    left.unlink()
            yield (folder / STUDY, True) if storage is None else (storage, False)
    elif storage is None and jobs > 1:
        with tempfile.TemporaryDirectory(prefix="forecast-tune-") as place:
            yield Path(place) / STUDY, True
    else:
        yield storage, storage is None


@contextmanager
def _shared(objective: Objective, jobs: int) -> Iterator[Objective]:
    """The objective as workers get it: they all map one copy of the panel."""
    if jobs == 1:
        yield objective
        return
    with tempfile.TemporaryDirectory(prefix="forecast-panel-") as place:
        yield replace(objective, data=share(objective.panel, Path(place)))


def _begin(found: OpenStudy, space: Space) -> None:
    """Queue the default settings of a new study."""
    for start in space.starts() if not found.resumed else ():
        found.study.enqueue_trial(start, skip_if_exists=True)


def _tell(
    frozen: "FrozenTrial", found: OpenStudy, objective: Objective, listener: Callable[[Trial, float | None], None]
) -> None:
    values = [trial.values[0] for trial in finished(found.trials()) if trial.state.name == "COMPLETE"]
    listener(read_trial(frozen, objective.space), min(values, default=None))


def _result(found: OpenStudy, objective: Objective, folder: Path | None, remarks: Sequence[str]) -> TuneResult:
    trials = tuple(read_trial(frozen, objective.space) for frozen in finished(found.trials()))
    if folder is not None:
        write_trials(trials, objective.objectives, folder)
    best = best_of(trials, kept=found.place)
    candidate = objective.space.candidates[best.model]
    return TuneResult(
        model=best.model,
        settings={**candidate.settings, **best.settings},
        objectives=objective.objectives,
        best=best,
        trials=trials,
        study=found.name,
        storage=found.place,
        seconds=0.0,
        importances=importances_of(found.study, best),
        remarks=tuple(remarks),
        folder=folder,
    )
