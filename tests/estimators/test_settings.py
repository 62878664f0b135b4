"""Settings: stored as given, checked at fit all at once, described by their declaration."""

import numpy as np
import pytest

from forecast import HybridForecaster, LSTMForecaster, TransformerForecaster
from forecast.errors import ConfigError
from forecast.estimators.settings import Range, describe


def test_wrong_settings_are_reported_all_at_once(make, data):
    wrong = {
        "horizon": 0,
        "levels": (0.0, 0.5, 1.5),
        "dropout": 1.0,
        "cell": "lstn",
        "transform": "log",
        "hidden_size": 2.5,
        "learning_rate": -1,
        "past": "price",
        "calendar": 1,
        "max_time": 0,
    }
    with pytest.raises(ConfigError) as caught:
        make("lstm", **wrong).fit(data.series())
    for name in wrong:
        assert f"{name}=" in caught.value.cause, name
    assert "'lstm', 'gru', 'rnn'" in caught.value.cause


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("horizon", 4.0),
        ("horizon", True),
        ("horizon", "4"),
        ("learning_rate", float("nan")),
        ("levels", 0.5),
        ("levels", ("a",)),
        ("seed", None),
        ("target", 3),
        ("lower", "low"),
        ("device", None),
        ("season", 0),
    ],
)
def test_a_value_of_a_wrong_kind_is_refused(make, data, name, value):
    with pytest.raises(ConfigError, match=f"{name}="):
        make("lstm", **{name: value}).fit(data.series())


def test_settings_that_do_not_go_together_are_refused_together(make, data):
    with pytest.raises(ConfigError) as caught:
        make("transformer", hidden_size=10, heads=4, lower=2.0, upper=1.0).fit(data.series())
    assert "hidden_size=10 is not divisible by heads=4" in caught.value.cause
    assert "lower=2.0 is not below upper=1.0" in caught.value.cause
    with pytest.raises(ConfigError, match="hidden_size=10"):
        make("hybrid", hidden_size=10, heads=4).fit(data.series())
    with pytest.raises(ConfigError, match="span=3 has no effect"):
        make("hybrid", span=3).fit(data.series())
    with pytest.raises(ConfigError, match=r"point_loss='mse' has no effect .*; patch=3 has no effect"):
        make("lstm", point_loss="mse", tokens="steps", patch=3).fit(data.series())


def test_a_context_that_no_origin_has_is_refused_by_its_own_name(make, data):
    with pytest.raises(ConfigError, match="min_context=13, but a window sees the 12 steps"):
        make("lstm", min_context=13).fit(data.series())
    with pytest.raises(ConfigError, match=r"(?s)no series is longer.*Lower min_context=200"):
        make("lstm", lookback=240, min_context=200).fit(data.series())


@pytest.mark.parametrize("kind", ["encoder", "encoder-decoder"])
def test_many_origins_of_a_network_that_is_not_causal_are_refused(make, data, kind):
    with pytest.raises(ConfigError, match="not causal"):
        make(kind, origins=3).fit(data.series())


def test_the_constructor_checks_and_changes_nothing():
    model = LSTMForecaster(horizon=-3, levels=[0.9, 0.1], hidden_size="many")
    assert model.get_params()["levels"] == [0.9, 0.1]
    assert model.horizon == -3


def test_numbers_of_numpy_are_as_good_as_others(make, data):
    model = make("lstm", horizon=np.int64(4), learning_rate=np.float32(0.01), levels=[np.float64(0.1), 0.9])
    assert len(model.fit(data.series()).predict(horizon=np.int64(3))) == 3


def test_an_unknown_setting_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match="hiden_size") as caught:
        LSTMForecaster(horizon=4).set_params(hiden_size=3)
    assert "Did you mean 'hidden_size'?" in caught.value.remedy


def test_set_params_returns_the_forecaster_with_new_settings():
    model = LSTMForecaster(horizon=4)
    assert model.set_params(hidden_size=32, season=7) is model
    assert model.get_params()["hidden_size"] == 32 and model.get_params()["season"] == 7


def test_repr_shows_what_was_changed():
    assert repr(LSTMForecaster(horizon=4, cell="gru")) == "LSTMForecaster(horizon=4, cell='gru')"


@pytest.mark.parametrize("kind", [LSTMForecaster, TransformerForecaster, HybridForecaster])
def test_every_setting_is_described_and_every_default_lies_in_its_search_range(kind):
    for info in describe(kind):
        assert info.help, info.name
        if isinstance(info.search, Range) and info.default is not None:
            assert info.search.low <= info.default <= info.search.high, info.name
        if isinstance(info.search, tuple) and info.default is not None:
            assert info.default in info.search, info.name
    assert [info.name for info in describe(kind) if info.required] == ["horizon"]


def test_what_was_resolved_is_reported(make, data):
    model = LSTMForecaster(horizon=4, max_steps=3, hidden_size=8, threads=1).fit(data.series())
    for name in ("season", "frequency", "lookback", "patch", "origins", "batch_size", "parameters", "fit_seconds"):
        assert model.report_[name] is not None, name
    assert model.lookback is None  # the setting stays as it was given
    assert model.report_["season"] == model.season_
