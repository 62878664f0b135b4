"""The command ``forecast``: one command a file, each a thin layer over the library."""

import io
import os
import signal
import sys
from typing import Annotated, Any

import typer

from forecast import __version__
from forecast.cli import (
    backtest,
    datasets,
    explain,
    fine_tune,
    fit,
    inspect,
    models,
    pack,
    predict,
    processes,
    run,
    tune,
)
from forecast.cli.guard import TERMINATED, Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"seqcast {__version__}")
        raise typer.Exit


@app.callback()
def about(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Forecast time series with LSTM, Transformer and hybrid networks, judged against honest baselines."""
    processes.require_one(context.invoked_subcommand)


COMMANDS = (
    run.run,
    fit.fit,
    predict.predict,
    explain.explain,
    fine_tune.fine_tune,
    backtest.backtest,
    tune.tune,
    inspect.inspect,
    pack.pack,
    models.models,
    datasets.datasets,
)
for command in COMMANDS:
    app.command()(command)


def _terminate(*_: Any) -> None:
    sys.exit(TERMINATED)  # as an exception, so that unfinished files are removed on the way out


def _prepare_streams() -> None:
    """Streams that take any name in the data: UTF-8 into files and pipes, what it can show on a terminal."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by `>&-`
            setattr(sys, name, open(os.devnull, "w"))
        elif isinstance(stream, io.TextIOWrapper) and stream.isatty():
            stream.reconfigure(errors="backslashreplace")
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")


def main() -> None:
    """Entry point of the console script."""
    signal.signal(signal.SIGTERM, _terminate)
    _prepare_streams()
    try:
        app()
    except SystemExit as end:
        processes.leave(end.code if isinstance(end.code, int) else 0)
        raise
