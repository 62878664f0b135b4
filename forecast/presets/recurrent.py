"""Recurrent forecasters.  A row of the table each: see ``forecast.presets``."""

from forecast.presets.row import Preset

RECURRENT: tuple[Preset, ...] = (
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
)
