"""The search for good settings, from data to a fitted forecaster."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.datasets.checks import check_horizon, observed_steps, require_steps
from forecast.datasets.fingerprint import fingerprint
from forecast.datasets.panel import Panel
from forecast.datasets.seasons import detect_season
from forecast.errors import ConfigError
from forecast.estimators.base import DEFAULT_LEVELS, Forecaster
from forecast.estimators.settings import check_values
from forecast.evaluation.origins import fold_origins, require_folds
from forecast.evaluation.plan import Plan
from forecast.folders import made_folder
from forecast.presets import create, forecaster_class, name_of
from forecast.sources import open_data
from forecast.tuning.files import STUDY, require_ours, write_found, write_trials
from forecast.tuning.objective import Objective, is_trained
from forecast.tuning.objectives import check_objectives
from forecast.tuning.result import Trial as Trial
from forecast.tuning.result import TuneResult, best_of, importances_of, read_trial
from forecast.tuning.samplers import check_names, make_pruner, make_sampler, require_alike
from forecast.tuning.space import Space, make_space, names_of
from forecast.tuning.study import OpenStudy, finished, open_study
from forecast.tuning.workers import run_trials

if TYPE_CHECKING:
    from forecast.sources import Opened

TRIALS = 20  # where neither trials nor a time are asked for
SHARE = 0.25  # of the usual series that the folds may take
MOST_FOLDS = 50
WINDOWS = 150  # of all series together, beyond which three folds are enough
FORMAT = 1  # of the identity of studies

Models = str | Forecaster | Sequence[str] | Mapping[str, Mapping[str, Any]]


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
    on_trial: Callable[[Trial], None] | None = None,
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
    on_trial: is called with each trial that ends.  output: folder for best.toml, trials.csv, pictures, model and, by
    default, the study; that of an unfinished search goes on.  fit: fit the best settings on all rows in the end.

    The first trial has the default settings, so that the result is never worse on the folds than they are.
    Raises ``ConfigError`` and ``DataError`` before anything is tried, ``ForecastError`` where all trials failed, and
    ``KeyboardInterrupt`` on Ctrl-C; trials that are finished are kept in every case.
    """
    began = time.perf_counter()
    names = tuple(objectives) if not isinstance(objectives, str) else names_of(objectives)
    chosen_pruner = pruner or ("median" if len(names) == 1 else "none")
    check_names(sampler, chosen_pruner, objectives=len(names))
    chosen = _models(forecaster, horizon=horizon, seed=seed)
    require_alike(chosen_pruner, {name: is_trained(forecaster_class(name)) for name in chosen})
    opened, chosen = _open(data, chosen, future_data)
    task = _task(opened.panel, chosen, names, folds=folds, step=step, refit=refit)
    ranges = make_space(chosen, task.known, space)
    objective = Objective(
        data=task.panel,
        space=ranges.gridded() if sampler == "grid" else ranges,
        horizon=task.horizon,
        folds=task.folds,
        step=task.step,
        season=task.season,
        refit=refit,
        objectives=names,
        by_fold=chosen_pruner == "wilcoxon",
    )
    folder = None if output is None else Path(output)
    with _place(folder, storage, jobs, force=force) as (address, own):
        found = open_study(
            address,
            study or ("tune" if own else None),
            identity=_identity(objective, task),
            directions=("minimize",) * len(names),
            pruner=make_pruner(chosen_pruner, folds=task.folds),
        )
        if folder is not None:
            require_ours(folder, resumed=found.resumed, force=force)
        _begin(found, objective.space, sampler, seed)
        remarks = run_trials(
            found,
            objective,
            trials=TRIALS if trials is None and timeout is None else trials,
            jobs=jobs,
            timeout=timeout,
            on_trial=None if on_trial is None else lambda frozen: on_trial(read_trial(frozen, objective.space)),
            on_remark=on_remark,
        )
        result = _result(found, objective, folder, remarks)
    if fit:
        model = create(result.model, **result.settings)
        result = replace(result, forecaster=model.fit(task.panel, refit=True))
    result = replace(result, seconds=time.perf_counter() - began)
    return result if folder is None else write_found(result, folder, future_data=future_data)


# ---------------------------------------------------------------------- the task


@dataclass(frozen=True, kw_only=True)
class _Task:
    """What is to be forecast.  known: the panel before the first origins, which decides what open settings become."""

    panel: Panel
    known: Panel
    horizon: int
    folds: int
    step: int
    season: int


