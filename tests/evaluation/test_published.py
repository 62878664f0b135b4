"""Backtests of the naive forecasts give the published numbers on the public benchmark files."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.baselines.naive import NaiveForecaster, SeasonalNaiveForecaster
from forecast.datasets.build import load_panel
from forecast.datasets.catalogue import find_dataset, load_dataset
from forecast.datasets.checks import observed_steps
from forecast.datasets.named.protocols import ltsf
from forecast.evaluation import Backtest, backtest, evaluate

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
    ("ett/ETTm1.csv.gz", 480, 96, 15, 1.188),
    ("ett/ETTm1.csv.gz", 720, 96, 10, 1.191),
    ("weather/weather.csv.gz", 48, 144, 20, 0.743),
    ("m4_hourly/m4_hourly_dataset.tsf.gz", 48, 24, 1, 1.193),
]


@pytest.mark.parametrize(("file", "horizon", "season", "folds", "expected"), PUBLISHED, ids=lambda value: str(value))
def test_seasonal_naive_has_the_published_error(file, horizon, season, folds, expected):
    forecaster = SeasonalNaiveForecaster(horizon=horizon, season=season, target="OT" if "epf" in file else None)
    result = backtest(forecaster, Path(DATA) / file, folds=folds, levels=())
    assert result.metrics()["mase"] == pytest.approx(expected, abs=6e-4)


def m4_hourly(forecaster) -> Backtest:
    return backtest(forecaster, Path(DATA) / "m4_hourly/m4_hourly_dataset.tsf.gz", folds=1, levels=(), season=24)


def test_naive_forecasts_have_the_errors_of_the_m4_competition():
    seasonal = m4_hourly(SeasonalNaiveForecaster(horizon=48, season=24)).metrics()
    naive = m4_hourly(NaiveForecaster(horizon=48)).metrics()
    assert (seasonal["smape"], seasonal["mase"]) == pytest.approx((13.912, 1.193), abs=6e-4)
    assert (naive["smape"], naive["mase"]) == pytest.approx((43.003, 11.608), abs=6e-4)


def test_the_competitions_own_files_give_the_same_errors_without_a_backtest():
    """Series in rows, without times: training in one file, the 48 steps after it in another."""
    train, test = (
        pd.read_csv(Path(DATA) / "m4_hourly" / name, index_col=0)
        .T.reset_index(drop=True)
        .melt(var_name="id", ignore_index=False)
        for name in ("Hourly-train.csv.gz", "Hourly-test.csv")
    )
    train, test = train.dropna(), test.dropna()
    length = train.groupby("id").size()
    train["time"], test["time"] = train.index, test.index + test["id"].map(length)
    last_day = train[train["time"] >= train["id"].map(length) - 24].set_index(["id", "time"])["value"]
    season_before = test["id"].map(length) - 24 + test.index % 24
    test["forecast"] = last_day.loc[pd.MultiIndex.from_arrays([test["id"], season_before])].to_numpy()
    data = pd.concat([train, test[["id", "time", "value"]]])
    found = evaluate(test.drop(columns="value"), data, id="id", time="time", target="value", season=24)
    assert (found["smape"], found["mase"], found["count"]) == pytest.approx((13.912, 1.193, 414 * 48), abs=6e-4)


def test_naive_forecasts_have_the_published_error_on_series_with_missing_weeks():
    entry = find_dataset("walmart")
    panel = load_panel(load_dataset("walmart"), entry.roles)
    panel = panel.select(np.flatnonzero(observed_steps(panel) >= 79))
    result = backtest(NaiveForecaster(horizon=39), panel, folds=1, levels=(), season=1)
    assert len(result) == 2936
    assert result.metrics()["mase"] == pytest.approx(1.524, abs=6e-4)


REPEAT_LAST = [  # mean squared and absolute error; LTSF-Linear, row Repeat, with the last incomplete batch of windows
    ("ETTh1", 96, 1.294, 0.713),
    ("ETTh1", 720, 1.335, 0.755),
    ("exchange_rate", 96, 0.081, 0.196),
    ("exchange_rate", 720, 0.810, 0.676),
]


@pytest.mark.parametrize(("name", "horizon", "squared", "absolute"), REPEAT_LAST)
def test_repeating_the_last_value_has_the_published_error_over_all_windows(name, horizon, squared, absolute):
    task = ltsf(name)
    folds = task.test.stop - task.test.start - horizon + 1
    result = backtest(NaiveForecaster(horizon=horizon), task.values, folds=folds, step=1, levels=(), season=1)
    found = result.metrics()
    assert (found["mse"], found["mae"]) == pytest.approx((squared, absolute), abs=6e-4)
