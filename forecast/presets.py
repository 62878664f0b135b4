"""The table of forecasters: every name that ``create``, the command line and saved models know.

A row is a class and the settings in which it differs from that class's defaults.  To add a forecaster, add a row; to
add one from another distribution, declare an entry point there:

    [project.entry-points."seqcast.forecasters"]
    my-model = "my_package.my_module:MyForecaster"
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from forecast.errors import ConfigError, unknown_name
from forecast.startup import settled_imports

if TYPE_CHECKING:  # these need torch and pandas; the table itself is read by `forecast --help`
    from importlib.metadata import EntryPoint

    from forecast.estimators.base import Forecaster

Family = Literal["recurrent", "transformer", "hybrid", "baseline", "extension"]
ENTRY_POINTS = "seqcast.forecasters"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One row.  ``target`` is ``module:Class``; ``settings`` are what the row changes of the class's defaults."""

    name: str
    family: Family
    target: str
    description: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    paper: str = ""


def _table(*rows: Preset) -> Mapping[str, Preset]:
    return MappingProxyType({row.name: row for row in rows})


PRESETS: Mapping[str, Preset] = _table(
    Preset(
        name="lstm",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        description="Long short-term memory over patches",
        paper="Hochreiter & Schmidhuber 1997",
    ),
    Preset(
        name="gru",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"cell": "gru"},
        description="Gated recurrent units over patches",
        paper="Cho et al. 2014",
    ),
    Preset(
        name="rnn",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"cell": "rnn"},
        description="Plain recurrent network over patches",
        paper="Elman 1990",
    ),
    Preset(
        name="transformer",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        description="Decoder-only Transformer, causal attention over patches",
        paper="Radford et al. 2018",
    ),
    Preset(
        name="transformer-encoder",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder"},
        description="Transformer encoder, attention in both directions over patches",
        paper="Nie et al. 2023 (PatchTST)",
    ),
    Preset(
        name="transformer-encoder-decoder",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder-decoder", "positions": "sinusoidal"},
        description="The full Transformer: encoder, masked self-attention, cross-attention",
        paper="Vaswani et al. 2017",
    ),
    Preset(
        name="hybrid",
        family="hybrid",
        target="forecast.estimators:HybridForecaster",
        description="Recurrence for local order and attention for reach, joined by a learned gate",
        paper="after Lim et al. 2021 (TFT)",
    ),
    Preset(
        name="naive",
        family="baseline",
        target="forecast.baselines:NaiveForecaster",
        description="Repeats the last value",
    ),
    Preset(
        name="seasonal-naive",
        family="baseline",
        target="forecast.baselines:SeasonalNaiveForecaster",
        description="Repeats the last season",
    ),
    Preset(
        name="drift",
        family="baseline",
        target="forecast.baselines:DriftForecaster",
        description="Continues the line from the first value to the last",
    ),
    Preset(
        name="mean",
        family="baseline",
        target="forecast.baselines:MeanForecaster",
        description="The mean of the history",
    ),
    Preset(
        name="ets",
        family="baseline",
        target="forecast.baselines:ETSForecaster",
        description="Exponential smoothing with trend and season",
        paper="Hyndman et al. 2002",
    ),
    Preset(
        name="theta",
        family="baseline",
        target="forecast.baselines:ThetaForecaster",
        description="Half the trend and exponential smoothing, deseasonalised",
        paper="Assimakopoulos & Nikolopoulos 2000",
    ),
    Preset(
        name="arima",
        family="baseline",
        target="forecast.baselines:ARIMAForecaster",
        description="Autoregression with differences and moving averages",
        paper="Box & Jenkins 1970",
    ),
    Preset(
        name="linear",
        family="baseline",
        target="forecast.baselines:LinearForecaster",
        description="A linear map of the last window",
        paper="Zeng et al. 2023 (DLinear)",
    ),
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

    Raises ``ConfigError`` for a class that is not in the table.
    """
    kind = type(forecaster)
    params = forecaster.get_params()
    rows = [row for row in forecasters().values() if row.target.endswith(f":{kind.__name__}")]
    rows = [row for row in rows if forecaster_class(row.name) is kind]
    if not rows:
        raise ConfigError(
            f"{kind.__name__} is not in the table of forecasters, so a saved model could not be loaded",
            f"Declare it in its package under the entry-point group {ENTRY_POINTS!r}.",
            name=kind.__name__,
        )
    fitting = [row for row in rows if all(params.get(key) == value for key, value in row.settings.items())]
    return max(fitting or rows[:1], key=lambda row: len(row.settings)).name


def _entry_points() -> "list[EntryPoint]":
    from importlib.metadata import entry_points

    return [point for point in entry_points(group=ENTRY_POINTS) if point.name not in PRESETS]
