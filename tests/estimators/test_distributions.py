"""Forecasters of distributions, and samples: any level, counts that stay counts, refusals, paths that repeat."""

import numpy as np
import pandas as pd
import pytest

from forecast import LSTMForecaster, TransformerForecaster, create, load
from forecast.errors import ConfigError, DataError

FAST = {"horizon": 6, "season": 4, "lookback": 8, "hidden_size": 8, "max_steps": 6, "calendar": False}
EDGES = (0.001, 0.3, 0.999)


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    times = pd.date_range("2024-01-01", periods=80, freq="h")
    level = 3 + 2 * np.sin(np.arange(80) * np.pi / 2)
    parts = [pd.DataFrame({"id": k, "time": times, "y": generator.poisson((1 + k) * level)}) for k in range(3)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module", params=["normal", "student-t", "negative-binomial"])
def fitted(request, counts) -> LSTMForecaster:
    return LSTMForecaster(distribution=request.param, **FAST).fit(counts)


@pytest.fixture(scope="module")
def deepar(counts):
    return create("deepar", paths=20, **FAST).fit(counts)


def test_any_level_may_be_asked_for(fitted):
    frame = fitted.predict(levels=EDGES)
    columns = frame[["q0.001", "q0.3", "q0.999"]].to_numpy()
    assert np.isfinite(columns).all() and (np.diff(columns, axis=1) >= 0).all()
    assert (frame["forecast"] == fitted.predict(levels=(0.5,))["q0.5"]).all()


def test_levels_say_what_a_backtest_scores_by_default(counts, fitted):
    assert fitted.backtest(counts, folds=2).levels == fitted.levels
    silent = LSTMForecaster(distribution="normal", levels=None, **FAST).fit(counts)
    assert silent.backtest(counts, folds=2).levels == ()
    assert silent.predict(levels=EDGES)["q0.999"].notna().all()
    assert silent.predict(horizon=15, levels=(0.1, 0.9)).eval("`q0.9` > `q0.1`").all()  # rolled forward


def test_a_saved_forecaster_of_a_distribution_forecasts_as_before(tmp_path, fitted):
    fitted.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load(tmp_path / "model").predict(levels=EDGES), fitted.predict(levels=EDGES))


def test_a_stream_gives_the_levels_of_a_distribution(fitted):
    pd.testing.assert_frame_equal(fitted.stream().forecast(levels=EDGES), fitted.predict(levels=EDGES), atol=1e-4)


def test_forecasts_of_counts_are_counts(counts):
    fitted = LSTMForecaster(distribution="negative-binomial", **FAST).fit(counts)
    levels = fitted.predict(levels=EDGES)[["forecast", "q0.001", "q0.3", "q0.999"]].to_numpy()
    drawn = fitted.sample(paths=7)["forecast"].to_numpy()
    for values in (levels, drawn):
        np.testing.assert_allclose(values, values.round(), atol=1e-4)
        assert (values > -1e-6).all()


@pytest.mark.parametrize(("change", "told"), [(-100, "counts"), (0.5, "counts")])
def test_a_negative_binomial_refuses_what_are_no_counts(counts, change, told):
    wrong = counts.assign(y=counts["y"] + change)
    with pytest.raises(DataError, match=told):
        LSTMForecaster(distribution="negative-binomial", **FAST).fit(wrong)
    fitted = LSTMForecaster(distribution="negative-binomial", **FAST).fit(counts)
    with pytest.raises(DataError, match=told):
        fitted.predict(wrong)
    with pytest.raises(DataError, match=told):
        fitted.stream(wrong)


def test_a_negative_binomial_learns_and_reads_later_rows_only_of_counts(counts):
    later = counts.assign(time=counts["time"] + pd.Timedelta(hours=80))
    wrong = later.assign(y=later["y"] + 0.5)
    with pytest.raises(DataError, match="counts"):
        LSTMForecaster(distribution="negative-binomial", **FAST).fit(counts, validation=wrong)
    fitted = LSTMForecaster(distribution="negative-binomial", **FAST).fit(counts)
    with pytest.raises(DataError, match="counts"):
        fitted.fine_tune(wrong, max_steps=1)
    with pytest.raises(DataError, match="counts"):
        fitted.fine_tune(later, validation=wrong.assign(time=wrong["time"] + pd.Timedelta(hours=80)), max_steps=1)
    stream = fitted.stream()
    with pytest.raises(DataError, match="counts"):
        stream.update(wrong.groupby("id").head(1))
    pd.testing.assert_frame_equal(stream.forecast(), fitted.predict(), atol=1e-4)  # as if nothing had been said


