"""The main job: from data to a forecast that was judged against honest baselines, within a given time.

Dimension key: S series, H horizon, C channels, Q levels.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from forecast.automatic.candidates import BASELINES, NETWORKS, REFERENCE, check_settings
from forecast.automatic.clock import Clock
from forecast.automatic.folds import Folds, choose_folds
from forecast.automatic.selection import Selection, select
from forecast.automatic.watcher import Watcher
from forecast.datasets.checks import check_horizon, require_steps
from forecast.datasets.joining import require_future
from forecast.datasets.output import to_frame
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError
from forecast.estimators.base import DEFAULT_LEVELS
from forecast.evaluation.leaderboard import leaderboard
from forecast.folders import written_whole
from forecast.inspection import inspect_panel
from forecast.results_files import FILES, write_results
from forecast.run_result import RunResult
from forecast.sources import open_data
from forecast.verdict import Verdict, judge, unjudged

CELLS_PER_SECOND = 600_000  # written as text
DRAWING_SECONDS = 4.0  # for the picture and the report, on a slow machine


def run(
    data: Any,
    *,
    horizon: int,
    output: str | Path | None = None,
    max_time: float = 120.0,
    folds: int | None = None,
    settings: Mapping[str, Any] | None = None,
    future_data: Any = None,
    force: bool = False,
    watcher: Watcher | None = None,
    began: float | None = None,
    command: str | None = None,
) -> RunResult:
    """Inspect, choose on a backtest (``forecast.automatic``), fit on all rows, forecast, and write it to ``output``.

    data: file, name of a data set, frame, array or panel.  output: folder, refused unless empty (or ``force``); None
    writes nothing.  max_time: seconds for all of it.  folds: of the backtest, from the data when None.
    settings: of the forecasters, by name; each takes those that it has.  began: ``time.perf_counter()`` from which the
    seconds count.  command: how to run it again, for the report.
    Raises ``ConfigError``, ``DataError`` or ``TrainingError``; nothing is written then.
    """
    clock = Clock(began=time.perf_counter() if began is None else began, limit=max_time)
    watcher = watcher or Watcher()
    horizon = check_horizon(horizon)
    if not max_time > 0:
        raise ConfigError(f"max_time={max_time!r} is not above 0", "Give the seconds that it may take.")
    if output is None:
        return _work(data, horizon, clock, folds, dict(settings or {}), future_data, watcher, command)
    with written_whole(Path(output), force=force, names=FILES) as partial:
        result = _work(data, horizon, clock, folds, dict(settings or {}), future_data, watcher, command)
        watcher.stage("report")
        result = write_results(replace(result, folder=Path(output)), partial, clock)
    return replace(result, seconds=clock.elapsed())


def _work(
    data: Any,
    horizon: int,
    clock: Clock,
    folds: int | None,
    settings: dict[str, Any],
    future_data: Any,
    watcher: Watcher,
    command: str | None,
) -> RunResult:
    """Everything but the writing."""
    check_settings(REFERENCE, settings, horizon)
    watcher.stage("reading")
    opened = open_data(data, settings, future_data=future_data, horizon=horizon)
    panel = require_steps(opened.panel, horizon)
    require_future(panel, horizon)
    for name in (*BASELINES, *NETWORKS):
        check_settings(name, settings, horizon)
    inspection = inspect_panel(panel, name=opened.name, season=settings.get("season"))
    chosen = choose_folds(panel, horizon, folds=folds)
    clock = replace(clock, reserve=clock.slowness() * _reserve(panel, horizon, chosen))
    given = {**opened.settings, "season": inspection.season, "horizon": horizon}  # one season for all, found once
    found = select(panel, horizon=horizon, settings=given, clock=clock, watcher=watcher, folds=folds)
    ranking, verdict = _judged(found)
    model = found.model
    watcher.stage("forecast")
    levels = model.levels or ()
    values = model.forecast_windows(panel, np.arange(len(panel)), panel.ends, horizon=horizon, levels=levels)
    return RunResult(
        name=opened.name,
        horizon=horizon,
        verdict=verdict,
        forecast=cast("pd.DataFrame", to_frame(panel, values, levels, horizon=horizon)),
        values=values,
        levels=levels,
        model=model,
        panel=panel,
        inspection=inspection,
        trials=found.trials,
        weights=found.weights,
        why=found.why,
        ranking=ranking,
        settings=given,
        command=command or f"run({opened.name!r}, horizon={horizon}, max_time={clock.limit:g})",
        seconds=clock.elapsed(),
    )


def _reserve(panel: Panel, horizon: int, folds: Folds | None) -> float:
    """Seconds to keep for forecasting and writing, at most half a minute more than the pictures take."""
    windows = len(panel) * (1 + (folds.count if folds else 0))
    cells = windows * horizon * panel.channels * (len(DEFAULT_LEVELS) + 4)
    return DRAWING_SECONDS + min(cells / CELLS_PER_SECOND, 30.0)


def _judged(found: Selection) -> tuple[pd.DataFrame, Verdict]:
    if not found.trials.backtests:
        return pd.DataFrame(), unjudged(found.name)
    ranking = leaderboard(found.trials.backtests)
    return ranking, judge(found.trials.backtests, ranking, winner=found.name)
