"""Recurrent forecasters.  A row of the table each: see ``forecast.presets``."""

from forecast.presets.row import Preset

RECURRENT: tuple[Preset, ...] = (
    Preset(
        name="lstm",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        description="Long short-term memory over patches",
        paper="Hochreiter & Schmidhuber 1997",
        mechanism="A memory cell that three gates write, keep and show, token after token; the state at each origin "
        "forecasts the whole horizon. Patches of a season make the tokens few.",
        strengths="The first to try: cheap, exact in streams, and close to the best on most data.",
    ),
    Preset(
        name="gru",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"cell": "gru"},
        description="Gated recurrent units over patches",
        paper="Cho et al. 2014",
        mechanism="Two gates decide how much of the state each token replaces, without a memory of its own.",
        strengths="As the LSTM with a fifth fewer parameters; the better one on few or short series.",
    ),
    Preset(
        name="rnn",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"cell": "rnn"},
        description="Plain recurrent network over patches",
        paper="Elman 1990",
        mechanism="One tanh of the token and the state before; nothing guards the state against being overwritten.",
        strengths="The cheapest recurrence, and the yardstick for gates; over patches it holds up well.",
    ),
    Preset(
        name="xlstm",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"cell": "xlstm"},
        description="Extended LSTM: blocks with a matrix and with scalars as memory, by turns",
        paper="Beck et al. 2024 (xLSTM)",
        mechanism="Exponential gates let a cell revise what it has stored. mLSTM keeps a matrix to which each token "
        "adds its value under its key, and reads all tokens of a chunk at once (section 2.3); sLSTM keeps scalars and "
        "mixes them from step to step (section 2.2). A layer is a block of each (section 2.4).",
        strengths="Many different patterns to be kept apart over long windows; small data need no more than an LSTM.",
    ),
    Preset(
        name="p-slstm",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"cell": "slstm"},
        description="sLSTM over patches, every series read by itself",
        paper="Kong et al. 2025 (P-sLSTM)",
        mechanism="Patches shorten the way that a memory has to last, and exponential gates over a normalised memory "
        "let a later patch outweigh all before it (section 3; the cell: Beck et al. 2024, section 2.2).",
        strengths="Long lookbacks of single series, where the memory of an LSTM fades.",
    ),
    Preset(
        name="segrnn",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"cell": "gru", "decoder": "parallel", "location": "last"},
        description="Gated recurrent units over segments, which forecast all segments ahead at once",
        paper="Lin et al. 2023 (SegRNN)",
        mechanism="The state at the origin takes one recurrent step for each segment of the horizon, all in parallel: "
        "the step's input is a learned place of the segment beside a vector of the series (section 3). Windows are "
        "shifted by their last value.",
        strengths="Long horizons from a short lookback: no error is fed back, and parameters do not grow with it.",
    ),
    Preset(
        name="seq2seq",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"decoder": "recurrent"},
        description="One recurrent network reads the past, another writes the future, block after block",
        paper="Sutskever et al. 2014; Cho et al. 2014",
        mechanism="The state at the origin starts a second cell, which reads the block before its own (Sutskever, "
        "section 2). Training feeds it the answer at first and its own forecasts more and more often (Bengio et al. "
        "2015, section 2.4).",
        strengths="Each block follows from the one before; for horizons of few blocks, as errors are fed back.",
    ),
    Preset(
        name="seq2seq-bahdanau",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"cell": "gru", "decoder": "recurrent", "decoder_attention": "additive"},
        description="Sequence to sequence with additive attention over the past",
        paper="Bahdanau et al. 2015",
        mechanism="Before each of its steps the decoder scores every token of the lookback by a small network of its "
        "state and the token's; the weighted mean enters the step (section 3.1). The encoder reads forwards only.",
        strengths="Horizons of several blocks, each of which resembles another part of the past; weights can be read.",
    ),
    Preset(
        name="seq2seq-luong",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"decoder": "recurrent", "decoder_attention": "general"},
        description="Sequence to sequence with multiplicative attention over the past",
        paper="Luong et al. 2015",
        mechanism="After each of its steps the decoder scores every token of the lookback by a product with its state; "
        "state and weighted mean together write the block (section 3.1; decoder_attention='dot' without a matrix).",
        strengths="As additive attention, at a lower cost for long lookbacks.",
    ),
    Preset(
        name="deepar",
        family="recurrent",
        target="forecast.estimators:LSTMForecaster",
        settings={"decoder": "autoregressive", "distribution": "student-t"},
        description="One step after the other, each a distribution given those before; forecasts are sampled paths",
        paper="Salinas et al. 2020 (DeepAR)",
        mechanism="The state at each step gives the likelihood of that step from the target one step and whole seasons "
        "before it (section 3.1). Training is told the true steps before; a forecast draws paths, each of which reads "
        "what it has drawn (section 3.2), and its levels are theirs. Steps are read one by one; patches only set the "
        "lookback and where origins lie.",
        strengths="Sums and extremes over several steps, as paths keep steps together; dear, as it goes step by step.",
    ),
)
