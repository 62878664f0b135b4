"""What a run found: its parts as they are, and the same as tables and plain values that files, report and console show.

Dimension key: S series, H horizon, C channels, Q levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast.automatic.candidates import REFERENCE, kind_of
from forecast.automatic.trials import Trials
from forecast.datasets.arrays import Floats
from forecast.datasets.fingerprint import fingerprint
from forecast.datasets.panel import Panel
from forecast.evaluation.results import Backtest, joined_frame
from forecast.inspection import Inspection
from forecast.plain import round_or_none, rounded
from forecast.verdict import Verdict
from forecast.versions import installed_versions

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster

MOST_ROWS = 100_000  # of backtest.csv; beyond, it holds the winner and seasonal naive only
EXTRA = "pip install 'seqcast[report]'"


@dataclass(frozen=True, kw_only=True, eq=False)
class RunResult:
    """What a run found.

    forecast: long frame: id, time, forecast, q0.05 ….  values: the same as (S, H, C, 1 + Q).  model: the winner, fitted
    on all rows.  weights: of its members.  why: how the choice came to it.  trials: all backtests.  ranking: their
    leaderboard.  seconds: of the whole run.
    folder: where everything was written.  missing: outputs that need an extra, and which.
    """

    name: str
    horizon: int
    verdict: Verdict
    forecast: pd.DataFrame
    values: Floats
    levels: tuple[float, ...]
    model: "Forecaster"
    panel: Panel
    inspection: Inspection
    trials: Trials
    weights: Mapping[str, float]
    why: tuple[str, ...]
    ranking: pd.DataFrame
    settings: dict[str, Any]
    command: str
    seconds: float = 0.0
    folder: Path | None = None
    missing: tuple[str, ...] = ()

    @property
    def winner(self) -> str:
        """Name of the forecaster that won."""
        return self.verdict.winner


def metrics(result: RunResult) -> dict[str, Any]:
    """Everything measured, as plain values."""
    trials = result.trials
    return {
        "data": result.name,
        "horizon": result.horizon,
        "winner": result.winner,
        "verdict": list(result.verdict.sentences),
        "beats_seasonal_naive": result.verdict.beaten,
        "gain_over_seasonal_naive": round_or_none(result.verdict.gain),
        "backtest": {"folds": trials.folds.count, "horizon": trials.folds.horizon},
        "leaderboard": leaderboard_rows(result),
        "weights": rounded(dict(result.weights)),
        "why": list(result.why),
        "left_out": trials.left_out,
        "models": {name: measures(backtest) for name, backtest in trials.backtests.items()},
        "series_without_folds": list(_left_out_series(result)),
        "inspection": result.inspection.to_json(),
        "resolved": rounded(resolved_settings(result.model)),
        "missing_outputs": {name: EXTRA for name in result.missing},
        "command": result.command,
        "seconds": round(result.seconds, 1),
        "versions": versions(result),
    }


def leaderboard_rows(result: RunResult) -> list[dict[str, Any]]:
    """The ranking, best first, as plain values."""
    rows: list[dict[str, Any]] = []
    for name, row in result.ranking.iterrows():
        figures = {str(key): rounded(value) for key, value in row.items()}
        rows.append({"name": str(name), "family": kind_of(str(name)), **figures})
    return rows


def measures(backtest: Backtest) -> dict[str, Any]:
    """What a backtest measured, as plain values, with MASE by step and by fold."""
    summary = backtest.summary()
    for by in ("step", "fold"):
        table = backtest.metrics(by)
        summary[f"mase_by_{by}"] = [round_or_none(value) for value in table["mase"].tolist()]
    return summary


def backtest_frame(result: RunResult) -> pd.DataFrame:
    """Forecasts of the backtest beside what came, with the forecaster's name in front; the winner first."""
    backtests = result.trials.backtests
    if not backtests:
        return pd.DataFrame(columns=["model", "fold", "origin", "actual", "forecast"])
    rows = sum(b.actual.size for b in backtests.values())
    wanted = list(result.ranking.index)
    if rows > MOST_ROWS:
        wanted = [name for name in wanted if name in (result.winner, REFERENCE)]
    return joined_frame({name: backtests[name] for name in wanted})


def series_errors(result: RunResult) -> Floats:
    """(S,) MASE of the winner by series, NaN where the backtest could not compute it."""
    backtest = result.trials.backtests.get(result.winner)
    errors = np.full(len(result.panel), np.nan)
    if backtest is not None:
        place = result.panel.ids.get_indexer(backtest.panel.ids)
        errors[place] = backtest.metrics("series")["mase"].to_numpy()
    return errors


def errors_by(result: RunResult, by: str) -> dict[str, Floats]:
    """MASE by horizon step or fold of every forecaster: the winner, its yardstick, then the others by rank."""
    names = [result.winner, REFERENCE, *result.ranking.index]
    found = {name: result.trials.backtests[name] for name in dict.fromkeys(names) if name in result.trials.backtests}
    return {name: backtest.metrics(by)["mase"].to_numpy() for name, backtest in found.items()}  # type: ignore[call-overload]


def resolved_settings(model: "Forecaster") -> dict[str, Any]:
    """The settings of a fitted forecaster as they were resolved, and what its training came to."""
    hidden = ("notes", "history", "series")
    params = {name: value for name, value in model.get_params().items() if value not in (None, ())}
    return {**params, **{key: value for key, value in model.report_.items() if key not in hidden}}


def versions(result: RunResult) -> dict[str, Any]:
    """What the figures depend on."""
    return {**installed_versions(), "seed": result.model.seed, "data fingerprint": fingerprint(result.panel)}


def _left_out_series(result: RunResult) -> tuple[str, ...]:
    backtest = result.trials.backtests.get(result.winner)
    return backtest.left_out if backtest is not None else ()
