"""Cycles that the data show, and only those."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.build import load_panel
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles
from forecast.datasets.seasons import detect_cycles, detect_season, natural_cycles
from forecast.datasets.timeline import Timeline

DATA = os.environ.get("FORECAST_DATA")


def panel_of(values: np.ndarray, freq: str | None = "h") -> Panel:
    """Columns (T, S) as series on a grid with a calendar, or on whole numbers."""
    index = None if freq is None else pd.date_range("2020-01-01", periods=len(values), freq=freq)
    return load_panel(values if index is None else pd.DataFrame(values, index=index))


def waves(steps: int, *cycles: int, noise: float = 0.5, series: int = 4) -> np.ndarray:
    rng = np.random.default_rng(1)
    time = np.arange(steps)[:, None]
    shape = sum(np.sin(2 * np.pi * (time + rng.uniform(0, c, series)) / c) for c in cycles)
    return shape + noise * rng.normal(size=(steps, series))


def test_natural_cycles_come_from_the_frequency():
    expected = {
        "h": (24, 168, 8766), "30min": (2, 48, 336, 17532), "15min": (4, 96, 672, 35064), "D": (7, 365), "B": (5, 261),
        "W-SUN": (52,), "MS": (12,), "QE-DEC": (4,), "YS-JAN": (), "2MS": (6,), "6h": (4, 28, 1461), "7D": (52,),
        "1": (), "s": (60, 3600, 86400), "min": (60, 1440, 10080, 525960), "5h": (1753,),
    }  # fmt: skip
    for freq, cycles in expected.items():
        assert natural_cycles(Timeline(freq=freq)) == cycles, freq


def test_a_daily_and_a_weekly_cycle_are_found_in_hours():
    assert detect_cycles(panel_of(waves(24 * 7 * 6, 24, 168))) == (24, 168)
    assert detect_cycles(panel_of(waves(24 * 7 * 6, 168))) == (168,)
    assert detect_cycles(panel_of(waves(24 * 7 * 6, 24))) == (24,)


def test_trends_gaps_and_levels_do_not_hide_a_cycle():
    values = waves(240, 12, noise=0.3) + np.linspace(0, 60, 240)[:, None] + 1e7
    values[np.random.default_rng(0).random(values.shape) < 0.2] = np.nan
    assert detect_cycles(panel_of(values, "MS")) == (12,)


@pytest.mark.parametrize("freq", ["h", "D", "MS", "W-SUN", None])
def test_noise_walks_and_trends_have_no_cycle(freq):
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(700, 12))
    trend = np.linspace(0, 5, 700)[:, None] ** 2 + np.zeros(12)
    for values in (noise, noise.cumsum(axis=0), trend + 0.1 * noise, np.full((700, 3), 5.0)):
        assert detect_cycles(panel_of(values, freq)) == ()
        assert detect_season(panel_of(values, freq)) == 1


def test_whole_numbers_show_cycles_of_any_length():
    assert detect_cycles(panel_of(waves(400, 17), None)) == (17,)
    assert detect_cycles(panel_of(waves(900, 24, 168, noise=0.3), None)) == (24, 168)


def test_series_too_short_to_tell_have_no_cycle():
    assert detect_cycles(panel_of(waves(20, 12), "MS")) == ()
    assert detect_season(load_panel(np.arange(3.0))) == 1


@pytest.mark.skipif(DATA is None, reason="FORECAST_DATA names no folder with the benchmark files")
@pytest.mark.parametrize(
    ("name", "roles", "cycles"),
    [
        ("m4_hourly/m4_hourly_dataset.tsf.gz", {}, (24, 168)),
        ("m4_hourly/Hourly-train.csv.gz", {}, (24, 168)),  # no dates
        ("ett/ETTh1.csv.gz", {}, (24,)),
        ("ett/ETTm1.csv.gz", {}, (96,)),
        ("epf/NP.csv.gz", {"target": "OT"}, (24, 168)),
        ("epf/PJM.csv.gz", {"target": "OT"}, (24, 168)),
        ("monash/us_births_dataset.tsf", {}, (7, 365)),
        ("monash/m3_monthly_dataset.tsf", {}, (12,)),
        ("monash/m3_quarterly_dataset.tsf", {}, (4,)),
        ("monash/m3_yearly_dataset.tsf", {}, ()),
        ("airpassengers/AirPassengers.csv", {}, (12,)),
        ("walmart/train.csv.zip", {"id": "Store,Dept", "target": "Weekly_Sales"}, (52,)),
        ("exchange/exchange_rate.csv", {}, ()),
        ("monash/sunspot_dataset_without_missing_values.tsf", {}, ()),
        ("weather/weather.csv.gz", {}, (144,)),
    ],
)
def test_real_files_show_their_known_cycles(name, roles, cycles):
    assert detect_cycles(load_panel(Path(DATA or "") / name, Roles(**roles))) == cycles
