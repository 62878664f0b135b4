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


def forecast(forecaster, panel, learn):
    """(S, 1 + Q, H) of the last 18 steps: points, then 5 % and 95 % levels."""
    origin = panel.ends - 18
    model = learn(forecaster, panel.cut(origin), season=12)
    values = model._forecast(panel, np.arange(len(panel)), origin, horizon=18, levels=(0.05, 0.95))
    return values[:, :, 0].transpose(0, 2, 1)


def mase(points, panel):
    errors = []
    for s, forecast in enumerate(points):
        history, truth = np.split(panel.series(s)[:, 0], [-18])
        errors.append(np.abs(truth - forecast).mean() / np.abs(history[12:] - history[:-12]).mean())
    return float(np.mean(errors))


def test_seasonal_naive_is_the_published_figure(monthly, learn):
    points = forecast(SeasonalNaiveForecaster(horizon=18), monthly, learn)[:, 0]
    assert mase(points, monthly) == pytest.approx(1.146, abs=5e-4)


def test_theta_and_ets_beat_the_published_figures_and_their_mean_beats_both(monthly, learn):
    chosen = monthly.select(np.arange(0, len(monthly), 4))
    theta, ets = (forecast(kind(horizon=18, workers=1), chosen, learn) for kind in (ThetaForecaster, ETSForecaster))
    errors = [mase(values[:, 0], chosen) for values in (theta, ets, (theta + ets) / 2)]
    assert errors[0] < 0.855 and errors[1] < 0.863  # statsforecast's, in the results of Chronos
    assert errors[2] < min(errors[:2])
    truth = np.stack([chosen.series(s)[-18:, 0] for s in range(len(chosen))])
    for values in (theta, ets):
        assert 0.86 < np.mean((truth >= values[:, 1]) & (truth <= values[:, 2])) < 0.94


@pytest.mark.slow
def test_arima_is_as_accurate_as_published(monthly, learn):
    chosen = monthly.select(np.arange(0, len(monthly), 20))
    assert mase(forecast(ARIMAForecaster(horizon=18), chosen, learn)[:, 0], chosen) < 0.89
