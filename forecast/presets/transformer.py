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
    Preset(
        name="itransformer",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder", "tokens": "variates", "positions": "none"},
        description="Inverted Transformer: every variate is one token, attention across variates",
        paper="Liu et al. 2024 (iTransformer)",
        mechanism="A token is the whole lookback of a target, or of a covariate with its horizon ahead; attention runs "
        "across these, without places, and each target's state gives all of its steps (section 3).",
        strengths="Many targets that move together; with a single one it attends to its covariates only.",
    ),
)
