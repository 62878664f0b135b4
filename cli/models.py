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
    """List the forecasters, or the settings of one of them."""
    from forecast.presets import forecasters, preset

    if name is None:
        rows = [
            {"name": row.name, "family": row.family, "description": row.description, "paper": row.paper}
            for row in forecasters().values()
        ]
        print_json(rows) if told.json else print_table(rows)
        return
    row = preset(name)
    settings = _settings(name)
    if told.json:
        about = {"name": row.name, "family": row.family, "description": row.description, "paper": row.paper}
        print_json({**about, "settings": settings})
    else:
        print_text(f"{row.name}: {row.description}" + (f" ({row.paper})" if row.paper else ""))
        print_table([{key: value for key, value in line.items()} for line in settings])


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
