"""``forecast tune``: search good settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.console import cell, print_json, print_pairs, print_table, print_text, remark
from forecast.cli.options import Data, DataOptions, JobOptions, OutputOptions, split_list, with_options
from forecast.cli.settings import Config, Set, read_config, resolve_all
from forecast.errors import ConfigError

if TYPE_CHECKING:
    from forecast.tuning.result import Trial, TuneResult

SEARCH = "Search"
MOST_ROWS = 10


def _option(*names: str, help: str, metavar: str) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=SEARCH)


@with_options
def tune(
    data: Data,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for best.toml, trials.csv, pictures, model.")
    ],
    data_options: DataOptions,
    job: JobOptions,
    told: OutputOptions,
    model: Annotated[
        list[str] | None, _option("--model", metavar="NAME,…", help="Forecaster, or several to choose from.")
    ] = None,
    horizon: Annotated[int | None, typer.Option("--horizon", metavar="H", help="Steps to forecast.")] = None,
    trials: Annotated[
        int | None, _option("--trials", metavar="N", help="Trials in all, those of earlier calls included; 20 if open.")
    ] = None,
    timeout: Annotated[float | None, _option("--timeout", metavar="SECONDS", help="Time for all trials.")] = None,
    jobs: Annotated[int, _option("--jobs", metavar="J", help="Trials at a time on this machine.")] = 1,
    storage: Annotated[
        str | None,
        _option("--storage", metavar="URL", help="SQLite file, journal:FILE or database URL; a file in DIR if open."),
    ] = None,
    study: Annotated[str | None, _option("--study", metavar="NAME", help="Name of the study in the storage.")] = None,
    space: Annotated[
        Path | None, _option("--space", metavar="FILE", help=r"TOML with \[space]: ranges in place of the usual ones.")
    ] = None,
    sampler: Annotated[str, _option("--sampler", metavar="NAME", help="tpe, random, grid, cma-es or gp.")] = "tpe",
    pruner: Annotated[
        str | None,
        _option("--pruner", metavar="NAME", help="median, successive-halving, hyperband, wilcoxon or none."),
    ] = None,
    objective: Annotated[
        list[str] | None,
        _option("--objective", metavar="NAME,…", help="mase, wql, …, latency or size; several give a front."),
    ] = None,
    folds: Annotated[int | None, _option("--folds", metavar="K", help="Folds; from the data by default.")] = None,
    step: Annotated[int | None, _option("--step", metavar="STEPS", help="Steps between origins; the horizon.")] = None,
    refit: Annotated[int, _option("--refit", metavar="K", help="Fit again every K folds; 0: once.")] = 0,
    settings: Set = None,
    config: Config = None,
) -> None:
    """Search the settings with which a forecaster does best on the last folds of the data, and fit it with them.

    Interrupted, the same command goes on where it stopped; with the same --storage it shares the work with others.
    --max-time is that of each training; --timeout ends the search.
    """
    from forecast.tuning.space import read_space
    from forecast.tuning.tune import TRIALS
    from forecast.tuning.tune import tune as search

    file = read_config(config)
    names = split_list(model) or ((file.name,) if file.name else ())
    if not names:
        raise ConfigError("no forecaster is named", "Give --model NAME, or several separated by commas.")
    given = {**data_options.settings(), **job.settings(), **({} if horizon is None else {"horizon": horizon})}
    chosen = resolve_all(names, config=file.settings, options=given, given=settings)
    total = TRIALS if trials is None and timeout is None else trials
    follower = _Follower(total, quiet=told.quiet)
    try:
        result = search(
            chosen,
            data,
            trials=total,
            timeout=timeout,
            jobs=jobs,
            storage=storage,
            study=study,
            space=None if space is None else read_space(space),
            sampler=sampler,
            pruner=pruner,
            folds=folds,
            step=step,
            refit=refit or False,
            objectives=split_list(objective) or ("mase",),
            seed=job.seed or 0,
            future_data=data_options.future_data or file.future_data,
            on_trial=follower,
            on_remark=lambda text: remark(text, quiet=told.quiet),
            output=output,
            force=told.force,
        )
    except KeyboardInterrupt:
        remark("finished trials are kept; the same command goes on from there", quiet=told.quiet)
        raise
    if told.json:
        print_json({**result.summary(), "folder": str(output)})
    else:
        _tell(result, output)


class _Follower:
    """Says what came of each trial, in a line on standard error."""

    def __init__(self, total: int | None, *, quiet: bool) -> None:
        self.total, self.quiet = total, quiet

    def __call__(self, trial: "Trial", best: float | None) -> None:
        of = "" if self.total is None or trial.number >= self.total else f"/{self.total}"  # retries have numbers, too
        parts = [f"trial {trial.number + 1}{of}", trial.model, trial.state, f"{trial.seconds:.0f} s"]
        if trial.values:
            parts += [" ".join(f"{value:.4g}" for value in trial.values)]
        elif trial.reason:
            parts += [trial.reason]
        if best is not None:
            parts += [f"best {best:.4g}"]
        remark("  ".join(part for part in parts if part), quiet=self.quiet)


def _tell(result: "TuneResult", folder: Path) -> None:
    found = dict(zip(result.objectives, result.best.values, strict=True))
    print_pairs({"model": result.model, "trial": result.best.number, **found, **result.best.settings})
    states = result.summary()["trials"]
    print_text(f"\n{len(result.trials)} trials: {', '.join(f'{count} {state}' for state, count in states.items())}")
    if len(result.objectives) > 1:
        rows = [
            {"trial": one.number, "model": one.model, **dict(zip(result.objectives, one.values, strict=True))}
            for one in result.front[:MOST_ROWS]
        ]
        print_table(rows, title="what may be had for what:")
    for text in result.remarks:
        print_text(f"- {cell(text)}")
    print_text(f"\n{folder}: {', '.join(sorted(entry.name for entry in folder.iterdir()))}")
    print_text(f"fit it again with: forecast fit DATA --config {folder / 'best.toml'} --refit -o MODEL")
