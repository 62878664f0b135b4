"""``forecast datasets``: data that have a name."""

from forecast.cli.console import print_json, print_table
from forecast.cli.options import OutputOptions, with_options


@with_options
def datasets(told: OutputOptions) -> None:
    """List the built-in data sets and the public files that can be loaded by name."""
    from forecast.datasets.catalogue import dataset_table
    from forecast.datasets.named.locate import availability

    entries = dataset_table()
    here = availability(entries)
    if told.json:
        states = [{"available": bool(here[entry.name]), "where": here[entry.name].why} for entry in entries]
        print_json([{**entry.summary(), **state} for entry, state in zip(entries, states, strict=True)])
        return
    print_table(
        [
            {
                "name": entry.name,
                "kind": entry.kind,
                "freq": entry.freq,
                "horizon": entry.horizon,
                "here": bool(here[entry.name]),
                "description": entry.description,
            }
            for entry in entries
        ]
    )
