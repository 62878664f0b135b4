"""``forecast backtest``: how well forecasters would have done."""

from typing import Annotated, Any

import typer

from forecast.cli.console import print_json, print_table, remark
from forecast.cli.options import Data, DataOptions, JobOptions, OutputOptions, split_list, with_options
from forecast.cli.settings import Config, Set, read_config, resolve_all
from forecast.errors import ConfigError


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
    settings: Set = None,
    config: Config = None,
) -> None:
    """Forecast the last folds of the data from what was known before, and compare with what came."""
    from forecast.cli.progress import progress
    from forecast.estimators.settings import check_values
    from forecast.evaluation import backtest as test
    from forecast.evaluation.leaderboard import leaderboard
    from forecast.presets import create
    from forecast.sources import open_data

    file = read_config(config)
    names = split_list(model) or ((file.name,) if file.name else ())
    if not names:
        raise ConfigError("no forecaster is named", "Give --model NAME, once or several times.")
    given = {**data_options.settings(), **job.settings(), **({} if horizon is None else {"horizon": horizon})}
    chosen = resolve_all(names, config=file.settings, options=given, given=settings)
    forecasters = {name: create(name, **each) for name, each in chosen.items()}
    for forecaster in forecasters.values():
        check_values(forecaster)  # before any data are read
    opened = open_data(data, chosen[names[0]], future_data=data_options.future_data or file.future_data)
    results = {}
    with progress(quiet=told.quiet) as watcher:
        for name, forecaster in forecasters.items():
            known = forecaster.get_params().keys() - chosen[name].keys()  # what the data set says of its columns
            forecaster.set_params(**{key: value for key, value in opened.settings.items() if key in known})
            report = watcher.training(name, limit=chosen[name].get("max_time"))
            results[name] = test(
                forecaster, opened.panel, folds=folds, step=step, refit=refit or False, on_report=report
            )
            watcher.trained()
    ranking = leaderboard(results)
    if told.json:
        _print(results, ranking, opened.name)
    else:
        rows = [{"name": name, **row} for name, row in ranking.iterrows()]
        print_table([{key: value for key, value in row.items() if not key.startswith("relative_wql")} for row in rows])
        left_out = next(iter(results.values())).left_out
        if left_out:
            remark(f"too short for any fold: {len(left_out):,} series", quiet=told.quiet)


def _print(results: dict[str, Any], ranking: Any, name: str) -> None:
    from forecast.run_result import measures

    print_json({"data": name, "models": [{"name": n, **measures(results[n])} for n in ranking.index]})
