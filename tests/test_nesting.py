"""Forecasters as settings of forecasters."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from forecast import ConfigError, LSTMForecaster, create
from forecast.nesting import described, inner, labels, revived
from forecast.presets import name_of


def settings_of(forecaster):
    return described(forecaster.get_params())


def test_a_name_gets_the_settings_of_the_forecaster_around_it():
    outer = create("combined", horizon=5, season=7, levels=(0.2, 0.8), target="y", seed=3, device="cpu")
    member = inner(outer, "lstm")
    assert name_of(member) == "lstm" and member.horizon == 5 and member.season == 7 and member.levels == (0.2, 0.8)
    assert member.target == "y" and member.seed == 3 and member.device == "cpu"


def test_what_a_member_says_itself_stays_and_what_is_done_once_is_not_handed_on():
    outer = create("combined", horizon=5, season=7, transform="log1p", lower=0.0, upper=9.0)
    given = create("lstm", horizon=5, season=3, transform="box-cox")
    member = inner(outer, given)
    assert member.season == 3 and member.transform == "box-cox"
    assert member.lower is None and member.upper is None and inner(outer, "theta").transform == "none"
    assert member is not given and given.season == 3


def test_members_reach_as_far_as_the_whole_and_keep_folds_of_their_own():
    member = inner(create("conformal", horizon=9, folds=7), create("combined", horizon=4))
    assert member.horizon == 9 and member.folds is None
    assert inner(create("conformal", horizon=4), create("combined", horizon=9)).horizon == 9


def test_what_a_preset_changes_of_its_class_stays():
    assert inner(create("combined", horizon=5), "gru").cell == "gru"


@pytest.mark.parametrize(
    "given",
    ["theta", {"name": "lstm", "settings": {"max_steps": 7, "past": ["a"]}}, LSTMForecaster(horizon=4, patch=2)],
)
def test_a_setting_comes_back_from_json(given):
    outer = create("conformal", horizon=4, forecaster=create("combined", horizon=4, members=(given, "ets")))
    text = json.dumps(settings_of(outer))
    again = create("conformal", **{name: revived(value) for name, value in json.loads(text).items()})
    assert settings_of(again) == settings_of(outer)
    member = inner(again, inner(again, again.forecaster).members[0])
    assert settings_of(member) == settings_of(inner(outer, given))


def test_a_description_takes_the_horizon_around_it():
    outer = create("combined", horizon=6)
    member = inner(outer, {"name": "lstm", "settings": {"max_steps": 7}})
    assert member.horizon == 6 and member.max_steps == 7
    with pytest.raises(ConfigError, match="describes no forecaster"):
        inner(outer, {"nam": "lstm"})


def test_members_that_come_again_are_numbered():
    assert labels(("lstm", "ets", create("lstm", horizon=2), {"name": "lstm"})) == ("lstm", "ets", "lstm-2", "lstm-3")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": ("theta", "hybird")}, r"unknown forecaster 'hybird'\nDid you mean 'hybrid'"),
        ({"members": ()}, "members is empty"),
        ({"members": ("theta", 3)}, "members="),
        ({"members": (create("lstm", horizon=4, hidden_size=-1),)}, "lstm: hidden_size=-1"),
        ({"members": ({"name": "lstm", "settings": {"hiden_size": 8}},)}, "Did you mean 'hidden_size'"),
        ({"weighting": "gready"}, "weighting="),
    ],
)
def test_wrong_members_are_refused_before_anything_is_fitted(settings, message):
    with pytest.raises(ConfigError, match=message):
        create("combined", horizon=4, **settings).fit(np.arange(40.0))


@pytest.mark.parametrize("name", ["combined", "conformal"])
def test_clones_have_the_settings_and_nothing_learned(name):
    member = create("seasonal-naive", horizon=3, season=4)
    given = {"members": (member, "naive")} if name == "combined" else {"forecaster": member}
    model = create(name, horizon=3, **given).fit(np.sin(np.arange(60.0)))
    for copy in (clone(model), model.clone()):
        assert settings_of(copy) == settings_of(model) and not hasattr(copy, "panel_")
    assert not hasattr(member, "panel_")  # what stands in a setting is never fitted itself


def test_the_command_line_and_its_file_name_members(tmp_path):
    from forecast.cli.settings import read_config, resolve

    (tmp_path / "run.toml").write_text(
        '[forecaster]\nname = "combined"\nhorizon = 4\n'
        'members = ["theta", {name = "lstm", settings = {max_steps = 5}}]\n'
    )
    file = read_config(tmp_path / "run.toml")
    made = create("combined", **resolve("combined", config=file.settings, options={}, given=["weighting=greedy"]))
    assert made.weighting == "greedy" and inner(made, made.members[1]).max_steps == 5
    made = create("combined", **resolve("combined", config={}, options={"horizon": 4}, given=["members=theta,ets"]))
    assert made.members == ("theta", "ets")
    made = create("conformal", **resolve("conformal", config={}, options={"horizon": 4}, given=["forecaster=drift"]))
    assert made.forecaster == "drift"


def test_a_nested_model_is_saved_with_all_that_is_in_it(tmp_path):
    from forecast import load
    from forecast.persistence import read_document

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"shop": np.repeat(["a", "b"], 80), "day": list(range(80)) * 2, "sold": rng.normal(5, 1, 160)})
    lstm = LSTMForecaster(horizon=3, max_steps=2, hidden_size=8, lookback=8, device="cpu", transform="log1p")
    inside = create("combined", horizon=3, members=(lstm, "drift", "linear"), weighting="inverse-error", folds=2)
    model = create("conformal", horizon=3, forecaster=inside, id="shop", target="sold").fit(frame)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model", device="cpu")
    levels = (0.1, 0.5, 0.9)
    pd.testing.assert_frame_equal(again.predict(levels=levels), model.predict(levels=levels))
    pd.testing.assert_frame_equal(again.predict(frame[:150], levels=levels), model.predict(frame[:150], levels=levels))
    assert settings_of(again) | {"device": "auto"} == settings_of(model)
    assert again.forecaster_.members_[0].transform_.kind == "log1p"
    context = [key for key in read_document(tmp_path / "model")["state"]["forecaster"][0] if key == "context"]
    assert not context  # the rows are stored once, around all
    again.save(tmp_path / "again")
    pd.testing.assert_frame_equal(load(tmp_path / "again").predict(levels=levels), model.predict(levels=levels))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("combined", lambda d: d["state"]["members"].pop()),
        ("combined", lambda d: d["state"]["weights"].update(how="luck")),
        ("combined", lambda d: d["state"]["members"][0].update(forecaster="os.system")),
        ("combined", lambda d: d["settings"].update(members=[{"name": "os.system", "settings": {"horizon": 1}}])),
        ("combined", lambda d: d["settings"].update(members=[{"name": "naive", "settings": "horizon"}])),
        ("conformal", lambda d: d["state"]["calibration"].update(kind="none")),
        ("conformal", lambda d: d["state"]["calibration"].update(levels=[0.5])),
        ("conformal", lambda d: d["state"].update(forecaster=[])),
    ],
)
def test_a_nested_model_that_was_changed_is_refused(name, change, tmp_path):
    from forecast import ModelFormatError, load
    from forecast.persistence import _checksum

    given = {"members": ("naive", "mean")} if name == "combined" else {"forecaster": "naive"}
    create(name, horizon=2, **given).fit(np.arange(40.0) % 7).save(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    document = json.loads(path.read_text())
    del document["checksum"]
    change(document)
    path.write_text(json.dumps(document | {"checksum": _checksum(document)}))
    with pytest.raises(ModelFormatError):
        load(tmp_path / "model")
