"""TimeSplit: every series cut at the same moments, in scikit-learn's own tools too."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score

from forecast.datasets.splits import TimeSplit
from forecast.errors import ConfigError, DataError

DAYS = pd.date_range("2024-01-01", periods=40, freq="D")


def long_frame() -> pd.DataFrame:
    """Two series of 40 and 30 days with one last day, rows shuffled."""
    frame = pd.concat(
        [
            pd.DataFrame({"unique_id": name, "ds": DAYS[-n:], "y": np.arange(float(n))})
            for name, n in (("a", 40), ("b", 30))
        ]
    )
    return frame.sample(frac=1, random_state=0)


@pytest.mark.parametrize("gap", [0, 3])
def test_a_long_frame_is_cut_at_the_same_days_in_all_series(gap):
    frame = long_frame()
    folds = list(TimeSplit(5, folds=3, gap=gap).split(frame))
    assert len(folds) == 3
    for fold, (train, test) in enumerate(folds):
        first = 40 - 5 * (3 - fold)
        assert sorted(frame.iloc[test].ds.unique()) == list(DAYS[first : first + 5])
        assert len(test) == 10
        assert set(train) == set(np.flatnonzero(frame.ds < DAYS[first - gap]))
        assert (np.diff(train) > 0).all()  # in the order of the rows


@pytest.mark.parametrize("shape", ["wide", "series", "array", "list of dates"])
def test_other_shapes_are_cut_by_row(shape):
    values = np.arange(80.0).reshape(40, 2)
    data = {
        "wide": pd.DataFrame(values, columns=["a", "b"], index=DAYS),
        "series": pd.Series(values[:, 0], index=DAYS),
        "array": values,
        "list of dates": pd.DataFrame({"day": DAYS.astype(str), "a": values[:, 0], "b": values[:, 1]}),
    }[shape]
    (train, test), (_, last) = TimeSplit(4, folds=2, step=3).split(data)
    assert test.tolist() == [33, 34, 35, 36] and last.tolist() == [36, 37, 38, 39]
    assert train.tolist() == list(range(33))


def test_rows_that_carry_future_covariates_only_belong_to_no_part():
    frame = long_frame().sort_values(["unique_id", "ds"], ignore_index=True)
    frame.loc[frame.ds >= DAYS[-3], "y"] = np.nan
    (train, test), *_ = TimeSplit(5, folds=1).split(frame)
    assert frame.iloc[test].ds.max() == DAYS[36]
    assert not set(np.flatnonzero(frame.y.isna())) & (set(train) | set(test))


def test_columns_may_be_named_and_y_may_come_apart():
    frame = long_frame().rename(columns={"unique_id": "shop", "ds": "day", "y": "sales"})
    frame["other"] = 1.0
    expected = list(TimeSplit(5, folds=2).split(long_frame()))
    named = list(TimeSplit(5, folds=2, time="day", target="sales", id="shop").split(frame))
    apart = list(TimeSplit(5, folds=2).split(frame.drop(columns=["sales", "other"]), frame["sales"]))
    for one, two, three in zip(expected, named, apart, strict=True):
        for a, b, c in zip(one, two, three, strict=True):
            assert a.tolist() == b.tolist() == c.tolist()


def test_folds_that_do_not_fit_are_refused_with_the_number_that_would():
    with pytest.raises(DataError, match="at most 5 folds") as error:
        list(TimeSplit(5, folds=6).split(long_frame()))
    assert error.value.where["folds"] == 5
    assert len(list(TimeSplit(5, folds=5).split(long_frame()))) == 5
    assert len(list(TimeSplit(5, folds=7, min_train=1).split(long_frame()))) == 7
    with pytest.raises(DataError, match="Not even one fold"):
        list(TimeSplit(15, folds=1).split(long_frame()))


def test_wrong_settings_are_named_at_split_and_not_before():
    split = TimeSplit(0, folds=-1, gap=-2)
    with pytest.raises(ConfigError, match=r"horizon=0 .*; folds=-1 .*; gap=-2"):
        list(split.split(long_frame()))


@settings(max_examples=50, deadline=None)
@given(
    steps=st.integers(1, 60),
    horizon=st.integers(1, 6),
    folds=st.integers(1, 5),
    step=st.integers(1, 6),
    gap=st.integers(0, 3),
    least=st.integers(1, 8),
)
def test_parts_never_overlap_and_the_largest_number_of_folds_is_right(steps, horizon, folds, step, gap, least):
    values = np.arange(float(steps))
    split = TimeSplit(horizon, folds, step=step, gap=gap, min_train=least)
    try:
        parts = list(split.split(values))
    except DataError as error:
        fit = error.where["folds"]
        assert fit < folds
        if fit:
            assert len(list(TimeSplit(horizon, fit, step=step, gap=gap, min_train=least).split(values))) == fit
        return
    assert len(parts) == folds == split.get_n_splits()
    for train, test in parts:
        assert len(test) == horizon and len(train) >= least
        assert test[0] - train[-1] == gap + 1
    assert parts[-1][1][-1] == steps - 1


class LastMean(RegressorMixin, BaseEstimator):
    """Forecasts each series' mean of its last ``steps`` rows; sees frames as they were split."""

    def __init__(self, steps: int = 1) -> None:
        self.steps = steps

    def fit(self, X: pd.DataFrame, y: None = None) -> "LastMean":
        self.means_ = X.sort_values("ds").groupby("unique_id").y.apply(lambda values: values.tail(self.steps).mean())
        return self

    def score(self, X: pd.DataFrame, y: None = None) -> float:
        return -float((X.y - X.unique_id.map(self.means_)).abs().mean())


def test_grid_search_and_cross_validation_take_it():
    frame = long_frame()
    scores = cross_val_score(LastMean(), frame, cv=TimeSplit(5, folds=3))
    assert scores == pytest.approx([-3.0] * 3)  # y rises by 1 a day
    search = GridSearchCV(LastMean(), {"steps": [1, 7]}, cv=TimeSplit(5, folds=2)).fit(frame)
    assert search.best_params_ == {"steps": 1}


def test_it_cuts_features_and_target_apart_as_well():
    scores = cross_val_score(DummyRegressor(), np.ones((40, 3)), np.arange(40.0), cv=TimeSplit(4, folds=3))
    assert len(scores) == 3


def test_columns_that_cannot_be_found_are_to_be_named_to_the_split():
    frame = (
        long_frame().assign(sort="x", region="y").drop(columns="y").assign(sold=1.0).rename(columns={"unique_id": "k"})
    )
    with pytest.raises(DataError, match=r"several text columns") as caught:
        list(TimeSplit(5, folds=2).split(frame))
    assert "TimeSplit(horizon, folds, time=..., id=..., target=...)" in caught.value.remedy
    assert len(list(TimeSplit(5, folds=2, id="k", target="sold").split(frame))) == 2
