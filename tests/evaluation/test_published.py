"""Backtests of the seasonal naive forecast give the published numbers on the public benchmark files."""

import os
from pathlib import Path

import pytest

from forecast.baselines.naive import SeasonalNaiveForecaster
from forecast.evaluation import backtest

DATA = os.environ.get("FORECAST_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="FORECAST_DATA names no folder of benchmark files")

# file, horizon, season, folds, MASE: Chronos and fev (one window), fev-bench EPF, GIFT-Eval, M4 competition
PUBLISHED = [
    ("monash/m1_monthly_dataset.tsf", 18, 12, 1, 1.314),
    ("monash/m3_monthly_dataset.tsf", 18, 12, 1, 1.146),
    ("monash/m3_quarterly_dataset.tsf", 8, 4, 1, 1.425),
    ("monash/m3_yearly_dataset.tsf", 6, 1, 1, 3.172),
    ("monash/us_births_dataset.tsf", 30, 1, 20, 1.865),
    ("exchange/exchange_rate.csv", 30, 5, 1, 1.740),
    ("epf/NP.csv.gz", 24, 24, 20, 1.761),
    ("epf/PJM.csv.gz", 24, 24, 20, 0.581),
    ("ett/ETTm1.csv.gz", 48, 96, 20, 0.934),
    ("weather/weather.csv.gz", 48, 144, 20, 0.743),
    ("m4_hourly/m4_hourly_dataset.tsf.gz", 48, 24, 1, 1.193),
]


@pytest.mark.parametrize(("file", "horizon", "season", "folds", "expected"), PUBLISHED, ids=lambda value: str(value))
def test_seasonal_naive_has_the_published_error(file, horizon, season, folds, expected):
    forecaster = SeasonalNaiveForecaster(horizon=horizon, season=season, target="OT" if "epf" in file else None)
    result = backtest(forecaster, Path(DATA) / file, folds=folds, levels=())
    assert result.metrics()["mase"] == pytest.approx(expected, abs=6e-4)


def test_seasonal_naive_has_the_symmetric_error_of_the_m4_competition():
    forecaster = SeasonalNaiveForecaster(horizon=48, season=24)
    result = backtest(forecaster, Path(DATA) / "m4_hourly/m4_hourly_dataset.tsf.gz", folds=1, levels=())
    assert result.metrics()["smape"] == pytest.approx(13.912, abs=6e-4)
