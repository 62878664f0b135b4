"""scikit-learn's tools take forecasters as they are."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from forecast.datasets.splits import TimeSplit
from forecast.errors import ConfigError, NotFittedError

CUTS = TimeSeriesSplit(n_splits=3, test_size=8)
GRID = {"hidden_size": [4, 8]}


def test_a_clone_has_the_settings_and_nothing_learned(family, make, data):
    model = make(family, levels=[0.1, 0.9], past=()).fit(data.series())
    copy = clone(model)
    assert copy is not model and copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        copy.predict()
    assert model.clone().get_params() == model.get_params()


def test_check_is_fitted_knows_forecasters(make, data):
    from sklearn.exceptions import NotFittedError as Unfitted

    with pytest.raises(Unfitted):
        check_is_fitted(make("lstm"))
    check_is_fitted(make("lstm").fit(data.series()))


@pytest.mark.parametrize("kind", ["series", "wide", "wave"])
def test_grid_search_over_time_series_splits(make, data, kind):
    search = GridSearchCV(make("lstm"), GRID, cv=CUTS, error_score="raise").fit(getattr(data, kind)())
    assert search.best_params_["hidden_size"] in GRID["hidden_size"]
    assert np.isfinite(search.best_score_) and search.best_score_ < 0
    assert len(search.predict(getattr(data, kind)())) == 4


def test_grid_search_over_panels_cut_by_time(make, data):
    search = GridSearchCV(make("hybrid", **data.LONG), GRID, cv=TimeSplit(4, folds=3), error_score="raise")
    search.fit(data.long())
    assert np.isfinite(search.best_score_)
    cut = TimeSplit(4, folds=2, time="when", target="sold", id="shop")
    scores = cross_val_score(make("lstm", **data.ROLES), data.covariates(), cv=cut, error_score="raise")
    assert len(scores) == 2 and np.isfinite(scores).all()


def test_cross_validation_with_the_target_apart(make, data):
    frame = data.covariates()[lambda f: f["shop"] == "a"]
    scores = cross_val_score(make("lstm"), frame[["when", "visits"]], frame["sold"], cv=CUTS, error_score="raise")
    assert np.isfinite(scores).all()


def test_pipelines_pass_frames_and_settings(make, data):
    halved = FunctionTransformer(lambda frame: frame.assign(north=frame["north"] / 2))
    line = make_pipeline(halved, make("lstm"))
    points = line.fit(data.wide()).predict(data.wide())
    direct = make("lstm").fit(halved.transform(data.wide())).predict()
    np.testing.assert_allclose(points["north"], direct["north"], rtol=1e-4)
    named = Pipeline([("model", make("lstm"))]).set_params(model__hidden_size=4)
    assert named.fit(data.series()).score(data.series(100)) < 0
    assert named["model"].hidden_size == 4


def test_the_score_is_minus_mase_of_origins_every_horizon(make, data):
    whole = data.series(102)
    model = make("lstm").fit(whole.iloc[:90])
    truth = whole.iloc[90:].to_numpy()
    made = np.concatenate([model.predict(whole.iloc[: 90 + first]) for first in (0, 4, 8)])
    scales = []
    for first in (0, 4, 8):  # the seasonal naive error of the steps up to each origin
        seen = whole.iloc[78 : 90 + first].to_numpy()
        scales += [np.abs(seen[6:] - seen[:-6]).mean()] * 4
    expected = -(np.abs(made - truth) / np.array(scales)).mean()
    assert model.score(whole.iloc[90:]) == pytest.approx(expected, rel=0.05)


def test_a_score_of_data_that_continue_nothing_uses_their_own_beginning(make, data):
    model = make("lstm").fit(data.series())
    later = data.series()
    later.index = later.index + np.timedelta64(1000, "h")
    assert model.score(later) < 0
    with pytest.raises(ConfigError, match="no step to score"):
        model.score(later.iloc[:12])


def test_better_forecasts_score_higher(make, data):
    trained = make("lstm", max_steps=150, hidden_size=16).fit(data.series())
    untrained = make("lstm", max_steps=1, learning_rate=1e-9, highway=False).fit(data.series())
    rest = data.series(150).iloc[90:]
    assert trained.score(rest) > untrained.score(rest)
