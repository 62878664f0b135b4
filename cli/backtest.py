"""``forecast backtest``: how well forecasters would have done."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.console import print_json, print_table, print_text, remark
from forecast.cli.options import Data, DataOptions, JobOptions, OutputOptions, split_list, with_options
from forecast.cli.settings import Config, Set, read_config, resolve_all
from forecast.errors import ConfigError

if TYPE_CHECKING:
    from forecast.evaluation import Contest

IN_SENTENCES = ("relative_wql", "skill_low", "skill_high", "p_reference", "first_is", "p_first")  # told below the table


@with_options
def backtest(
    data: Data,
    data_options: DataOptions,
    job: JobOptions,
    told: OutputOptions,
    horizon: Annotated[int | None, typer.Option("--horizon", metavar="H", help="Steps to forecast.")] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="Forecaster; repeat it to compare several.")
    ] = None,
    folds: Annotated[int, typer.Option("--folds", metavar="K", help="Origins per series.")] = 10,
    step: Annotated[
        int | None, typer.Option("--step", metavar="STEPS", help="Steps between origins; the horizon by default.")
    ] = None,
    refit: Annotated[
        int, typer.Option("--refit", metavar="K", help="Fit again every K folds; 0: once, before the first.")
    ] = 0,
    warm: Annotated[bool, typer.Option("--warm", help="With --refit: go on from the weights before.")] = False,
    gap: Annotated[
        int, typer.Option("--gap", metavar="STEPS", help="Steps between origin and forecast, for data that come late.")
    ] = 0,
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="STEPS", help="Steps before each origin to learn from; all by default."),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="NAME", help="Hold the others against it; seasonal-naive by default."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="CSV file for the forecasts of all folds.")
    ] = None,
    settings: Set = None,
    config: Config = None,
) -> None:
    """Forecast the last folds of the data from what was known before, and compare with what came."""
    from forecast.cli.progress import progress
    from forecast.estimators.settings import check_values
    from forecast.evaluation import backtest as test
    from forecast.evaluation import contest
    from forecast.evaluation.comparison import reference_of
    from forecast.folders import require_writable_file
    from forecast.presets import create
    from forecast.sources import open_data

    file = read_config(config)
    names = split_list(model) or ((file.name,) if file.name else ())
    if not names:
        raise ConfigError("no forecaster is named", "Give --model NAME, once or several times.")
    reference_of(names, reference)  # refused before anything is fitted
    given = {**data_options.settings(), **job.settings(), **({} if horizon is None else {"horizon": horizon})}
    chosen = resolve_all(names, config=file.settings, options=given, given=settings)
    forecasters = {name: create(name, **each) for name, each in chosen.items()}
    for forecaster in forecasters.values():
        check_values(forecaster)  # before any data are read
    if output is not None:
        require_writable_file(output)
    opened = open_data(data, chosen[names[0]], future_data=data_options.future_data or file.future_data)
    asked: dict[str, Any] = {
        "folds": folds,
        "step": step,
        "refit": refit or False,
        "warm": warm,
        "gap": gap,
        "window": window,
    }
    results: dict[str, Any] = {}
    with progress(quiet=told.quiet) as watcher:
        for name, forecaster in forecasters.items():
            known = forecaster.get_params().keys() - chosen[name].keys()  # what the data set says of its columns
            forecaster.set_params(**{key: value for key, value in opened.settings.items() if key in known})
            report = watcher.training(name, limit=chosen[name].get("max_time"))
            results |= test({name: forecaster}, opened.panel, on_report=report, **asked)
            watcher.trained()
    if output is not None:
        _write(results, output, quiet=told.quiet)
    judged = contest(results, reference=reference)
    if told.json:
        _print(results, judged, opened.name)
    else:
        _tell(results, judged)
    left_out = next(iter(results.values())).left_out
    if left_out:
        remark(f"too short for any fold: {len(left_out):,} series", quiet=told.quiet or told.json)


def _tell(results: dict[str, Any], judged: "Contest") -> None:
    from forecast.evaluation import leaderboard

    rows = [{"name": name, **row} for name, row in leaderboard(results, judged=judged).iterrows()]
    print_table([{key: value for key, value in row.items() if key not in IN_SENTENCES} for row in rows])
    for made in judged.comparisons():
        print_text(made.sentence())


def _print(results: dict[str, Any], judged: "Contest", name: str) -> None:
    from forecast.plain import round_or_none
    from forecast.run_result import measures

    models = [{"name": n, "rank": round_or_none(judged.ranks[n]), **measures(results[n])} for n in judged.ranked()]
    print_json({"data": name, "models": models, "comparisons": [made.to_json() for made in judged.comparisons()]})


def _write(results: dict[str, Any], output: Path, *, quiet: bool) -> None:
    from forecast.evaluation.results import joined_frame
    from forecast.folders import write_file
    from forecast.tables import to_csv

    frame = joined_frame(results)
    write_file(output, to_csv(frame))
    remark(f"{len(frame):,} rows in {output}", quiet=quiet)
