"""Every family takes every shape of data and answers in it."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ConfigError, NotFittedError

LEVELS = (0.1, 0.5, 0.9)


def assert_levels_rise(answer: pd.DataFrame) -> None:
    columns = [name for name in answer.columns if name.startswith("q0.")]
    assert (answer[columns].diff(axis=1).iloc[:, 1:] >= 0).all().all()
    assert np.isfinite(answer[["forecast", *columns]].to_numpy()).all()


def test_a_series_gives_a_series(family, make, data):
    model = make(family).fit(data.series())
    points = model.predict()
    assert isinstance(points, pd.Series) and points.name == "load"
    assert list(points.index) == list(data.hours(94)[-4:])
    answer = model.predict(levels=LEVELS)
    assert list(answer.columns) == ["series", "time", "forecast", "q0.1", "q0.5", "q0.9"]
    assert_levels_rise(answer)
    np.testing.assert_array_equal(answer["forecast"], answer["q0.5"])
    np.testing.assert_array_equal(answer["forecast"], points)


def test_a_wide_frame_gives_a_wide_frame(family, make, data):
    points = make(family).fit(data.wide()).predict()
    assert list(points.columns) == ["ds", "north", "south"]
    assert list(points["ds"]) == list(data.hours(94)[-4:])
    assert points["south"].between(30, 70).all() and points["north"].between(0, 10).all()


def test_a_long_frame_gives_a_long_frame(family, make, data):
    model = make(family, **data.LONG).fit(data.long())
    points = model.predict()
    assert list(points.columns) == ["shop", "when", "sold"]
    assert points["shop"].tolist() == ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    answer = model.predict(levels=LEVELS)
    assert list(answer.columns) == ["shop", "when", "forecast", "q0.1", "q0.5", "q0.9"]
    assert_levels_rise(answer)


@pytest.mark.parametrize("columns", [1, 3])
def test_an_array_gives_an_array(family, make, data, columns):
    values = np.stack([data.wave(seed=s) for s in range(columns)], axis=1)
    given = values[:, 0] if columns == 1 else values
    points = make(family).fit(given).predict()
    assert points.shape == ((4,) if columns == 1 else (4, columns))
    assert np.isfinite(points).all()


def test_several_targets_make_one_multivariate_series(family, make, data):
    model = make(family, time="ds", target=("north", "south")).fit(data.wide())
    points = model.predict()
    assert list(points.columns) == ["ds", "north", "south"] and len(points) == 4
    answer = model.predict(levels=LEVELS)
    assert answer["target"].tolist() == ["north"] * 4 + ["south"] * 4
    assert_levels_rise(answer)
    np.testing.assert_array_equal(answer["forecast"].to_numpy().reshape(2, 4).T, points[["north", "south"]])


def test_the_target_may_be_given_apart(make, data):
    frame = data.covariates()
    frame = frame[frame["shop"] == "a"]
    model = make("lstm", time="when").fit(frame[["when"]], frame["sold"])
    whole = make("lstm", time="when", target="sold").fit(frame[["when", "sold"]])
    np.testing.assert_array_equal(model.predict()["sold"], whole.predict()["sold"])


def test_files_and_other_frame_libraries_are_read(make, data, tmp_path):
    import polars

    expected = make("lstm", **data.LONG).fit(data.long()).predict()["sold"].to_numpy()
    data.long().to_csv(tmp_path / "sales.csv", index=False)
    for given in (tmp_path / "sales.csv", str(tmp_path / "sales.csv"), polars.from_pandas(data.long())):
        found = make("lstm", **data.LONG).fit(given).predict()["sold"].to_numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_points_only_have_no_levels(make, data):
    for loss in ("mae", "mse"):
        model = make("hybrid", levels=None, point_loss=loss).fit(data.series())
        assert np.isfinite(model.predict()).all()
        assert np.isfinite(model.predict(horizon=9)).all()
        with pytest.raises(ConfigError, match="points only"):
            model.predict(levels=(0.5,))
        with pytest.raises(ConfigError, match="points only"):
            model.predict(levels=(0.5,), horizon=9)


@pytest.mark.parametrize("levels", [(0.01,), (0.5, 0.99)])
def test_levels_beyond_the_trained_ones_are_refused(make, data, levels):
    model = make("lstm").fit(data.series())
    for horizon in (None, 2, 9):
        with pytest.raises(ConfigError, match="outside the trained levels"):
            model.predict(levels=levels, horizon=horizon)


@pytest.mark.parametrize("levels", [(0,), (1.0,), (1.5,), ("a",), (-0.1, 0.5), (float("nan"),)])
def test_levels_that_are_none_are_refused(make, data, levels):
    with pytest.raises(ConfigError, match="is not between 0 and 1"):
        make("lstm").fit(data.series()).predict(levels=levels)


def test_levels_come_back_sorted_and_once(make, data):
    answer = make("lstm").fit(data.series()).predict(levels=[0.9, 0.1, 0.9, 0.33])
    assert [name for name in answer.columns if name.startswith("q")] == ["q0.1", "q0.33", "q0.9"]
    assert_levels_rise(answer)


def test_asking_before_fit_is_refused(make, data):
    model = make("lstm")
    for ask in (model.predict, lambda: model.score(data.series()), lambda: model.save("nowhere")):
        with pytest.raises(NotFittedError, match="not fitted"):
            ask()
