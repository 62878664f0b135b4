"""``forecast predict``: forecast with a saved model."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from forecast.cli.console import print_json, remark
from forecast.cli.options import OutputOptions, split_levels, with_options


@with_options
def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that fit, run (DIR/model) or save wrote.")],
    told: OutputOptions,
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="Newer data to forecast from; none: the end of training.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="CSV file; standard output by default.")
    ] = None,
    levels: Annotated[
        list[str] | None, typer.Option("--levels", metavar="LEVELS", help="Quantile levels: 0.1,0.5,0.9.")
    ] = None,
    horizon: Annotated[int | None, typer.Option("--horizon", metavar="H", help="Steps to forecast.")] = None,
    future_data: Annotated[
        Path | None, typer.Option("--future-data", metavar="FILE", help="File with the covariates known ahead.")
    ] = None,
) -> None:
    """Forecast with a saved model, from the end of its training data or of DATA, as CSV."""
    from forecast.folders import require_writable_file, write_file
    from forecast.persistence import load, model_folder
    from forecast.sources import name_to_data
    from forecast.tables import to_csv

    wanted = split_levels(levels)
    if output is not None:
        require_writable_file(output)
    model = load(model_folder(folder))
    source = None if data is None else name_to_data(data)
    asked = model.levels or () if wanted is None else wanted
    frame = model.predict(source, horizon=horizon, levels=asked, future_data=future_data)
    steps = model.horizon if horizon is None else horizon
    if steps > model.horizon:
        remark(f"beyond the {model.horizon} steps that the model was trained for, it extrapolates", quiet=told.quiet)
    if told.json:
        print_json(_records(frame))
        return
    text = to_csv(frame)
    if output is None:
        sys.stdout.write(text)
    else:
        write_file(output, text)
        remark(f"{len(frame):,} rows in {output}", quiet=told.quiet)


def _records(frame: Any) -> list[dict[str, Any]]:
    """Rows as plain values, times as text."""
    import json

    return list(json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15)))
