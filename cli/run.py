"""``forecast run``: the main job."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.console import cell, print_json, print_pairs, print_table, print_text
from forecast.cli.options import Data, DataOptions, Horizon, JobOptions, OutputOptions, with_options

if TYPE_CHECKING:
    from forecast.run_result import RunResult


@with_options
def run(
    context: typer.Context,
    data: Data,
    horizon: Horizon,
    data_options: DataOptions,
    job: JobOptions,
    told: OutputOptions,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder; DATA's name + -forecast by default.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option("--folds", metavar="K", help="Folds of the backtest; from the data by default.")
    ] = None,
) -> None:
    """Inspect, choose among networks, baselines and combinations by a backtest, forecast, and report: the main job.

    Keeps to --max-time (120 s by default) as a whole.
    """
    from forecast.cli.progress import progress
    from forecast.run import run as run_job
    from forecast.sources import data_name

    folder = output or Path(f"{data_name(data)}-forecast")
    settings = {**data_options.settings(), **job.settings()}
    limit = settings.pop("max_time", 120.0)
    with progress(quiet=told.quiet) as watcher:
        result = run_job(
            data,
            horizon=horizon,
            output=folder,
            max_time=limit,
            folds=folds,
            settings=settings,
            future_data=data_options.future_data,
            force=told.force,
            watcher=watcher,
            began=context.obj.began,
            command=context.obj.line,
        )
    if told.json:
        from forecast.run_result import metrics

        print_json({**metrics(result), "folder": str(folder)})
    else:
        _tell(result, folder, quiet=told.quiet)


def _tell(result: "RunResult", folder: Path, *, quiet: bool) -> None:
    from forecast.report_content import facts, note_lines
    from forecast.run_result import EXTRA, leaderboard_rows

    print_pairs({name: value for name, value in facts(result).items() if value not in ("", [])})
    for line in () if quiet else note_lines(result):
        print_text(f"- {cell(line)}")
    print_text()
    shown = ("name", "mase", "rank", "skill", "against_reference", "wql", "smape", "coverage_90", "fit_seconds")
    rows = [{column: row[column] for column in shown if column in row} for row in leaderboard_rows(result)]
    print_table(rows, mark=result.winner)
    for name, why in result.trials.left_out.items():
        print_text(f"left out: {name}, {why}")
    print_text()
    for sentence in result.verdict.sentences:
        print_text(sentence)
    print_text()
    print_text(f"{folder}: {', '.join(sorted(entry.name for entry in folder.iterdir()))}  ({result.seconds:.0f} s)")
    if result.missing:
        print_text(f"{' and '.join(result.missing)} need the extra `report`: {EXTRA}")
