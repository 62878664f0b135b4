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
    Preset(
        name="tied",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder-decoder", "positions": "sinusoidal", "tied": True},
        description="Encoder and decoder that share their weights",
        paper="Xia et al. 2019 (Tied Transformers)",
        mechanism="Each block of the decoder uses the self-attention and the feed-forward network of the encoder's; "
        "cross-attention and norms are its own.",
        strengths="The full architecture with fewer weights, for few or short series.",
    ),
    Preset(
        name="transformer-xl",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"memory": "recurrence", "positions": "relative"},
        description="Segments of the window read one after the other, each with a memory of those before",
        paper="Dai et al. 2019 (Transformer-XL)",
        mechanism="Each layer keeps the states of the segments before, which the next one reads along with its own "
        "(section 3.2); places are known by their distance alone, through two learned biases (section 3.3).",
        strengths="Windows of many tokens: cost grows with their number, not with its square.",
    ),
    Preset(
        name="compressive-transformer",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"memory": "compressive", "positions": "relative"},
        description="Transformer-XL whose oldest memories are compressed instead of dropped",
        paper="Rae et al. 2020",
        mechanism="Tokens that leave the memory are compressed by a convolution, some to one, and stay readable to the "
        "window's end (section 3); the paper's auxiliary loss is left out.",
        strengths="Windows of many tokens whose beginning counts, too.",
    ),
    Preset(
        name="compact",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"block": "compact"},
        description="Simplified blocks: no skips, values or projections, attention beside the feed-forward network",
        paper="He & Hofmann 2023",
        mechanism="Attention is α·I + β·softmax − γ·C over the tokens themselves, an identity at first, and is summed "
        "with the feed-forward network of the same input (SAS-P, section 4).",
        strengths="A quarter fewer weights per block at about the accuracy of the standard one.",
    ),
)
