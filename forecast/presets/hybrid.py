"""Hybrids of recurrence and attention.  A row of the table each: see ``forecast.presets``."""

from forecast.presets.row import Preset

TARGET = "forecast.estimators:HybridForecaster"

HYBRIDS: tuple[Preset, ...] = (
    Preset(
        name="hybrid",
        family="hybrid",
        target=TARGET,
        description="Recurrence for local order and attention for reach, joined by a learned gate",
        paper="after Lim et al. 2021 (TFT)",
        mechanism="An LSTM reads the tokens and causal attention reads the LSTM's states; a gate per feature, like the "
        "gated skips of section 4.5, decides how much of each goes on.",
        strengths="A good first choice: the gate closes the half that the data have no use for.",
    ),
    Preset(
        name="hybrid-recurrent-first",
        family="hybrid",
        target=TARGET,
        settings={"join": "recurrent-first"},
        description="LSTM first, then causal attention over its states",
        paper="after Lim et al. 2021 (TFT)",
        mechanism="Attention blocks read the states of the LSTM, as the temporal decoder of section 4.5 does, but no "
        "gate stands between the two.",
        strengths="Simpler than the gated join where both halves are of use anyway.",
    ),
    Preset(
        name="hybrid-attention-first",
        family="hybrid",
        target=TARGET,
        settings={"join": "attention-first"},
        description="Causal attention first, then an LSTM over what it found",
        paper="after Qin et al. 2017 (DA-RNN)",
        mechanism="Every token gathers what it needs from earlier ones by attention; an LSTM then reads the tokens so "
        "enriched and has the last word.",
        strengths="For series whose state matters most at the origin and depends on distant events.",
    ),
    Preset(
        name="hybrid-interleaved",
        family="hybrid",
        target=TARGET,
        settings={"join": "interleaved", "layers": 2, "attention_layers": 2},
        description="Recurrent layers and attention blocks by turns",
        paper="after De et al. 2024 (Griffin)",
        mechanism="Two LSTM layers and two attention blocks alternate, each on normalised tokens and added to them, as "
        "Griffin alternates linear recurrences and local attention (section 2).",
        strengths="The deepest of the hybrids: for many series and longer trainings.",
    ),
    Preset(
        name="hybrid-parallel",
        family="hybrid",
        target=TARGET,
        settings={"join": "parallel"},
        description="LSTM and attention side by side over the same tokens, mixed by a learned gate",
        paper="after Dong et al. 2024 (Hymba)",
        mechanism="Both halves read the tokens themselves; their normalised outputs are mixed feature by feature "
        "(section 2.1), here by a gate that depends on the token and can be read.",
        strengths="Tells most about which half the data need, since neither sees the other.",
    ),
    Preset(
        name="hybrid-memory",
        family="hybrid",
        target=TARGET,
        settings={"join": "memory", "heads": 1, "positions": "none"},
        description="An LSTM whose states read the tape of its own earlier states",
        paper="Merity 2019 (SHA-RNN)",
        mechanism="One head of attention reads the LSTM's earlier states as they stand: only queries pass through a "
        "matrix, keys and values are the states scaled feature by feature (section 3).",
        strengths="The smallest of the hybrids, next to an LSTM in cost.",
    ),
    Preset(
        name="hybrid-delta",
        family="hybrid",
        target=TARGET,
        settings={"cell": "delta"},
        description="A linear recurrence with the delta rule, then attention, joined by a learned gate",
        paper="after Yang et al. 2024 (DeltaNet)",
        mechanism="The recurrent half keeps a matrix of associations that the delta rule corrects token by token "
        "(section 2), computed in chunks instead of step by step (section 3); attention reads its states as in "
        "'hybrid'.",
        strengths="For long windows of single steps, where an LSTM's loop over tokens takes most of the time.",
    ),
    Preset(
        name="tft",
        family="hybrid",
        target=TARGET,
        # As many forecasts per step as causal hybrids make of 64 windows: they read two origins in each.
        settings={"join": "temporal-fusion", "positions": "none", "batch_size": 128},
        description="Temporal Fusion Transformer: variables selected token by token, LSTM, interpretable attention",
        paper="Lim et al. 2021 (TFT)",
        mechanism="Networks select the variables of each token (section 4.2), LSTMs read the window and what is known "
        "ahead (4.5.1), static covariates set their first state and enrich all states (4.3, 4.5.2), and one attention "
        "map for all heads reads them (4.4); gates skip what is of no use (4.1). A token is a patch of each variable.",
        strengths="Says which covariate, and which stretch of the past, a forecast rests on; for data with covariates.",
    ),
)
