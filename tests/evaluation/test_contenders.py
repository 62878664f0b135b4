"""Several forecasters in one call, by name or made by hand."""

import numpy as np
import pandas as pd
import pytest

from forecast.baselines.naive import NaiveForecaster, SeasonalNaiveForecaster
from forecast.errors import ConfigError
from forecast.evaluation import Backtest, backtest, leaderboard
from forecast.presets import create


def frame(rows=60):
    rng = np.random.default_rng(0)
    times = pd.date_range("2024", periods=rows, freq="D")
    return pd.DataFrame({"when": times, "sold": rng.normal(5, 1, rows), "price": rng.normal(size=rows)})


def test_a_preset_is_tested_by_its_name():
    data = frame().drop(columns="price")
    result = backtest("seasonal-naive", data, horizon=4, folds=3, season=7)
    assert isinstance(result, Backtest) and result.name == "seasonal-naive"
    same = backtest(SeasonalNaiveForecaster(horizon=4), data, folds=3, season=7)
    np.testing.assert_array_equal(result.values, same.values)


def test_several_are_tested_on_the_same_windows_with_one_season():
    results = backtest(
        ["naive", SeasonalNaiveForecaster(horizon=4, season=7, target="sold"), "mean"], frame(), horizon=4, folds=3
    )
    assert list(results) == ["naive", "seasonal-naive", "mean"]
    assert {result.season for result in results.values()} == {7}
    assert len(leaderboard(results)) == 3  # refuses different windows, targets or seasons
    assert results["naive"].panel is results["mean"].panel  # read once


def test_a_mapping_names_them():
    results = backtest(
        {"a": NaiveForecaster(horizon=4, target="sold"), "b": NaiveForecaster(horizon=4, target="sold", lower=5.0)},
        frame(),
        folds=2,
    )
    assert list(results) == ["a", "b"] and results["b"].name == "b"
    assert results["b"].values.min() >= 5.0 > results["a"].values.min()


def test_networks_are_called_by_their_nearest_preset():
    settings = {"max_steps": 1, "hidden_size": 8, "threads": 1, "target": "sold"}
    results = backtest([create(name, horizon=2, **settings) for name in ("gru", "lstm")], frame(), folds=2, levels=())
    assert list(results) == ["gru", "lstm"]


def test_standard_input_is_read_once(monkeypatch):
    import io

    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(frame().drop(columns="price").to_csv(index=False).encode()))
    )
    assert len(backtest(["naive", "mean"], "-", horizon=3, folds=2)) == 2


def test_names_that_are_missing_unknown_or_twice_there_are_refused():
    data = frame().drop(columns="price")
    with pytest.raises(ConfigError, match="the horizon is missing"):
        backtest("naive", data, folds=2)
    with pytest.raises(ConfigError, match="Did you mean 'naive'"):
        backtest(["naiv"], data, horizon=2, folds=2)
    with pytest.raises(ConfigError, match="two forecasters are called naive"):
        backtest(["naive", NaiveForecaster(horizon=2)], data, horizon=2, folds=2)
    with pytest.raises(ConfigError, match="no forecaster is given"):
        backtest([], data, folds=2)
    with pytest.raises(ConfigError, match="different horizons: naive 2, mean 3"):
        backtest({"naive": NaiveForecaster(horizon=2), "mean": create("mean", horizon=3)}, data, folds=2)
