"""The MASE that a training's reports know, against a backtest of the weights as they are then."""

import numpy as np
import pandas as pd
import pytest

from forecast import create
from forecast.evaluation.metrics import mase_of_windows

STEPS = 12


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-01-01", periods=200)
    wave = 20 + 5 * np.sin(np.arange(200) * 2 * np.pi / 7)
    return pd.concat(
        pd.DataFrame({"shop": name, "day": times, "sales": level * (wave + rng.normal(0, 1, 200))})
        for name, level in (("a", 1.0), ("b", 50.0), ("c", 0.02))
    )


def last_report(forecaster, frame, validation=14):
    """The last report's MASE, and the forecaster with the weights of that time."""
    found = []

    def listen(step, seconds, losses):
        found.append((losses["mase"], {k: v.clone() for k, v in forecaster.network_.state_dict().items()}))

    forecaster.fit(frame, validation=validation, on_report=listen)
    error, weights = found[-1]
    forecaster.network_.load_state_dict(weights)
    forecaster.network_.eval()
    return error, forecaster


@pytest.mark.parametrize(
    "name, settings",
    [
        ("lstm", {}),
        ("transformer", {"scale": "series", "location": "last", "dropout": 0.3}),
        ("lstm", {"transform": "log1p", "levels": None, "point_loss": "mse"}),
        ("lstm", {"transform": "box-cox", "lower": 0.0}),
        ("hybrid", {"distribution": "student-t"}),
        ("deepar", {"paths": 20}),
    ],
)
def test_reports_know_the_error_of_the_forecasts_in_the_datas_units(frame, name, settings):
    forecaster = create(name, horizon=7, max_steps=STEPS, hidden_size=16, patience=None, **settings)
    told, fitted = last_report(forecaster, frame)
    panel = fitted._panel(frame)
    series = np.repeat(np.arange(3), 8)
    ends = np.tile(np.arange(186, 194), 3)
    known = panel.ends.copy()
    np.minimum.at(known, series, ends)
    points = fitted.forecast_windows(panel, series, ends)[..., 0]
    expected = mase_of_windows(panel, series, ends, points, season=fitted.season_)
    assert told == pytest.approx(expected, rel=0.05)


def test_asking_for_the_error_changes_nothing_in_the_training(frame):
    def fitted(listen):
        forecaster = create("lstm", horizon=7, max_steps=STEPS, hidden_size=16, dropout=0.2)
        return forecaster.fit(frame, validation=14, on_report=listen).predict().to_numpy()[:, -1]

    asked = fitted(lambda step, seconds, losses: losses["mase"] < 0)
    assert np.array_equal(asked, fitted(lambda step, seconds, losses: None))


def test_a_report_that_nobody_asks_for_the_error_does_not_hold_it(frame):
    seen = []
    create("lstm", horizon=7, max_steps=STEPS, hidden_size=16).fit(
        frame, validation=14, on_report=lambda step, seconds, losses: seen.append(dict(losses))
    )
    assert seen and not any("mase" in losses for losses in seen)
    with pytest.raises(KeyError):
        seen[0]["mae"]