def _models(forecaster: Models, *, horizon: int | None, seed: int) -> dict[str, dict[str, Any]]:
    """The settings that stay, by name of the forecaster; checked as far as they go without data."""
    if isinstance(forecaster, Forecaster):
        name = name_of(forecaster)
        usual = create(name, horizon=forecaster.horizon).get_params()
        given = {key: value for key, value in forecaster.get_params().items() if value != usual[key]}
        models = {name: {"horizon": forecaster.horizon, **given}}
    elif isinstance(forecaster, Mapping):
        models = {name: dict(settings) for name, settings in forecaster.items()}
    else:
        models = {name: {} for name in names_of(forecaster)}
    for name, settings in models.items():
        settings |= {} if horizon is None else {"horizon": check_horizon(horizon)}
        if "horizon" not in settings:
            raise ConfigError("the horizon is missing", "Give horizon (--horizon).")
        settings.setdefault("seed", seed)
        check_values(create(name, **settings))
    return models


def _open(data: Any, models: dict[str, dict[str, Any]], future_data: Any) -> "tuple[Opened, dict[str, dict[str, Any]]]":
    """The data as the first forecaster's roles read them, and all settings with the roles that a data set brings."""
    if not models:
        raise ConfigError("no forecaster is named", "Name at least one, such as lstm.")
    first = next(iter(models.values()))
    opened = open_data(data, first, future_data=future_data, horizon=first["horizon"])
    return opened, {name: {**opened.settings, **settings} for name, settings in models.items()}


def _task(
    panel: Panel,
    models: Mapping[str, Mapping[str, Any]],
    objectives: Sequence[str],
    *,
    folds: int | None,
    step: int | None,
    refit: bool | int,
) -> _Task:
    horizons = {settings["horizon"] for settings in models.values()}
    if len(horizons) > 1:
        raise ConfigError(f"the forecasters have different horizons {sorted(horizons)}", "Give all the same one.")
    (horizon,) = horizons
    for settings in models.values():
        check_objectives(objectives, settings.get("levels", DEFAULT_LEVELS))
    panel = require_steps(panel, horizon)
    count = usual_folds(panel, horizon) if folds is None else folds
    apart = horizon if step is None else step
    Plan(folds=count, step=apart, horizon=horizon, refit=refit).check()
    require_folds(panel, count, horizon=horizon, gap=0, step=apart, train=2 * horizon + 1)
    origins = fold_origins(panel, reach=horizon, folds=count, step=apart)
    known = panel.select(np.unique(origins.series))
    known = known.cut(origins.first[np.unique(origins.series)])
    seasons = [settings["season"] for settings in models.values() if settings.get("season")]
    season = seasons[0] if seasons else detect_season(known)
    return _Task(panel=panel, known=known, horizon=horizon, folds=count, step=apart, season=season)


def usual_folds(panel: Panel, horizon: int) -> int:
    """As many folds as a quarter of the usual series holds, up to 50; fewer where there are many series."""
    observed = observed_steps(panel)
    able = observed[observed >= 3 * horizon + 1]
    if not len(able):
        return 1  # the backtest says what does not fit
    fitting = (int(observed.max()) - 2 * horizon - 1) // horizon
    most = int(np.clip(WINDOWS // len(panel), 3, MOST_FOLDS))
    return max(1, min(int(np.median(able) * SHARE / horizon), most, fitting))


def _identity(objective: Objective, task: _Task) -> dict[str, Any]:
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


# ---------------------------------------------------------------------- the study


@contextmanager
def _place(
    folder: Path | None, storage: str | Path | None, jobs: int, *, force: bool
) -> "Iterator[tuple[str | Path | None, bool]]":
    """Where the study is kept, and whether that is a file of this search alone."""
    if folder is not None:
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


def _begin(found: OpenStudy, space: Space, sampler: str, seed: int) -> None:
    """Queue the default settings of a new study, and seed the sampler so that a later call draws other numbers."""
    done = len(found.trials())
    found.study.sampler = make_sampler(sampler, space, seed=seed + done)
    for start in space.starts() if not done else ():
        found.study.enqueue_trial(start, skip_if_exists=True)


def _result(found: OpenStudy, objective: Objective, folder: Path | None, remarks: Sequence[str]) -> TuneResult:
    trials = tuple(read_trial(frozen, objective.space) for frozen in finished(found.trials()))
    if folder is not None:
        write_trials(trials, objective.objectives, folder)
    best = best_of(trials, kept=str(found.address or "memory"))
    candidate = objective.space.candidates[best.model]
    return TuneResult(
        model=best.model,
        settings={**candidate.settings, **best.settings},
        objectives=objective.objectives,
        best=best,
        trials=trials,
        study=found.name,
        storage=str(found.address or "memory"),
        seconds=0.0,
        importances=importances_of(found.study),
        remarks=tuple(remarks),
        folder=folder,
    )
