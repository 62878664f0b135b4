"""``forecast inspect``: what the data are taken for."""

from typing import TYPE_CHECKING

from forecast.cli.console import cell, print_json, print_pairs, print_table, print_text
from forecast.cli.options import Data, DataOptions, OutputOptions, with_options

if TYPE_CHECKING:
    from forecast.inspection import Inspection


@with_options
def inspect(data: Data, data_options: DataOptions, told: OutputOptions) -> None:
    """Show what it sees in the data: roles, series, frequency, gaps, seasons, problems."""
    from forecast.inspection import inspect_panel
    from forecast.sources import open_data

    opened = open_data(data, data_options.settings(), future_data=data_options.future_data)
    seen = inspect_panel(opened.panel, name=opened.name, season=opened.settings.get("season"))
    if told.json:
        print_json(seen.to_json())
    else:
        _tell(seen)


def _tell(seen: "Inspection") -> None:
    ignored = {"ignored": seen.ignored} if seen.ignored else {}
    horizon = f"{seen.suggested_horizon} suggested, {seen.largest_horizon:,} at most"
    print_pairs({"data": seen.name, "layout": seen.shape, **seen.facts(), **ignored, "horizon": horizon})
    if seen.notes or seen.problems:
        print_text()
        for note in seen.notes:
            print_text(f"- {cell(note['message'])}")
        for problem in seen.problems:
            print_text(f"! {cell(problem)}")
    print_text()
    print_table([{**vars(one)} for one in seen.listed])
    if seen.series > len(seen.listed):
        print_text(f"… and {seen.series - len(seen.listed):,} more series")
