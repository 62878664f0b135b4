"""Hybrids of recurrence and attention.  A row of the table each: see ``forecast.presets``."""

from forecast.presets.row import Preset

HYBRIDS: tuple[Preset, ...] = (
    Preset(
        name="hybrid",
        family="hybrid",
        target="forecast.estimators:HybridForecaster",
        description="Recurrence for local order and attention for reach, joined by a learned gate",
        paper="after Lim et al. 2021 (TFT)",
    ),
)
