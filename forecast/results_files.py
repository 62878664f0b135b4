"""The files of a run: tables, measures, picture, report and model, written into one folder."""

import json
import platform
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast import __version__
from forecast.candidates import REFERENCE, Clock, is_network
from forecast.curves import Curve, curve_of, select_series
from forecast.datasets.arrays import Floats
from forecast.datasets.fingerprint import fingerprint
from forecast.evaluation.results import Backtest, round_or_none

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster
    from forecast.run import RunResult

MOST_ROWS = 100_000  # of backtest.csv; beyond, it holds the winner and seasonal naive only
EXTRA = "pip install 'seqcast[report]'"


def write_results(result: "RunResult", folder: Path, clock: Clock) -> "RunResult":
    """Write every file of ``result`` into ``folder``; what an extra would be needed for is named in ``missing``."""
    result.model.save(folder / "model")
    write_csv(result.forecast, folder / "forecast.csv")
    write_csv(backtest_frame(result), folder / "backtest.csv")
    missing = [
        name
        for name, write in (("forecast.png", _write_picture), ("report.html", _write_report))
        if not _with_extra(write, result, folder / name)
    ]
    result = replace(result, missing=tuple(missing), seconds=clock.elapsed())
    text = json.dumps(metrics(result), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return result


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Text with eight significant digits; an empty field where there is no value."""
    frame.to_csv(path, index=False, float_format="%.8g")


def _with_extra(write: Callable[["RunResult", Path], None], result: "RunResult", path: Path) -> bool:
    try:
        write(result, path)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("matplotlib", "plotly"):
            raise
        return False
    return True


# ---------------------------------------------------------------------- tables


def backtest_frame(result: "RunResult") -> pd.DataFrame:
    """Forecasts of the backtest beside what came, with the forecaster's name in front; the winner first."""
    backtests = result.trials.backtests
    if not backtests:
        return pd.DataFrame(columns=["model", "fold", "origin", "actual", "forecast"])
    rows = sum(b.actual.size for b in backtests.values())
    wanted = list(result.ranking.index)
    if rows > MOST_ROWS:
        wanted = [name for name in wanted if name in (result.winner, REFERENCE)]
    frames = [backtests[name].frame() for name in wanted]
    for name, frame in zip(wanted, frames, strict=True):
        frame.insert(0, "model", name, allow_duplicates=True)
    return pd.concat(frames, ignore_index=True)


def metrics(result: "RunResult") -> dict[str, Any]:
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
        "left_out": trials.left_out,
        "models": {name: measures(backtest) for name, backtest in trials.backtests.items()},
        "series_without_folds": list(_left_out_series(result)),
        "inspection": result.inspection.to_json(),
        "resolved": plain(resolved_settings(result.model)),
        "missing_outputs": {name: EXTRA for name in result.missing},
        "command": result.command,
        "seconds": round(result.seconds, 1),
        "versions": versions(result),
    }


def leaderboard_rows(result: "RunResult") -> list[dict[str, Any]]:
    """The ranking, best first, as plain values."""
    rows: list[dict[str, Any]] = []
    for name, row in result.ranking.iterrows():
        family = "network" if is_network(str(name)) else "baseline"
        figures = {str(key): round_or_none(float(value)) for key, value in row.items()}
        rows.append({"name": str(name), "family": family, **figures})
    return rows


def measures(backtest: Backtest) -> dict[str, Any]:
    """What a backtest measured, as plain values, with MASE by step and by fold."""
    summary = backtest.summary()
    for by in ("step", "fold"):
        table = backtest.metrics(by)
        summary[f"mase_by_{by}"] = [round_or_none(value) for value in table["mase"].tolist()]
    return summary


def _left_out_series(result: "RunResult") -> tuple[str, ...]:
    backtest = result.trials.backtests.get(result.winner)
    return backtest.left_out if backtest is not None else ()


def resolved_settings(model: "Forecaster") -> dict[str, Any]:
    """The settings of a fitted forecaster as they were resolved, and what its training came to."""
    hidden = ("notes", "history", "series")
    params = {name: value for name, value in model.get_params().items() if value not in (None, ())}
    return {**params, **{key: value for key, value in model.report_.items() if key not in hidden}}


def versions(result: "RunResult") -> dict[str, Any]:
    """What the figures depend on."""
    found: dict[str, Any] = {"seqcast": __version__, "python": platform.python_version()}
    for name in ("torch", "numpy", "pandas", "statsmodels"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "seed": result.model.seed, "data fingerprint": fingerprint(result.panel)}


def plain(value: Any) -> Any:
    """Values that JSON can hold; tuples become lists, what it does not know text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return round_or_none(float(value))
    return str(value)


# ---------------------------------------------------------------------- pictures


def curves(result: "RunResult", *, most: int) -> tuple[Curve, ...]:
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


def series_errors(result: "RunResult") -> Floats:
    """(S,) MASE of the winner by series, NaN where the backtest could not compute it."""
    backtest = result.trials.backtests.get(result.winner)
    errors = np.full(len(result.panel), np.nan)
    if backtest is not None:
        place = result.panel.ids.get_indexer(backtest.panel.ids)
        errors[place] = backtest.metrics("series")["mase"].to_numpy()
    return errors


def _folds(result: "RunResult", backtest: Backtest | None, s: int, channel: int) -> list[tuple[int, Floats]]:
    if backtest is None:
        return []
    place = int(backtest.panel.ids.get_indexer(result.panel.ids[s : s + 1])[0])
    if place < 0:
        return []
    windows = np.flatnonzero(backtest.series == place)
    return [(int(backtest.ends[w]), backtest.values[w, :, channel]) for w in windows]


def _title(result: "RunResult") -> str:
    steps = "step" if result.horizon == 1 else "steps"
    return f"{result.name}: {result.horizon} {steps} ahead by {result.winner}"


def _write_picture(result: "RunResult", path: Path) -> None:
    from forecast.plots import MOST_PANELS, Bar, Picture, write_png

    shown = curves(result, most=MOST_PANELS)
    total = len(result.panel) * result.panel.channels
    subset = f" ({len(shown)} of {total:,} series shown)" if total > len(shown) else ""
    bars = tuple(
        Bar(name=row["name"], error=row["mase"], ours=row["family"] == "network", winner=row["name"] == result.winner)
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


def errors_by(result: "RunResult", by: str) -> dict[str, Floats]:
    """MASE by horizon step or fold of every forecaster: the winner, its yardstick, then the others by rank."""
    names = [result.winner, REFERENCE, *result.ranking.index]
    found = {name: result.trials.backtests[name] for name in dict.fromkeys(names) if name in result.trials.backtests}
    return {name: backtest.metrics(by)["mase"].to_numpy() for name, backtest in found.items()}  # type: ignore[call-overload]


def _write_report(result: "RunResult", path: Path) -> None:
    from forecast.report import MOST_SERIES, write_report
    from forecast.report_content import report_of

    write_report(report_of(result, curves(result, most=MOST_SERIES), title=_title(result)), path)
