"""``forecast fine-tune``: go on training a saved model on newer data, and save what comes of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.console import print_json, print_pairs, print_text, remark
from forecast.cli.options import Data, OutputOptions, with_options
from forecast.errors import ConfigError

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster


@with_options
def fine_tune(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that fit, run (DIR/model) or save wrote.")],
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the new model.")],
    told: OutputOptions,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", metavar="N", help="Training steps; a tenth of the fit's by default.")
    ] = None,
    max_time: Annotated[
        float | None, typer.Option("--max-time", metavar="SECONDS", help="Seconds that it may take.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", metavar="RATE", help="A share of the fit's by default.")
    ] = None,
    validation: Annotated[
        int | None,
        typer.Option("--validation", metavar="STEPS", help="New steps to hold out; up to a third by default."),
    ] = None,
    future_data: Annotated[
        Path | None, typer.Option("--future-data", metavar="FILE", help="File with the covariates known ahead.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps.")
    ] = None,
) -> None:
    """Go on training a saved model on the rows of DATA that are new, and save it to another folder.

    DATA may hold the rows of training too, as a file that grows does.
    """
    from forecast.cli.progress import progress
    from forecast.folders import claimed, made_folder, require_free
    from forecast.persistence import load, model_folder
    from forecast.sources import name_to_data

    require_free(output, force=told.force)
    model = load(model_folder(folder), device=device)
    if not hasattr(model, "fine_tune"):
        raise ConfigError(
            f"{folder} holds a {type(model).__name__}, which has no weights to go on training",
            "Fit it anew on all of the data (forecast fit): that is as quick.",
            file=str(folder),
        )
    source = name_to_data(data)
    with made_folder(output), claimed(output):
        require_free(output, force=told.force)
        with progress(quiet=told.quiet) as watcher:
            model.fine_tune(
                source,
                max_steps=max_steps,
                max_time=max_time,
                learning_rate=learning_rate,
                validation=validation,
                future_data=future_data,
                on_report=watcher.training("fine-tuning", limit=max_time),
            )
        model.save(output, force=True)
    _tell(model, output, told)


def _tell(model: "Forecaster", output: Path, told: OutputOptions) -> None:
    from forecast.plain import rounded

    found: dict[str, Any] = model.report_["fine_tuned"][-1]
    if not found["improved"]:
        remark(
            "the weights are those of before: none did better on the held-out part of the new rows", quiet=told.quiet
        )
    if told.json:
        print_json({"folder": str(output), **rounded(found)})
        return
    print_pairs(found)
    print_text(f"\nsaved to {output}; forecast with: forecast predict {output}")
