"""The files of a run: tables, measures, picture, report and model, written into one folder."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from forecast.automatic.clock import Clock
from forecast.curves import Curve, curve_of, select_series
from forecast.datasets.arrays import Floats
from forecast.evaluation.results import Backtest
from forecast.plots import MOST_PANELS, Bar, Picture, write_png
from forecast.report import MOST_SERIES, write_report
from forecast.report_content import report_of
from forecast.run_result import RunResult, backtest_frame, errors_by, leaderboard_rows, metrics, series_errors
from forecast.tables import to_csv

FILES = ("forecast.csv", "backtest.csv", "metrics.json", "forecast.png", "report.html", "model")


def write_results(result: RunResult, folder: Path, clock: Clock) -> RunResult:
    """Write every file of ``result`` into ``folder``; what an extra would be needed for is named in ``missing``."""
    result.model.save(folder / "model")
    (folder / "forecast.csv").write_text(to_csv(result.forecast), encoding="utf-8")
    (folder / "backtest.csv").write_text(to_csv(backtest_frame(result)), encoding="utf-8")
    missing = [
        name
        for name, write in (("forecast.png", _write_picture), ("report.html", _write_report))
        if not _with_extra(write, result, folder / name)
    ]
    result = replace(result, missing=tuple(missing), seconds=clock.elapsed())
    text = json.dumps(metrics(result), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return result


def _with_extra(write: Callable[[RunResult, Path], None], result: RunResult, path: Path) -> bool:
    try:
        write(result, path)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("matplotlib", "plotly"):
            raise
        return False
    return True


# ---------------------------------------------------------------------- pictures


def curves(result: RunResult, *, most: int) -> tuple[Curve, ...]:
    """The series to show, with the winner's folds; every channel of a series is a curve of its own."""
    backtest = result.trials.backtests.get(result.winner)
    errors = series_errors(result)
    chosen = select_series(result.panel, errors, most=max(1, most // result.panel.channels))
    return tuple(
        curve_of(
            result.panel,
            s,
            channel,
            result.values[s, :, channel],
            result.levels,
            season=result.inspection.season,
            folds=_folds(result, backtest, s, channel),
            error=float(errors[s]),
            why=why,
        )
        for s, why in chosen
        for channel in range(result.panel.channels)
    )[:most]


def _folds(result: RunResult, backtest: Backtest | None, s: int, channel: int) -> list[tuple[int, Floats]]:
    if backtest is None:
        return []
    place = int(backtest.panel.ids.get_indexer(result.panel.ids[s : s + 1])[0])
    if place < 0:
        return []
    windows = np.flatnonzero(backtest.series == place)
    return [(int(backtest.ends[w]), backtest.values[w, :, channel]) for w in windows]


def _title(result: RunResult) -> str:
    steps = "step" if result.horizon == 1 else "steps"
    return f"{result.name}: {result.horizon} {steps} ahead by {result.winner}"


def _write_picture(result: RunResult, path: Path) -> None:
    shown = curves(result, most=MOST_PANELS)
    total = len(result.panel) * result.panel.channels
    subset = f" ({len(shown)} of {total:,} series shown)" if total > len(shown) else ""
    bars = tuple(
        Bar(name=row["name"], error=row["mase"], ours=row["family"] != "baseline", winner=row["name"] == result.winner)
        for row in leaderboard_rows(result)
        if row["mase"] is not None
    )
    errors = series_errors(result) if len(result.panel) > MOST_PANELS else None
    picture = Picture(
        title=_title(result) + subset,
        subtitle=result.verdict.sentences[0],
        curves=shown,
        bars=bars,
        steps=dict(list(errors_by(result, "step").items())[:2]),
        spread=errors,
        series=total,
    )
    write_png(picture, path)


def _write_report(result: RunResult, path: Path) -> None:
    write_report(report_of(result, curves(result, most=MOST_SERIES), title=_title(result)), path)
