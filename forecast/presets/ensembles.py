"""Forecasters made of forecasters.  A row of the table each: see ``forecast.presets``."""

from forecast.presets.row import Preset

ENSEMBLES: tuple[Preset, ...] = (
    Preset(
        name="combined",
        family="ensemble",
        target="forecast.ensembles:CombinedForecaster",
        description="The weighted mean of several forecasters, Theta and ETS unless others are named",
        paper="Bates & Granger 1969; Caruana et al. 2004",
        mechanism="Each member is fitted by itself; the means of their points and of their levels are the forecast. "
        "Weights are equal, or come from a backtest: by inverse errors, by greedy selection, or level by level.",
        strengths="Rarely the worst and often the best choice: errors of different methods partly cancel.",
    ),
    Preset(
        name="conformal",
        family="ensemble",
        target="forecast.intervals:ConformalForecaster",
        description="Another forecaster, Theta unless one is named, with intervals calibrated on a backtest",
        paper="Romano et al. 2019; Gibbs & Candes 2021",
        mechanism="A backtest says by how much the intervals of each horizon step missed; they are moved by the "
        "quantile of these errors that makes them cover as often as they say, and adaptively as new rows come.",
        strengths="Wherever the intervals' coverage matters; the points stay those of the forecaster inside.",
    ),
)
