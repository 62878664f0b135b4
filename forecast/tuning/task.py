"""The task of a search: which forecasters, on which data and folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from forecast.datasets.checks import check_horizon, observed_steps, require_steps
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles
from forecast.datasets.seasons import detect_season
from forecast.errors import ConfigError
from forecast.estimators.base import DEFAULT_LEVELS, Forecaster
from forecast.estimators.settings import check_values
from forecast.evaluation.origins import fold_origins, require_folds
from forecast.evaluation.plan import Plan
from forecast.presets import create, name_of
from forecast.sources import open_data
from forecast.tuning.objectives import check_objectives
from forecast.tuning.space import names_of

SHARE = 0.25  # of the usual series that the folds may take
MOST_FOLDS = 50
WINDOWS = 150  # of all series together, beyond which three folds are enough

Settings = dict[str, dict[str, Any]]  # by name of the forecaster
Models = str | Forecaster | Sequence[str] | Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be forecast.  known: the panel before the first origins, which decides what open settings become."""

    panel: Panel
    known: Panel
    horizon: int
    folds: int
    step: int
    season: int


def models_of(forecaster: Models, *, horizon: int | None, seed: int) -> dict[str, dict[str, Any]]:
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


def open_models(data: Any, models: Settings, future_data: Any) -> tuple[Panel, Settings]:
    """The data as the first forecaster's roles read them, and all settings with the roles that a data set brings."""
    if not models:
        raise ConfigError("no forecaster is named", "Name at least one, such as lstm.")
    first = next(iter(models.values()))
    opened = open_data(data, first, future_data=future_data, horizon=first["horizon"])
    roles = {f.name: opened.settings[f.name] for f in fields(Roles) if f.name in opened.settings}
    return opened.panel, {name: {**roles, **settings} for name, settings in models.items()}


def task_of(
    panel: Panel,
    models: Mapping[str, Mapping[str, Any]],
    objectives: Sequence[str],
    *,
    folds: int | None,
    step: int | None,
    refit: bool | int,
) -> Task:
    """The task for a panel; ``ConfigError`` and ``DataError`` for what does not fit it, saying how many folds would."""
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
    used = np.unique(origins.series)
    known = (panel if len(used) == len(panel) else panel.select(used)).cut(origins.first[used])
    seasons = [settings["season"] for settings in models.values() if settings.get("season")]
    season = seasons[0] if seasons else detect_season(known)
    return Task(panel=panel, known=known, horizon=horizon, folds=count, step=apart, season=season)


def usual_folds(panel: Panel, horizon: int) -> int:
    """As many folds as a quarter of the usual series holds, up to 50; fewer where there are many series."""
    observed = observed_steps(panel)
    able = observed[observed >= 3 * horizon + 1]
    if not len(able):
        return 1  # the backtest says what does not fit
    fitting = (int(observed.max()) - 2 * horizon - 1) // horizon
    most = int(np.clip(WINDOWS // len(panel), 3, MOST_FOLDS))
    return max(1, min(int(np.median(able) * SHARE / horizon), most, fitting))
