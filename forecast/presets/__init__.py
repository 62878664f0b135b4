"""The table of forecasters: every name that ``create``, the command line and saved models know.

A row is a class and the settings in which it differs from that class's defaults.  To add a forecaster, add a row; to
add one from another distribution, declare an entry point there:

    [project.entry-points."seqcast.forecasters"]
    my-model = "my_package.my_module:MyForecaster"
"""

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from forecast.errors import ConfigError, unknown_name
from forecast.presets.automatic import AUTOMATIC
from forecast.presets.baselines import BASELINES
from forecast.presets.ensembles import ENSEMBLES
from forecast.presets.hybrid import HYBRIDS
from forecast.presets.recurrent import RECURRENT
from forecast.presets.row import Family, Preset
from forecast.presets.transformer import TRANSFORMERS
from forecast.startup import settled_imports

if TYPE_CHECKING:  # these need torch and pandas; the table itself is read by `forecast --help`
    from importlib.metadata import EntryPoint

    from forecast.estimators.base import Forecaster

__all__ = [
    "ENTRY_POINTS",
    "PRESETS",
    "Family",
    "Preset",
    "create",
    "forecaster_class",
    "forecasters",
    "name_of",
    "preset",
]

ENTRY_POINTS = "seqcast.forecasters"
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {row.name: row for row in (*RECURRENT, *TRANSFORMERS, *HYBRIDS, *BASELINES, *ENSEMBLES, *AUTOMATIC)}
)


def forecasters() -> Mapping[str, Preset]:
    """The table with the rows of other installed distributions; a built-in name cannot be replaced."""
    others = {
        point.name: Preset(
            name=point.name,
            family="extension",
            target=point.value.replace(" ", ""),
            description=f"From {point.dist.name} {point.dist.version}" if point.dist else "From another package",
        )
        for point in _entry_points()
    }
    return MappingProxyType({**PRESETS, **others})


def preset(name: str) -> Preset:
    """The row of that name; ``ConfigError`` with the nearest name if there is none."""
    table = PRESETS if name in PRESETS else forecasters()
    if name not in table:
        raise unknown_name("forecaster", name, table)
    return table[name]


def forecaster_class(name: str) -> "type[Forecaster]":
    """The class behind a name of the table."""
    with settled_imports():
        from forecast.estimators.base import Forecaster

    row = preset(name)
    module, _, attribute = row.target.partition(":")
    try:
        with settled_imports():
            found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        if row.family != "extension":
            raise  # a fault of ours: keep its traceback
        cause = f"forecaster {name!r} ({row.description}) cannot be imported from {row.target}: {error}"
        raise ConfigError(cause, "Repair or remove the package that declares it.", name=name) from error
    if not (isinstance(found, type) and issubclass(found, Forecaster)):
        raise ConfigError(f"{row.target} is no Forecaster", "Derive it from forecast.Forecaster.", name=name)
    return found


def create(name: str, **settings: Any) -> "Forecaster":
    """A new forecaster by its name in the table: ``create("gru", horizon=24)``.  Settings given here beat the row's.

    Raises ``ConfigError`` for an unknown name or setting, with the nearest known one.
    """
    from forecast.estimators.settings import check_names

    chosen = forecaster_class(name)
    check_names(chosen, settings)
    if "horizon" not in settings:
        raise ConfigError("the horizon is missing", f"Say how many steps to forecast: create({name!r}, horizon=24).")
    return chosen(**{**preset(name).settings, **settings})


def name_of(forecaster: "Forecaster") -> str:
    """The name under which ``forecaster_class`` finds the class of a forecaster, nearest in settings where several do.

    Nearest is the row from which the fewest settings differ, of those in which rows differ at all.
    Raises ``ConfigError`` for a class that is not in the table.
    """
    kind = type(forecaster)
    params = forecaster.get_params()
    rows = _rows_of(kind, PRESETS) or _rows_of(kind, forecasters())  # what else is installed takes 20 ms to find out
    if not rows:
        raise ConfigError(
            f"{kind.__name__} is not in the table of forecasters, so a saved model could not be loaded",
            f"Declare it in its package under the entry-point group {ENTRY_POINTS!r}.",
            name=kind.__name__,
        )
    usual = {one.name: one.default for one in fields(kind)}
    telling = {name for row in rows for name in row.settings}

    def distance(row: Preset) -> tuple[int, int]:
        settings = {**usual, **row.settings}
        return sum(params.get(name) != settings.get(name) for name in telling), -len(row.settings)

    return min(rows, key=distance).name


def _rows_of(kind: type, table: Mapping[str, Preset]) -> list[Preset]:
    rows = [row for row in table.values() if row.target.endswith(f":{kind.__name__}")]
    return [row for row in rows if forecaster_class(row.name) is kind]


def _entry_points() -> "list[EntryPoint]":
    from importlib.metadata import entry_points

    return [point for point in entry_points(group=ENTRY_POINTS) if point.name not in PRESETS]
