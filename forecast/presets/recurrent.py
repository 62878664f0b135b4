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
)
