"""Published accuracy on the M3 competition's monthly series, 18 steps ahead (MASE, as the fev benchmark counts it)."""

import os
from pathlib import Path

import numpy as np
import pytest

from forecast.baselines import ARIMAForecaster, ETSForecaster, SeasonalNaiveForecaster, ThetaForecaster
from forecast.datasets.build import load_panel

FOLDER = os.environ.get("FORECAST_DATA")
pytestmark = pytest.mark.skipif(not FOLDER, reason="FORECAST_DATA names no folder with the benchmark files")


@pytest.fixture(scope="module")
def monthly():
    return load_panel(next(Path(FOLDER or ".").rglob("m3_monthly_dataset.tsf")))


def mase(forecaster, panel, learn):
    origin = panel.ends - 18
    model = learn(forecaster, panel.cut(origin), season=12)
    result = model._forecast(panel, np.arange(len(panel)), origin, horizon=18, levels=())[:, :, 0, 0]
    errors = []
    for s, forecast in enumerate(result):
        history, truth = np.split(panel.series(s)[:, 0], [-18])
        errors.append(np.abs(truth - forecast).mean() / np.abs(history[12:] - history[:-12]).mean())
    return float(np.mean(errors))


def test_seasonal_naive_is_the_published_figure(monthly, learn):
    assert mase(SeasonalNaiveForecaster(horizon=18), monthly, learn) == pytest.approx(1.146, abs=5e-4)


def test_theta_is_as_accurate_as_published(monthly, learn):
    chosen = monthly.select(np.arange(0, len(monthly), 12))
    assert mase(ThetaForecaster(horizon=18), chosen, learn) < 0.88


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ETSForecaster, ARIMAForecaster])
def test_ets_and_arima_are_as_accurate_as_published(monthly, learn, kind):
    chosen = monthly.select(np.arange(0, len(monthly), 20))
    assert mase(kind(horizon=18), chosen, learn) < 0.89
