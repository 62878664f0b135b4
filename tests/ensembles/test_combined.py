"""A combination is a forecaster like any other."""

import numpy as np
import pandas as pd
import pytest

from forecast import CombinedForecaster, ConfigError, create, load
from forecast.ensembles import Weights, combined_backtest, weigh
from forecast.errors import DataError
from forecast.estimators.base import Forecaster
from forecast.evaluation import backtest

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
MEMBERS = ("naive", "seasonal-naive", "mean", "drift")


def make(**settings):
    return create("combined", **{"horizon": 4, "season": 6, "members": MEMBERS, **settings})


def test_its_backtest_is_that_of_its_members_combined(frame, backtests):
    whole = backtest(make(), frame, folds=6, levels=LEVELS)
    np.testing.assert_allclose(whole.values, combined_backtest(backtests, weigh(backtests, "equal")).values)


@pytest.mark.parametrize("weighting", ["equal", "inverse-error", "greedy", "stacked"])
def test_it_forecasts_the_weighted_mean_and_comes_back_from_its_file(weighting, frame, tmp_path):
    model = make(weighting=weighting).fit(frame)
    members = {name: create(name, horizon=4, season=6).fit(frame) for name in model.weights_.members}
    expected = sum(
        weight * members[name].predict(levels=(0.5,))["forecast"]
        for name, weight in model.weights_.as_mapping().items()
    )
    answer = model.predict(levels=(0.1, 0.25, 0.9))
    np.testing.assert_allclose(answer["forecast"], expected)
    assert (answer["q0.1"] <= answer["q0.25"]).all() and (answer["q0.25"] <= answer["q0.9"]).all()
    assert model.report_["weights"].keys() == set(MEMBERS)
    assert ("backtest_mase" in model.report_) == (weighting != "equal")
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load(tmp_path / "model").predict(levels=(0.1, 0.25, 0.9)), answer)


def test_one_is_made_of_fitted_models_without_fitting(frame, backtests, monkeypatch, tmp_path):
    weights = weigh(backtests, "greedy")
    models = {name: create(name, horizon=4, season=6).fit(frame) for name in MEMBERS}
    fitted = make(weighting="greedy").fit(frame)
    monkeypatch.setattr(Forecaster, "fit", None)
    model = CombinedForecaster.from_fitted(models, weights)
    assert set(model.weights_.members) == {name for name, weight in weights.as_mapping().items() if weight}
    expected = (
        sum(weights.as_mapping()[name] * models[name].predict() for name in model.weights_.members)["y"] if 0 else None
    )
    assert expected is None
    point = sum(w * models[name].predict(levels=(0.5,))["forecast"] for name, w in weights.as_mapping().items())
    np.testing.assert_allclose(model.predict(levels=(0.5,))["forecast"], point)
    assert model.get_params().keys() == fitted.get_params().keys()
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load(tmp_path / "model").predict(levels=(0.1, 0.9)), model.predict(levels=(0.1, 0.9)))


def test_bounds_that_all_members_keep_are_those_of_the_combination(frame):
    models = {
        name: create(name, horizon=4, season=6, lower=low).fit(frame) for name, low in (("naive", 0.0), ("mean", 1.0))
    }
    weights = Weights(members=("naive", "mean"), points=np.array([0.5, 0.5]))
    model = CombinedForecaster.from_fitted(models, weights)
    assert (model.predict(levels=(0.001,))["q0.001"] >= 0).all()


def test_models_that_do_not_belong_together_are_refused(frame):
    weights = Weights(members=("naive", "mean"), points=np.array([0.5, 0.5]))
    naive = create("naive", horizon=4).fit(frame)
    with pytest.raises(ConfigError, match="mean was fitted to another horizon than naive"):
        CombinedForecaster.from_fitted({"naive": naive, "mean": create("mean", horizon=3).fit(frame)}, weights)
    with pytest.raises(ConfigError, match="mean was fitted on other data than naive"):
        CombinedForecaster.from_fitted({"naive": naive, "mean": create("mean", horizon=4).fit(frame[:-9])}, weights)
    with pytest.raises(ConfigError, match="no fitted model of mean"):
        CombinedForecaster.from_fitted({"naive": naive}, weights)
    with pytest.raises(ConfigError, match="not fitted yet"):
        CombinedForecaster.from_fitted({"naive": naive, "mean": create("mean", horizon=4)}, weights)


def test_members_that_count_for_nothing_are_not_fitted(frame):
    exact = frame.assign(y=np.arange(len(frame)) * 2.0)  # a line, which drift knows
    model = make(weighting="greedy").fit(exact)
    assert model.weights_.members == ("drift",) and len(model.members_) == 1
    assert model.report_["weights"]["mean"] == 0


def test_data_too_short_for_a_backtest_get_equal_weights_and_a_note():
    model = make(weighting="greedy").fit(np.arange(10.0))
    assert set(model.report_["weights"].values()) == {0.25}
    assert any("all members weigh the same" in note["message"] for note in model.report_["notes"])


def test_a_member_that_fails_is_named(frame):
    negative = frame.assign(y=-frame["y"])
    broken = create("naive", horizon=4, transform="box-cox")
    with pytest.raises(DataError, match="member 'naive': transform=box-cox needs targets above 0"):
        make(members=("mean", broken)).fit(negative)


def test_several_targets_and_series_never_seen(frame):
    both = frame.dropna().assign(z=lambda f: f["y"] * 2)
    model = make(target=("y", "z"), id="id", time="time", weighting="stacked").fit(both)
    answer = model.predict(levels=(0.1, 0.9))
    np.testing.assert_allclose(
        answer.loc[answer["target"] == "z", "forecast"], 2 * answer.loc[answer["target"] == "y", "forecast"]
    )
    other = model.predict(both[both["id"] == "s1"].assign(id="new"), levels=(0.1, 0.9))
    assert np.isfinite(other[["forecast", "q0.1", "q0.9"]]).all().all()


def test_a_longer_and_a_shorter_horizon(frame):
    model = make(weighting="stacked").fit(frame)
    longer = model.predict(horizon=9, levels=(0.1, 0.9))
    assert len(longer) == 27 and np.isfinite(longer["q0.9"]).all()
    shorter = model.predict(horizon=2, levels=(0.1, 0.9))
    pd.testing.assert_frame_equal(shorter, longer[longer.groupby("id").cumcount() < 2].reset_index(drop=True))


def test_a_transform_and_bounds_are_the_whole_s(frame):
    model = make(transform="log1p", upper=40.0).fit(frame[frame["id"] == "s1"])
    assert all(member.transform == "none" for member in model.members_)
    assert model.predict(levels=(0.99,))["q0.99"].max() == 40


def test_the_time_is_shared_out(frame):
    lstm = create("lstm", horizon=4, season=6, hidden_size=8, threads=1, device="cpu")
    model = make(members=(lstm, "naive", lstm), weighting="inverse-error", folds=2, max_time=4).fit(frame)
    shares = [getattr(member, "max_time", None) for member in model.members_]
    assert shares[1] is None and 0 < shares[0] + shares[2] < 4


def test_validation_data_are_refused(frame):
    with pytest.raises(ConfigError, match="validation data are for one forecaster"):
        make().fit(frame, validation=frame)
