"""What the report of a run says: the run's results put into words and tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecast.calibration_plots import shown_intervals
from forecast.curves import Curve, local_times, short
from forecast.evaluation.results import Backtest
from forecast.evaluation.sums import intervals
from forecast.report import Lines, Report, Share
from forecast.run_result import RunResult, errors_by, leaderboard_rows, resolved_settings, versions

COLUMNS = {
    "name": "forecaster",
    "family": "kind",
    "mase": "MASE",
    "relative_mase": "of seasonal naive",
    "rank": "mean rank",
    "against_reference": "than seasonal naive",
    "p_reference": "p",
    "first_is": "the first is",
    "wql": "WQL",
    "rmsse": "RMSSE",
    "mae": "MAE",
    "smape": "sMAPE",
    "bias": "bias",
    "fit_seconds": "fit, s",
    "predict_seconds": "forecast, s",
}


def report_of(result: RunResult, curves: Sequence[Curve], *, title: str) -> Report:
    """The report of a run that shows ``curves``."""
    backtest = result.trials.backtests.get(result.winner)
    return Report(
        title=title,
        subtitle=_subtitle(result),
        verdict=result.verdict.sentences,
        warn=not result.verdict.beaten,
        winner=result.winner,
        curves=tuple(curves),
        series=len(result.panel) * result.panel.channels,
        leaderboard=tuple(_leaderboard(result)),
        left_out=tuple(f"{name}: {why}" for name, why in result.trials.left_out.items()),
        steps=Lines(values=errors_by(result, "step")),
        folds=Lines(values=errors_by(result, "fold"), places=_origins(backtest)),
        coverage=tuple(_coverage(backtest)),
        levels=_levels(backtest),
        held=_held(backtest),
        facts=facts(result),
        notes=tuple(note_lines(result)),
        settings=resolved_settings(result.model),
        command=result.command,
        versions=versions(result),
    )


def facts(result: RunResult) -> dict[str, Any]:
    """What was read and how it was tested, line by line; long lists of columns are cut."""
    seen = result.inspection.facts()
    lists = {role: value for role, value in seen.items() if isinstance(value, list) and role != "cycles"}
    listed = {role: short(", ".join(map(str, value)), 400) for role, value in lists.items()}
    return {**seen, **listed, "backtest": _backtest_fact(result)}


def note_lines(result: RunResult) -> list[str]:
    """What was found and repaired, and what calls for caution."""
    lines = []
    for note in result.panel.notes:
        named = f" ({', '.join(short(name, 40) for name in note.series[:5])}{' …' if len(note.series) > 5 else ''})"
        lines.append(note.message + (named if note.series and len(result.panel) > 1 else ""))
    lines += result.inspection.problems
    lines += _choice_lines(result)
    if result.trials.folds.count and result.trials.folds.horizon < result.horizon:
        judged = result.trials.folds.horizon
        lines.append(f"no fold of {result.horizon} steps fits: the backtest judged forecasts of {judged} steps")
    return lines


def _choice_lines(result: RunResult) -> list[str]:
    """How the choice came about, and of what a combination is made."""
    parts = [f"{share:.0%} {label}" for label, share in result.weights.items()]
    return [*result.why, *([f"{result.winner}: {' + '.join(parts)}"] if len(parts) > 1 else [])]


def _subtitle(result: RunResult) -> str:
    seen = result.inspection
    count = "one series" if seen.series == 1 else f"{seen.series:,} series"
    return f"{count}, frequency {seen.frequency}, {seen.first} to {seen.last}"


def _backtest_fact(result: RunResult) -> str:
    folds = result.trials.folds
    if not folds.count:
        return "none: the data are too short"
    return f"{folds.count} {'fold' if folds.count == 1 else 'folds'} of {folds.horizon} steps at the end of each series"


def _leaderboard(result: RunResult) -> list[dict[str, Any]]:
    rows = leaderboard_rows(result)
    shown = [column for column in COLUMNS if rows and column in rows[0]]
    covered = [column for column in (rows[0] if rows else {}) if column.startswith("coverage_")]
    table = []
    for row in rows:
        cells = {COLUMNS[column]: row[column] for column in shown}
        for column in covered:
            held = row[column]
            cells[f"held by {column.removeprefix('coverage_')} % interval"] = "–" if held is None else f"{held:.1%}"
        table.append(cells)
    return table


def _origins(backtest: Backtest | None) -> tuple[Any, ...]:
    """The time of each fold's origin where all series share it, else the fold's number."""
    if backtest is None:
        return ()
    steps = backtest.panel.starts[backtest.series] + backtest.ends - 1
    per_fold = [np.unique(steps[backtest.fold == fold]) for fold in range(backtest.folds)]
    if any(len(found) != 1 for found in per_fold):
        return tuple(range(1, backtest.folds + 1))
    return tuple(local_times(backtest.panel.timeline.times(np.concatenate(per_fold))))


def _coverage(backtest: Backtest | None) -> list[dict[str, Any]]:
    if backtest is None:
        return []
    overall = backtest.metrics()
    return [
        {
            "interval": f"{mass} %",
            "held": f"{overall[f'coverage_{mass}']:.1%}",
            "mean width": overall[f"width_{mass}"],
        }
        for mass in intervals(backtest.levels)
    ]


def _levels(backtest: Backtest | None) -> Share | None:
    if backtest is None or not backtest.levels:
        return None
    table = backtest.calibration()
    return _share("", table.assign(nominal=table.index))


def _held(backtest: Backtest | None) -> tuple[Share, ...]:
    if backtest is None or not intervals(backtest.levels):
        return ()
    table = backtest.coverage_by_step()
    names = table.index.get_level_values("interval")
    return tuple(_share(f"{name} % interval", table[names == name]) for name in shown_intervals(list(names.unique())))


def _share(name: str, table: pd.DataFrame) -> Share:
    values = {column: table[column].to_numpy(np.float64) for column in ("nominal", "observed", "low", "high")}
    return Share(name=name, **values)
