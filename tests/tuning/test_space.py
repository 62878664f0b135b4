"""What may be tried: declared ranges, the user's own, and settings that do not go together."""

import numpy as np
import optuna
import pandas as pd
import pytest

from forecast import ConfigError, create
from forecast.datasets.build import load_panel
from forecast.datasets.schema import Roles
from forecast.estimators.settings import Range, check_values
from forecast.tuning.conflicts import settle
from forecast.tuning.ranges import gridded, read_range
from forecast.tuning.space import make_space, read_space


@pytest.fixture(scope="module")
def panel():
    values = 20 + 5 * np.sin(np.arange(400) * 2 * np.pi / 7)
    return load_panel(pd.DataFrame({"day": pd.date_range("2024-01-01", periods=400), "y": values}), Roles())


def draw(space, seed=0, params=None):
    """A trial's model and settings; ``params`` are those that are fixed."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    if params is not None:
        study.enqueue_trial(params)
    return space.suggest(study.ask())


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer", "patchtst", "hybrid", "tft", "linear", "deepar"])
def test_the_first_trial_has_the_default_settings_of_every_forecaster(panel, name):
    space = make_space({name: {"horizon": 7}}, panel)
    (start,) = space.starts()
    drawn, settings = draw(space, params=start)
    assert create(drawn, **settings).get_params() == create(name, horizon=7).get_params()


@pytest.mark.parametrize("name", ["lstm", "transformer", "hybrid", "tft", "compact", "transformer-xl", "informer"])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_drawn_goes_together_once_it_is_settled(panel, name, seed):
    space = make_space({name: {"horizon": 7}}, panel)
    drawn, settings = draw(space, seed)
    forecaster = create(drawn, **settings)
    candidate = space.candidates[name]
    settle(forecaster, candidate.search, candidate.usual)
    check_values(forecaster)


def test_a_choice_gives_way_to_the_nearest_that_goes_with_the_rest():
    forecaster = create("transformer", horizon=7, hidden_size=36, heads=8)
    changed = settle(forecaster, {"heads": (2, 3, 4, 8)}, {"heads": 4})
    assert changed == {"heads": 4} and forecaster.heads == 4


def test_settings_that_cannot_go_together_are_refused_with_the_reason():
    forecaster = create("transformer", horizon=7, hidden_size=37, heads=2)
    with pytest.raises(ConfigError, match="hidden_size=37 is not divisible by heads=2"):
        settle(forecaster, {"heads": (2, 4)}, {"heads": 4})


def test_what_was_chosen_and_what_makes_a_preset_is_not_searched(panel):
    space = make_space({"gru": {"horizon": 7, "hidden_size": 48}}, panel)
    searched = space.candidates["gru"].search
    assert "cell" not in searched and "hidden_size" not in searched and "learning_rate" in searched
    assert draw(space)[1]["hidden_size"] == 48


def test_the_lookback_is_searched_in_multiples_of_what_the_data_give(panel):
    searched = make_space({"lstm": {"horizon": 7}}, panel).candidates["lstm"].search["lookback"]
    assert searched == (24, 49, 98, 196)  # 49: seven weeks of 7, the fewest with 48 steps


def test_the_users_own_ranges_replace_the_declared_ones(panel):
    own = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "layers": [1, 3], "dropout": 0.3}
    space = make_space({"lstm": {"horizon": 7}}, panel, own)
    assert list(space.candidates["lstm"].search) == ["learning_rate", "layers"]
    for seed in range(20):
        settings = draw(space, seed)[1]
        assert 1e-4 <= settings["learning_rate"] <= 1e-2
        assert settings["layers"] in (1, 3) and settings["dropout"] == 0.3


def test_ranges_for_one_of_several_forecasters_are_its_own(panel):
    own = {"hidden_size": [16, 32], "gru": {"layers": {"low": 1, "high": 3}}, "theta": {}}
    models = {"lstm": {"horizon": 7}, "gru": {"horizon": 7}, "theta": {"horizon": 7}}
    space = make_space(models, panel, own)
    searched = {name: set(one.search) for name, one in space.candidates.items()}
    assert searched == {"lstm": {"hidden_size"}, "gru": {"hidden_size", "layers"}, "theta": set()}


def test_lists_are_choices_of_lists_where_a_setting_is_a_list(panel):
    space = make_space({"deepar": {"horizon": 7}}, panel, {"lags": [[7], [7, 14]]})
    assert {draw(space, seed)[1]["lags"] for seed in range(10)} == {(7,), (7, 14)}


def test_a_space_is_read_from_toml(tmp_path, panel):
    path = tmp_path / "space.toml"
    path.write_text(
        '[space]\nlearning_rate = { low = 1e-4, high = 1e-2, log = true }\n[space.lstm]\ncell = ["lstm", "gru"]\n'
    )
    space = make_space({"lstm": {"horizon": 7}}, panel, read_space(path))
    assert space.candidates["lstm"].search == {
        "learning_rate": Range(low=1e-4, high=1e-2, log=True),
        "cell": ("lstm", "gru"),
    }


@pytest.mark.parametrize(
    "own, words",
    [
        ({"learning_rate": Range(low=1e-2, high=1e-3)}, "low=0.01 is not below high=0.001"),
        ({"learning_rate": {"low": 0.0, "high": 1e-2, "log": True}}, "a log scale begins above 0"),
        ({"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True, "step": 1e-3}}, "a log scale has no steps"),
        ({"learning_rate": {"low": 1e-4, "high": float("nan")}}, "finite"),
        ({"learning_rate": {"low": 1e-4}}, "learning_rate"),
        ({"learning_rate": {"low": 1e-4, "high": 1e-2, "logs": True}}, "learning_rate"),
        ({"hidden_size": {"low": 16, "high": 64.5}}, "a whole number, and so must be"),
        ({"hidden_size": {"low": 16, "high": 64, "step": 100}}, "step=100"),
        ({"hidden_size": {"low": 0, "high": 64}}, "hidden_size=0 must be at least 1"),
        ({"dropout": [0.0, 1.5]}, "dropout=1.5 must be below 1"),
        ({"cell": {"low": 1, "high": 2}}, "choices and no range"),
        ({"cell": ["lstm", "lstms"]}, "cell='lstms' is not one of"),
        ({"cell": []}, "no choices"),
        ({"cell": {"choices": "gru"}}, "'gru', which is no list"),
        ({"layers": {"choices": 2}}, "2, which is no list"),
        ({"layers": [1, 2, 1]}, "1 twice"),
        ({"learning_rat": [1]}, "learning_rat"),
        ({"horizon": [1, 2]}, "horizon belongs to the task"),
        ({"gru": {"layers": [1, 2]}}, "gru"),
        ({"dropout": 0.1}, "holds no range"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(panel, own, words):
    with pytest.raises(ConfigError, match=words):
        make_space({"lstm": {"horizon": 7}}, panel, own)


def test_a_forecaster_without_settings_to_search_says_so(panel):
    with pytest.raises(ConfigError, match="naive has no settings to search"):
        make_space({"naive": {"horizon": 7}}, panel)


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "holds no search space"),
        ("[spaces]\na = 1\n", "spaces"),
        ("[space\n", "is not TOML"),
        (None, "cannot be read"),
    ],
)
def test_files_that_hold_no_space_are_refused(tmp_path, content, words):
    path = tmp_path / "space.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=words):
        read_space(path)


def test_a_grid_has_both_ends_of_each_range_and_whole_numbers_where_these_are_due():
    assert gridded(Range(low=1, high=10, step=1), whole=True, points=4) == (1, 4, 7, 10)
    assert gridded(Range(low=1, high=2), whole=True, points=4) == (1, 2)
    assert gridded(Range(low=0.001, high=1, log=True), whole=False, points=4) == (0.001, 0.01, 0.1, 1.0)
    assert gridded(Range(low=32, high=128, step=32), whole=True, points=9) == (32, 64, 96, 128)


def test_a_grid_holds_all_combinations_of_choices_although_the_default_is_none_of_them(panel):
    space = make_space({"deepar": {"horizon": 7}}, panel, {"lags": [[7], [7, 14]], "layers": [2, 3]}).gridded()
    (start,) = space.starts()
    assert draw(space, params=start)[1]["lags"] == (7,)
    assert draw(space, params=start)[1]["layers"] == 2


def test_the_number_of_combinations_is_that_of_different_trials(panel):
    own = {"layers": [1, 2, 3], "hidden_size": {"low": 16, "high": 64, "step": 16}}
    space = make_space({"lstm": {"horizon": 7}, "theta": {"horizon": 7}}, panel, own)
    assert space.combinations() == 3 * 4 + 1
    tenths = make_space({"lstm": {"horizon": 7}}, panel, {"dropout": {"low": 0.0, "high": 0.5, "step": 0.1}})
    assert tenths.combinations() == 6
    assert space.gridded().combinations() == 3 * 4 + 1
    assert make_space({"linear": {"horizon": 7}}, panel).combinations() == float("inf")


def test_a_forecaster_without_settings_is_not_tried_twice(panel):
    space = make_space({"theta": {"horizon": 7}, "lstm": {"horizon": 7}}, panel)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for start in space.starts():
        study.enqueue_trial(start)
    names = [space.suggest(study.ask())[0] for _ in range(12)]
    assert names.count("theta") == 1


def test_a_single_value_is_no_range():
    assert read_range("dropout", 0.1, float) is None
    assert read_range("lags", [7, 14], tuple[int, ...] | None) is None


def test_spaces_are_told_apart_by_their_description_but_not_by_where_they_run(panel):
    one = make_space({"lstm": {"horizon": 7, "device": "cpu", "threads": 2}}, panel).describe()
    assert one == make_space({"lstm": {"horizon": 7}}, panel).describe()
    assert one != make_space({"lstm": {"horizon": 7, "max_steps": 9}}, panel).describe()


def test_ranges_of_ones_own_bind_the_first_trial_too(panel):
    own = {"hidden_size": [16, 32], "dropout": {"low": 0.3, "high": 0.5}, "learning_rate": {"low": 1e-3, "high": 1e-2}}
    space = make_space({"lstm": {"horizon": 7}}, panel, own)
    (start,) = space.starts()
    _, settings = draw(space, params=start)
    assert settings["hidden_size"] == 16 and settings["dropout"] == pytest.approx(0.3)
    assert settings["learning_rate"] == create("lstm", horizon=7).learning_rate  # lies within
