"""Covariates that are said to be known ahead, and are not."""

from dataclasses import replace

import numpy as np
import pytest

from forecast.errors import DataError
from forecast.evaluation import backtest

RNG = np.random.default_rng(6)


@pytest.fixture
def with_covariates(make_panel):
    """Two series of 40 and 30 rows whose panel has the future columns ``weather`` and ``day`` (categorical)."""

    def make(weather, day=None):
        panel = make_panel([RNG.normal(size=40), RNG.normal(size=30)])
        codes = np.ones((70, 1), np.int64) if day is None else day[:, None]
        schema = replace(panel.schema, future=("weather",), future_codes=("day",), categories={"day": ("a", "b")})
        return replace(panel, schema=schema, future=weather[:, None], future_codes=codes)

    return make


def test_a_covariate_that_ends_with_an_origin_was_not_known_there(with_covariates, make_spy):
    weather = RNG.normal(size=70)
    weather[33:40], weather[63:] = np.nan, np.nan  # origins: 31, 34, 37 and 21, 24, 27
    with pytest.raises(DataError, match=r"'weather' is declared as known ahead, but no value.*origins of fold 1"):
        backtest(make_spy(horizon=3), with_covariates(weather), folds=3)
    assert backtest(make_spy(horizon=3), with_covariates(np.where(np.isnan(weather), 0, weather)), folds=3).folds == 3


def test_the_same_holds_for_categories(with_covariates, make_spy):
    day = np.r_[np.ones(37), np.zeros(3), np.full(27, 2), np.zeros(3)].astype(np.int64)
    with pytest.raises(DataError, match=r"'day' is declared as known ahead.*fold 2"):
        backtest(make_spy(horizon=3), with_covariates(np.ones(70), day), folds=3)


def test_gaps_are_no_fault_nor_are_series_or_columns_without_values(with_covariates, make_spy):
    gaps = np.where(np.arange(70) % 2, np.nan, 1.0)
    one_without = np.r_[np.full(40, np.nan), np.ones(30)]
    late = np.r_[np.full(38, np.nan), np.ones(2), np.full(28, np.nan), np.ones(2)]
    for weather in (gaps, one_without, late, np.full(70, np.nan)):
        assert backtest(make_spy(horizon=3), with_covariates(weather), folds=3).folds == 3
