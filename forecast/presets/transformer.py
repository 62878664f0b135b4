"""Transformers.  A row of the table each: see ``forecast.presets``."""

from forecast.presets.row import Preset

TRANSFORMERS: tuple[Preset, ...] = (
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
)
