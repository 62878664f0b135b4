"""Transformers.  A row of the table each: see ``forecast.presets``."""

from forecast.presets.row import Preset

TRANSFORMERS: tuple[Preset, ...] = (
    Preset(
        name="transformer",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        description="Decoder-only Transformer, causal attention over patches",
        paper="Radford et al. 2018",
        mechanism="Every token reads itself and the tokens before it, through two blocks of attention; the token at "
        "each origin forecasts the whole horizon, so that one pass trains several origins.",
        strengths="Reaches any patch of the lookback in one step; like the LSTM it streams and backtests in one pass.",
    ),
    Preset(
        name="transformer-encoder",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder"},
        description="Transformer encoder, attention in both directions over patches",
        paper="Nie et al. 2023 (PatchTST)",
        mechanism="Every token reads all tokens of the lookback, also later ones; the last one forecasts.",
        strengths="Where accuracy per window matters more than training on many origins per pass.",
    ),
    Preset(
        name="transformer-encoder-decoder",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder-decoder", "positions": "sinusoidal"},
        description="The full Transformer: encoder, masked self-attention, cross-attention",
        paper="Vaswani et al. 2017",
        mechanism="An encoder reads the lookback; a decoder writes the horizon block by block, each reading the blocks "
        "before it (masked) and the encoder's tokens (cross-attention). Taught with the true blocks.",
        strengths="Horizons whose blocks depend on one another; slower to forecast than direct decoders.",
    ),
    Preset(
        name="gpt",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "causal", "layers": 4},
        description="Decoder-only Transformer of four blocks, every patch of a segment an origin",
        paper="Radford et al. 2019 (GPT-2)",
        mechanism="Blocks normalised before each sub-layer, learned positions and a last normalisation, as in GPT-2 "
        "(section 2.3); each token forecasts the whole horizon after it rather than the next token.",
        strengths="More data than the default's two blocks can hold; like it, streams and backtests in one pass.",
    ),
    Preset(
        name="bert",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder", "pretrain": 0.15},
        description="Transformer encoder that first learns to fill in hidden patches of the user's own series",
        paper="Devlin et al. 2019 (BERT)",
        mechanism="For 15 % of the training, two in five patches of each window are replaced by a learned vector and "
        "reconstructed from both sides (section 3.1; patches as in PatchTST, section 3.2); the rest is fine-tuning.",
        strengths="Long histories of one kind; on M4 Hourly the plain encoder made more of the same steps.",
    ),
    Preset(
        name="patchtst",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder", "channels": "independent", "layers": 3},
        description="Transformer encoder over patches of each channel by itself, with shared weights",
        paper="Nie et al. 2023 (PatchTST)",
        mechanism="Every target is a series of its own (section 3.1); patches follow the season and do not overlap, "
        "where the paper's of 16 steps lie 8 apart, and the last patch's state forecasts, not all states side by side.",
        strengths="Many targets that follow their own past more than each other.",
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
    Preset(
        name="transformer-local",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"attention": "local"},
        description="Every token reads a window of tokens before it",
        paper="Beltagy et al. 2020 (Longformer)",
        mechanism="Attention reaches `span` tokens back, in blocks, so that time and memory grow with the tokens and "
        "not with their square (section 3.1); what lies further back comes through the layers below.",
        strengths="Windows of thousands of tokens, in which the recent ones count most.",
    ),
    Preset(
        name="transformer-strided",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"attention": "strided"},
        description="Every token reads those just before it and every n-th one before these",
        paper="Child et al. 2019 (Sparse Transformer)",
        mechanism="A window of `span` tokens and the tokens at its multiples, under one softmax (section 4.2): any two "
        "are two layers apart, for N times the root of N scores.",
        strengths="Long windows of single steps with one season: a span of it reads the same hour of every day.",
    ),
    Preset(
        name="logsparse",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"attention": "log-sparse", "kernel": 3},
        description="Every token reads the nearest ones and those 1, 2, 4, 8, … further back",
        paper="Li et al. 2019 (LogSparse Transformer)",
        mechanism="N·log N scores instead of N² (section 4.2), with a local window of log N tokens; queries and keys "
        "are a convolution of `kernel` tokens, so that shapes are compared (section 4.1).",
        strengths="Long windows, at little cost, with reach to their beginning in every layer.",
    ),
    Preset(
        name="informer",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder", "attention": "prob-sparse"},
        description="Only the queries that single tokens out attend; the horizon comes in one pass",
        paper="Zhou et al. 2021 (Informer)",
        mechanism="A query's highest score less its mean one, on a sample of keys, says how much it has to choose; the "
        "top c·ln N of them attend, the others take the mean (section 3.2).  Keys are sampled at fixed places; the "
        "distilling between layers is left out.",
        strengths="Long windows read in both directions, with N·log N scores; on short ones full attention is as fast.",
    ),
    Preset(
        name="autoformer",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder", "attention": "auto-correlation", "positions": "none"},
        description="Whole sequences are compared at every lag and added up at the best ones",
        paper="Wu et al. 2021 (Autoformer)",
        mechanism="Fourier transforms give the correlation of queries and keys at every lag; values shifted by the "
        "top c·ln N lags are averaged, weighted by a softmax over them (section 3.2).",
        strengths="Strongly seasonal series whose seasons take several tokens.",
    ),
    Preset(
        name="linear-transformer",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"attention": "linear"},
        description="Attention as running sums: cost grows with the tokens, not with their square",
        paper="Katharopoulos et al. 2020 (Linear Transformer)",
        mechanism="Similarities are products of positive features, elu(x) + 1, so that keys and values are summed once "
        "(section 3.2); causal, the sums are a recurrent state of fixed size (section 3.4).",
        strengths="Windows of thousands of tokens, and streams: an update costs the same at any length.  It cannot "
        "single one token out as sharply as a softmax does.",
    ),
    Preset(
        name="reformer",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"architecture": "encoder", "attention": "lsh", "block": "reversible"},
        description="Tokens attend among those that hash alike, in layers that keep no activations",
        paper="Kitaev et al. 2020 (Reformer)",
        mechanism="Queries are keys, sorted by random rotations into buckets, and read their own chunk of them and the "
        "one before, in four rounds (section 2); each layer's input is computed from its output in the backward pass "
        "(section 3).  The rotations are drawn once; the chunked feed-forward network is left out.",
        strengths="Deep networks over long windows in little memory; on short windows full attention is faster.",
    ),
    Preset(
        name="adaptive-span",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"attention": "adaptive-span"},
        description="Each head learns how far it looks back",
        paper="Sukhbaatar et al. 2019 (Adaptive Attention Span)",
        mechanism="Weights are multiplied by a soft mask that falls from 1 to 0 beyond a learned span per head "
        "(section 2.2), with a small price on the spans; nothing further away is computed.",
        strengths="When it is not known how far back matters: the spans tell it, head by head.",
    ),
    Preset(
        name="hierarchical",
        family="transformer",
        target="forecast.estimators:TransformerForecaster",
        settings={"attention": "hierarchical"},
        description="Near tokens one by one, far ones as means of groups that grow with the distance",
        paper="Zhu & Soricut 2021 (H-Transformer-1D)",
        mechanism="Sequences are halved into blocks; each is read on the coarsest scale on which it does not touch the "
        "reader's own (after section 5), as one mean key and value that counts as many times as it has tokens.",
        strengths="Long windows whose distant past matters in outline only; all of it is read, for N·log N scores.",
    ),
)
