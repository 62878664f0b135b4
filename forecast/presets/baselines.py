"""Baselines.  A row of the table each: see ``forecast.presets``."""

from forecast.presets.row import Preset

BASELINES: tuple[Preset, ...] = (
    Preset(
        name="naive",
        family="baseline",
        target="forecast.baselines:NaiveForecaster",
        description="Repeats the last value",
    ),
    Preset(
        name="seasonal-naive",
        family="baseline",
        target="forecast.baselines:SeasonalNaiveForecaster",
        description="Repeats the last season",
    ),
    Preset(
        name="drift",
        family="baseline",
        target="forecast.baselines:DriftForecaster",
        description="Continues the line from the first value to the last",
    ),
    Preset(
        name="mean",
        family="baseline",
        target="forecast.baselines:MeanForecaster",
        description="The mean of the history",
    ),
    Preset(
        name="ets",
        family="baseline",
        target="forecast.baselines:ETSForecaster",
        description="Exponential smoothing with trend and season",
        paper="Hyndman et al. 2002",
    ),
    Preset(
        name="theta",
        family="baseline",
        target="forecast.baselines:ThetaForecaster",
        description="Part of the trend and exponential smoothing, deseasonalised",
        paper="Fiorucci et al. 2016",
    ),
    Preset(
        name="arima",
        family="baseline",
        target="forecast.baselines:ARIMAForecaster",
        description="Autoregression with differences and moving averages",
        paper="Box & Jenkins 1970",
    ),
    Preset(
        name="linear",
        family="baseline",
        target="forecast.baselines:LinearForecaster",
        description="A linear map of the last window",
        paper="Zeng et al. 2023 (DLinear)",
    ),
)
