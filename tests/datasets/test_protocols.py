"""The published protocols give the published numbers, to three decimals, on the published files."""

import os

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.build import load_panel
from forecast.datasets.catalogue import available, find_dataset, load_dataset
from forecast.datasets.named.protocols import (
    PROTOCOLS,
    LongHorizon,
    Protocol,
    gift_eval_windows,
    last_windows,
    ltsf,
    protocol,
)
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, DataError
from forecast.evaluation.metrics import actuals, mase_of_windows, smape

REPEAT_LAST = {  # mean squared and absolute error, horizons 96, 192, 336, 720
    "ETTh1": ((1.294, 0.713), (1.325, 0.733), (1.330, 0.746), (1.335, 0.755)),
    "ETTm1": ((1.214, 0.665), (1.261, 0.690), (1.287, 0.707), (1.322, 0.729)),
    "exchange_rate": ((0.081, 0.196), (0.167, 0.289), (0.306, 0.398), (0.810, 0.676)),
    "weather": ((0.259, 0.254), (0.309, 0.292), (0.376, 0.338), (0.465, 0.394)),
}


def _need(name: str) -> None:
    if not os.environ.get("FORECAST_DATA"):
        pytest.skip("FORECAST_DATA names no folder with benchmark files")
    at_hand = available(find_dataset(name))
    if not at_hand:
        pytest.skip(at_hand.why)


def _repeat_last(task: LongHorizon, horizon: int) -> tuple[float, float]:
    """Mean squared and absolute error over all windows of the test rows, one step of the horizon at a time."""
    ends = task.ends("test", lookback=96, horizon=horizon)
    values = task.values.astype(np.float32)
    last = values[ends - 1]
    squared = absolute = 0.0
    for step in range(horizon):
        error = values[ends[0] + step : ends[-1] + step + 1] - last
        squared += float(np.vdot(error, error))
        absolute += float(np.abs(error).sum(dtype=np.float64))
    return squared / (last.size * horizon), absolute / (last.size * horizon)


@pytest.mark.parametrize("name", REPEAT_LAST)
def test_repeating_the_last_value_has_the_published_long_horizon_errors(name: str) -> None:
    _need(name)
    task = ltsf(name)
    for horizon, expected in zip((96, 192, 336, 720), REPEAT_LAST[name], strict=True):
        assert _repeat_last(task, horizon) == pytest.approx(expected, abs=6e-4)


def _seasonal_naive(panel: Panel, series: Ints, ends: Ints, *, horizon: int, season: int) -> Floats:
    """(W, H, C): the last value seen a whole number of seasons before; steps that are missing are passed over."""
    values = panel.target[:, 0].copy()
    position = np.arange(len(values)) - np.repeat(panel.offsets[:-1], panel.lengths)
    for row in np.flatnonzero(np.isnan(values) & (position >= season)):
        values[row] = values[row - season]
    back = ends[:, None] - season + np.arange(horizon) % season
    return values[panel.offsets[series][:, None] + np.maximum(back, 0)][..., None]


@pytest.mark.parametrize("task", PROTOCOLS.values(), ids=lambda task: task.name)
def test_seasonal_naive_has_the_published_mase(task: Protocol) -> None:
    _need(task.dataset)
    panel = load_panel(load_dataset(task.dataset), find_dataset(task.dataset).roles)
    series, ends = task.split(panel)
    forecast = _seasonal_naive(panel, series, ends, horizon=task.horizon, season=task.season)
    found = mase_of_windows(panel, series, ends, forecast, season=task.season)
    assert found == pytest.approx(task.seasonal_naive, abs=6e-4)


def test_m4_hourly_has_the_official_smape() -> None:
    _need("m4_hourly")
    panel = load_panel(load_dataset("m4_hourly"), find_dataset("m4_hourly").roles)
    series, ends = protocol("m4/hourly").split(panel)
    naive, seasonal = (_seasonal_naive(panel, series, ends, horizon=48, season=season) for season in (1, 24))
    actual = actuals(panel, series, ends, horizon=48)
    assert smape(actual, seasonal) == pytest.approx(13.912, abs=6e-4)
    assert smape(actual, naive) == pytest.approx(43.003, abs=6e-4)
    assert mase_of_windows(panel, series, ends, naive, season=24) == pytest.approx(11.608, abs=6e-4)


def test_walmart_counts_the_series_with_enough_rows_in_the_file() -> None:
    _need("walmart")
    series, ends = protocol("fev/walmart").split(load_panel(load_dataset("walmart"), find_dataset("walmart").roles))
    assert len(series) == len(ends) == 2936


def _hourly(rows: int) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(5, 3, (rows, 2))
    return pd.DataFrame(values, columns=["a", "b"]).assign(date=pd.date_range("2020", periods=rows, freq="h"))


def test_long_horizon_values_are_standardised_by_training_rows_only() -> None:
    frame = _hourly(1000)
    frame.loc[700:, "a"] += 1e6
    task = ltsf("weather", frame=frame)
    assert task.columns == ("a", "b")
    np.testing.assert_allclose(task.values[task.train].mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(task.values[task.train].std(0), 1)
    np.testing.assert_allclose(task.values * task.deviation + task.mean, frame[["a", "b"]])
    assert (task.train, task.validation, task.test) == (slice(0, 700), slice(700, 800), slice(800, 1000))


def test_long_horizon_windows_cover_every_target_row_of_a_part() -> None:
    task = ltsf("weather", frame=_hourly(1000))
    ends = task.ends("test", lookback=96, horizon=24)
    assert (ends[0], ends[-1], len(ends)) == (800, 976, 177)
    assert task.ends("train", lookback=96, horizon=24)[0] == 96


def test_transformer_data_are_cut_by_months_of_thirty_days() -> None:
    task = ltsf("ETTh2", frame=_hourly(14500))
    assert (task.train.stop, task.validation.stop, task.test.stop, len(task.values)) == (8640, 11520, 14400, 14400)
    with pytest.raises(DataError, match="14000 rows, its protocol needs 14400"):
        ltsf("ETTh2", frame=_hourly(14000))


def test_only_wide_benchmarks_have_the_long_horizon_protocol() -> None:
    with pytest.raises(ConfigError, match="not a data set of the long-horizon protocol"):
        ltsf("epf_np")


def test_last_windows_do_not_overlap_and_end_with_the_data() -> None:
    frame = pd.DataFrame({"a": np.arange(30.0), "b": np.r_[np.arange(12.0), [np.nan] * 18]})
    panel = load_panel(frame.assign(time=pd.date_range("2020", periods=30)))
    series, ends = last_windows(panel, 5, windows=3)
    assert list(zip(series.tolist(), ends.tolist(), strict=True)) == [(0, 15), (0, 20), (0, 25), (1, 2), (1, 7)]
    assert last_windows(panel, 5, windows=2, step=1)[1].tolist() == [24, 25, 6, 7]
    assert gift_eval_windows(panel, 5) == 1
    with pytest.raises(ConfigError, match="horizon=0"):
        last_windows(panel, 0)


def test_an_unknown_protocol_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'fev/epf_np'"):
        protocol("fev/epf_mp")
