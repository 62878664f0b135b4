"""``forecast explain``: what a saved model looks at."""

from pathlib import Path
from typing import Annotated

import typer

from forecast.cli.console import print_json, print_text, remark
from forecast.cli.options import OutputOptions, split_list, with_options


@with_options
def explain(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that fit, run (DIR/model) or save wrote.")],
    told: OutputOptions,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="Data to forecast from, with history to measure importance on."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Picture (PNG) to write.")
    ] = None,
    series: Annotated[
        list[str] | None, typer.Option("--series", metavar="ID,…", help="Series to look at; all by default.")
    ] = None,
    future_data: Annotated[
        Path | None, typer.Option("--future-data", metavar="FILE", help="File with the covariates known ahead.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", help="Permutations of each covariate.")] = 10,
) -> None:
    """Show what a saved model looks at: attention, gates, selected variables, importance of covariates."""
    from forecast.folders import require_writable_file
    from forecast.persistence import load, model_folder
    from forecast.sources import name_to_data

    if output is not None:
        require_writable_file(output)
    model = load(model_folder(folder))
    source = None if data is None else name_to_data(data)
    found = model.explain(source, future_data=future_data, series=split_list(series) or None, repeats=repeats)
    if output is not None:
        found.plot(output)
        remark(f"the picture is in {output}", quiet=told.quiet)
    if told.json:
        print_json(found.to_json())
    else:
        print_text(repr(found))