@pytest.mark.parametrize("settings", [{"transform": "log1p"}, {"location": "last"}])
def test_counts_are_neither_transformed_nor_shifted(counts, settings):
    with pytest.raises(ConfigError, match="neither transformed nor shifted"):
        LSTMForecaster(distribution="negative-binomial", **FAST, **settings).fit(counts)
    with pytest.raises(ConfigError, match="scale='series' has no effect"):
        LSTMForecaster(distribution="negative-binomial", scale="series", **FAST).fit(counts)


def test_samples_are_a_long_frame_in_the_units_of_the_data(counts):
    fitted = TransformerForecaster(distribution="student-t", lower=0, transform="log1p", **FAST).fit(counts)
    frame = fitted.sample(paths=5)
    assert list(frame.columns) == ["id", "time", "path", "forecast"]
    assert len(frame) == 3 * 5 * 6 and frame.attrs["samples"] == "marginals"
    assert sorted(frame["path"].unique()) == [1, 2, 3, 4, 5]
    assert (frame["forecast"] >= 0).all()
    many = fitted.sample(paths=4000).groupby(["id", "time"])["forecast"]
    levels = fitted.predict(levels=(0.25, 0.75))
    inside = many.quantile(0.75).to_numpy() - many.quantile(0.25).to_numpy()
    np.testing.assert_allclose(inside, (levels["q0.75"] - levels["q0.25"]).to_numpy(), rtol=0.15)


def test_samples_of_a_series_depend_on_seed_and_not_on_the_other_series(counts, deepar):
    first = deepar.sample(counts[counts["id"] == 0], paths=3, seed=4)
    together = deepar.sample(counts, paths=3, seed=4)
    np.testing.assert_allclose(first["forecast"], together[together["id"] == 0]["forecast"], rtol=1e-4)
    assert not np.allclose(first["forecast"], deepar.sample(counts[counts["id"] == 0], paths=3, seed=5)["forecast"])


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"seed": "x"}, {"paths": 0}, {"paths": 2.5}])
def test_samples_by_no_number_are_refused(fitted, wrong):
    with pytest.raises(ConfigError, match="is not a whole number of at least"):
        fitted.sample(**wrong)


def test_samples_of_several_targets_name_them(counts):
    wide = counts.assign(z=counts["y"] + 1.5)
    fitted = create("deepar", target=("y", "z"), paths=10, **FAST).fit(wide)
    frame = fitted.sample(paths=2)
    assert list(frame.columns) == ["id", "time", "target", "path", "forecast"]
    assert list(frame["target"].unique()) == ["y", "z"]
    assert np.isfinite(fitted.predict(levels=(0.1, 0.9))["q0.1"]).all()


def test_a_forecaster_of_points_has_no_samples(counts):
    with pytest.raises(ConfigError, match="points only"):
        LSTMForecaster(levels=None, **FAST).fit(counts).sample()


def test_deepar_forecasts_the_same_each_time_and_says_that_it_has_paths(tmp_path, deepar, counts):
    found = deepar.predict(levels=EDGES)
    pd.testing.assert_frame_equal(deepar.predict(levels=EDGES), found)
    assert (found["q0.001"] <= found["q0.999"]).all()
    assert deepar.sample(paths=2).attrs["samples"] == "paths"
    deepar.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load(tmp_path / "model").predict(levels=EDGES), found)
    alone = deepar.predict(counts[counts["id"] == 1], levels=EDGES)
    np.testing.assert_allclose(alone["forecast"], found[found["id"] == 1]["forecast"], rtol=1e-4)
    with pytest.raises(ConfigError, match="levels of sampled paths"):
        deepar.backtest(counts, folds=2, anchored=True)
    with pytest.raises(ConfigError, match="from no state that could be carried"):
        deepar.stream()


def test_steps_that_are_drawn_need_something_to_draw_from(counts):
    with pytest.raises(ConfigError, match="needs a distribution or levels"):
        LSTMForecaster(decoder="autoregressive", levels=None, **FAST).fit(counts)
    fitted = LSTMForecaster(decoder="autoregressive", **FAST, paths=9).fit(counts)  # levels do as well
    assert fitted.predict(levels=(0.1, 0.9)).eval("`q0.9` >= `q0.1`").all()
