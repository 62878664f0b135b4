"""``forecast pack``: a folder of files as a memory-mapped panel."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from forecast.cli.console import cell, print_json, print_pairs, print_text
from forecast.cli.options import DataOptions, OutputOptions, with_options
from forecast.errors import ConfigError


@with_options
def pack(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A folder of files, a file, or - for standard input.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the panel.")],
    data_options: DataOptions,
    told: OutputOptions,
) -> None:
    """Pack a folder of Parquet or CSV files (or one file) into a folder that opens at once and may exceed memory.

    Every command takes that folder as its data.
    """
    from forecast.datasets import pack as packed
    from forecast.datasets.schema import Roles

    given = data_options.settings()
    if data_options.future_data is not None:
        remedy = "Write the covariates known ahead into the files, in rows with an empty target."
        raise ConfigError("a packed panel takes no second file beside it", remedy, name="future_data")
    roles = Roles(**{f.name: given[f.name] for f in fields(Roles) if f.name in given})
    panel = packed(data, output, roles, force=told.force)
    facts = {
        "series": len(panel),
        "rows": int(panel.offsets[-1]),
        "frequency": panel.schema.freq,
        "target": panel.schema.target,
        "megabytes": round(sum(path.stat().st_size for path in output.iterdir()) / 1e6, 1),
    }
    notes = [note.message for note in panel.notes]
    if told.json:
        print_json({"folder": str(output), **facts, "notes": notes})
        return
    print_pairs(facts)
    for note in notes:
        print_text(f"- {cell(note)}")
    print_text(f"\npacked into {output}; train with: forecast fit {output} -o MODEL --model NAME --horizon H")
