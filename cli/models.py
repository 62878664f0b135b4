"""``forecast models``: what can be fitted."""

from typing import Annotated, Any

import typer

from forecast.cli.console import print_json, print_table, print_text
from forecast.cli.options import OutputOptions, with_options


@with_options
def models(
    told: OutputOptions,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show the settings of this one.")] = None,
) -> None:
    """List the forecasters, or what one of them does and its settings."""
    from forecast.presets import forecasters, preset
    from forecast.presets.catalogue import brief, catalogue, entry

    if name is None:
        print_json(catalogue()) if told.json else print_table([brief(row) for row in forecasters().values()])
        return
    row = preset(name)
    settings = _settings(name)
    about = entry(row)
    if told.json:
        print_json({**about, "settings": settings})
        return
    print_text(f"{row.name}: {row.description}" + (f" ({row.paper})" if row.paper else ""))
    for text in (row.mechanism, row.strengths):
        if text:
            print_text(text)
    if about["parameters"]:
        causal = "causal" if about["causal"] else "not causal"
        print_text(f"{about['parameters']:,} parameters, {about['cost']:g} times the cost of lstm, {causal}.")
    print_table(settings)


def _settings(name: str) -> list[dict[str, Any]]:
    from forecast.estimators.settings import describe, spell
    from forecast.presets import forecaster_class, preset

    changed = preset(name).settings
    return [
        {
            "setting": info.name,
            "default": "required" if info.required else changed.get(info.name, info.default),
            "type": spell(info.type),
            "meaning": info.help,
        }
        for info in describe(forecaster_class(name))
    ]
