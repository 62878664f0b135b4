"""``forecast fit``: train one forecaster and save it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import processes
from forecast.cli.console import cell, print_json, print_pairs, print_text, remark
from forecast.cli.options import Data, DataOptions, JobOptions, OutputOptions, with_options
from forecast.cli.settings import Config, Set, read_config, resolve
from forecast.errors import ConfigError, ResourceError

if TYPE_CHECKING:
    from forecast.automatic.watcher import OnReport
    from forecast.estimators.base import Forecaster

CHECKPOINT, WEIGHTS, DOCUMENT = "checkpoint.safetensors", "weights.safetensors", "model.json"
UNFINISHED = (CHECKPOINT, f"{CHECKPOINT}.part")


@with_options
def fit(
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the model.")],
    data_options: DataOptions,
    job: JobOptions,
    told: OutputOptions,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="See `forecast models`.")] = None,
    horizon: Annotated[int | None, typer.Option("--horizon", metavar="H", help="Steps to forecast.")] = None,
    validation: Annotated[
        int | None, typer.Option("--validation", metavar="STEPS", help="Steps to hold out; from the data by default.")
    ] = None,
    refit: Annotated[bool, typer.Option("--refit", help="Train again on everything for the steps found best.")] = False,
    settings: Set = None,
    config: Config = None,
) -> None:
    """Fit one forecaster and save it to a folder that `forecast predict` reads.

    An unfinished fit of the same settings and data in that folder goes on where it stopped.
    """
    from forecast.estimators.settings import check_values
    from forecast.folders import require_free
    from forecast.presets import create
    from forecast.sources import open_data

    file = read_config(config)
    name = _named(model, file.name)
    given = {**data_options.settings(), **job.settings(), **({} if horizon is None else {"horizon": horizon})}
    chosen = resolve(name, config=file.settings, options=given, given=settings)
    forecaster = create(name, **chosen)
    check_values(forecaster)  # before any data are read
    _require_unfinished(output, force=told.force)
    resumes = "max_steps" in forecaster.get_params()  # what is trained in steps leaves and finds checkpoints
    with processes.joined(data, model=name, trains=resumes), ExitStack() as stack:
        writes = processes.first()  # the others train and say nothing
        if writes:
            require_free(output, force=told.force, allowed=_unfinished(resumes=resumes))
        future = data_options.future_data or file.future_data
        opened = open_data(data, chosen, future_data=future, horizon=forecaster.horizon)
        forecaster.set_params(**{key: value for key, value in opened.settings.items() if key not in chosen})
        if writes:
            stack.enter_context(_claimed(output, told, resumes=resumes))
        with _reporting(name, output, limit=chosen.get("max_time"), quiet=told.quiet or not writes) as report:
            forecaster.fit(
                opened.panel,
                validation=file.validation if validation is None else validation,
                on_report=report,
                checkpoint=output,
                keep_checkpoint=True,  # until the model is there
                refit=refit,
            )
        if writes:
            forecaster.save(output, force=True)
            (output / CHECKPOINT).unlink(missing_ok=True)
            stack.close()
            _tell(name, forecaster, output, json=told.json)


@contextmanager
def _claimed(folder: Path, told: OutputOptions, *, resumes: bool) -> Iterator[None]:
    """The folder as this process's own, free of what must not be in it."""
    from forecast.folders import claimed, made_folder, require_free

    with made_folder(folder), claimed(folder), _kept(folder, quiet=told.quiet):
        require_free(folder, force=told.force, allowed=_unfinished(resumes=resumes))  # now that it is ours
        if told.force:
            (folder / CHECKPOINT).unlink(missing_ok=True)
        yield


def _require_unfinished(folder: Path, *, force: bool) -> None:
    if not force and os.path.exists(folder / DOCUMENT):
        raise ConfigError(
            f"{folder} holds a finished model already",
            f"Forecast with it (forecast predict {folder}), name another folder (-o), or replace it with --force.",
            file=str(folder),
        )


@contextmanager
def _reporting(name: str, folder: Path, *, limit: float | None, quiet: bool) -> "Iterator[OnReport | None]":
    """What is to be called at each validation: the progress bar, and first of all word of an unfinished fit."""
    from forecast.cli.progress import progress

    with progress(quiet=quiet) as watcher:
        report = watcher.training(name, limit=limit)
        if (folder / CHECKPOINT).exists():
            report = _announced(report, f"going on with the unfinished fit in {folder}", quiet=quiet)
        yield report


def _announced(report: "OnReport | None", text: str, *, quiet: bool) -> "OnReport":
    """``report`` with a remark before its first call: only then is the checkpoint known to be of this fit."""
    texts = [text]

    def first(step: int, seconds: float, losses: dict[str, float]) -> bool | None:
        if texts:
            remark(texts.pop(), quiet=quiet)
        return None if report is None else report(step, seconds, losses)

    return first


def _unfinished(*, resumes: bool) -> tuple[str, ...]:
    """What may lie in the folder of an unfinished fit; weights may, as the description is written last."""
    return (*UNFINISHED, WEIGHTS) if resumes else ()


@contextmanager
def _kept(folder: Path, *, quiet: bool) -> Iterator[None]:
    """Tell where a fit that was broken off can go on."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, ResourceError):
        if (folder / CHECKPOINT).exists():
            remark(f"a checkpoint is kept in {folder}; the same command goes on from there", quiet=quiet)
        raise


def _named(option: str | None, file: str | None) -> str:
    name = option or file
    if name is None:
        raise ConfigError("no forecaster is named", "Give --model NAME, or a name under [forecaster] in --config.")
    return name


def _tell(name: str, forecaster: "Forecaster", folder: Path, *, json: bool) -> None:
    from forecast.plain import rounded
    from forecast.run_result import resolved_settings

    found: dict[str, Any] = resolved_settings(forecaster)
    if json:
        print_json({"model": name, "folder": str(folder), **rounded(found), "notes": forecaster.report_["notes"]})
        return
    print_pairs({"model": name, **found})
    for note in forecaster.report_["notes"]:
        print_text(f"- {cell(note['message'])}")
    print_text(f"\nsaved to {folder}; forecast with: forecast predict {folder}{_ahead(forecaster)}")


def _ahead(forecaster: "Forecaster") -> str:
    """The option that a forecast needs where covariates known ahead are not in the training data already."""
    schema, panel = forecaster.schema_, forecaster.panel_
    names = (*schema.future, *schema.future_codes)
    if not names or (panel.lengths - panel.ends).min() >= forecaster.horizon:
        return ""
    return f" --future-data FILE   (with {', '.join(names)} of the next {forecaster.horizon} steps)"
