"""Forecasters over several data sets."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forecast.errors import ConfigError, DataError
from forecast.evaluation import over_sets

ERRORS = pd.DataFrame(
    {"seasonal-naive": [1.0, 2.0, 4.0, 3.0], "good": [0.5, 1.0, 4.0, 1.0], "bad": [2.0, 2.0, 4.5, 900.0]},
    index=["hourly", "daily", "weekly", "monthly"],
)


def test_every_set_counts_the_same():
    table = over_sets(ERRORS)
    assert table.index.tolist() == ["good", "seasonal-naive", "bad"]
    assert table.loc["good", "skill"] == pytest.approx(1 - stats.gmean([0.5, 0.5, 1.0, 1 / 3]))
    assert table.loc["bad", "skill"] == pytest.approx(1 - stats.gmean([2.0, 1.0, 1.125, 100.0]))  # 300 counts as 100
    ranks = stats.rankdata(ERRORS.to_numpy(), axis=1).mean(axis=0)
    np.testing.assert_allclose(table.loc[ERRORS.columns, "rank"], ranks)
    wins = {
        one: np.mean([(ERRORS[one] < ERRORS[o]) + 0.5 * (ERRORS[one] == ERRORS[o]) for o in ERRORS if o != one])
        for one in ERRORS
    }
    assert table["wins"].to_dict() == pytest.approx(wins)
    assert table.loc["good", "skill_low"] < table.loc["good", "skill"] < table.loc["good", "skill_high"]
    assert np.isnan(table.loc["seasonal-naive", "skill_low"])
    pd.testing.assert_frame_equal(over_sets(ERRORS.to_dict(orient="index")), table)


def test_one_set_gives_no_interval_and_another_reference_may_be_named():
    table = over_sets(ERRORS.iloc[:1], reference="bad")
    assert table.loc["good", "skill"] == pytest.approx(0.75) and np.isnan(table.loc["good", "skill_low"])
    with pytest.raises(ConfigError, match="no reference is named"):
        over_sets(ERRORS[["good", "bad"]])


@pytest.mark.parametrize("wrong", [np.nan, -1.0, np.inf])
def test_what_is_no_error_is_refused_with_its_place(wrong):
    errors = ERRORS.copy()
    errors.loc["daily", "good"] = wrong
    with pytest.raises(DataError, match="the error of good on daily is"):
        over_sets(errors)
