"""The table of forecasters as users read it: `forecast models`, its JSON, and the README's table.

Size and cost of the built-in networks come from ``forecast.presets.measured``, so that the table needs no torch.
"""

from typing import Any

from forecast.presets import PRESETS, Preset, forecasters
from forecast.presets.measured import MEASURED
from forecast.presets.row import NETWORKS


def brief(row: Preset) -> dict[str, Any]:
    """What fits into a line."""
    whole = entry(row)
    return {name: whole[name] for name in ("name", "family", "parameters", "cost", "causal", "description", "paper")}


def entry(row: Preset) -> dict[str, Any]:
    """All that is known of a forecaster.

    parameters, cost: of the network for a window of 336 steps with 48 ahead in patches of 24; the cost is the time of a
    training pass over a window, as a multiple of the LSTM's.  causal: whether one pass trains on many origins.
    None for baselines, ensembles and forecasters of other packages.
    """
    measured = MEASURED.get(row.name)
    return {
        "name": row.name,
        "family": row.family,
        "description": row.description,
        "mechanism": row.mechanism,
        "strengths": row.strengths,
        "paper": row.paper,
        "parameters": measured and measured.parameters,
        "cost": measured and measured.cost,
        "causal": measured and measured.causal,
    }


def catalogue() -> list[dict[str, Any]]:
    """Every forecaster, those of other installed packages last."""
    return [entry(row) for row in forecasters().values()]


def networks() -> list[str]:
    """Names of the built-in networks."""
    return [name for name, row in PRESETS.items() if row.family in NETWORKS]
