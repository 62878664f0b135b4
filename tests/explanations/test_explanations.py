"""Maps, gates and selections are those of the forecast, under the user's names and times."""

import json
from copy import copy

import numpy as np
import pandas as pd
import pytest
import torch

from forecast import create, load
from forecast.errors import ConfigError
from forecast.explanations.recording import recording
from forecast.layers.attention.full import FullAttention
from forecast.layers.gates import MixingGate
from forecast.presets import PRESETS
from forecast.presets.catalogue import networks

from .conftest import fitted, shops

NEURAL = networks()
SIGNED = {"compact"}  # its rows have negative weights, and another sum
WITHOUT_MAP = {"compressive-transformer", "transformer-encoder-decoder", "tied"}  # the latter: of their own blocks


@pytest.mark.parametrize("name", NEURAL)
def test_every_neural_preset_explains_its_forecast(name):
    model = fitted(name)
    found = model.explain(importance=False)
    assert found.series == ("north", "south", "west") and found.forecaster == name
    if name not in SIGNED:
        assert (found.attention["weight"] >= 0).all()
        sums = found.attention.groupby(["series", "layer", "head", "query"])["weight"].sum()
        np.testing.assert_allclose(sums, 1, atol=1e-5)
    if found.gates.size:
        assert found.gates["share"].between(0, 1).all()
    if found.variables.size:
        sums = found.variables.groupby(["series", "layer", "step"])["weight"].sum()
        np.testing.assert_allclose(sums, 1, atol=1e-5)
    assert bool(found.notes) == (name in WITHOUT_MAP), found.notes
    json.dumps(found.to_json(), allow_nan=False)
    assert len(repr(found).splitlines()) >= 2


def test_a_forecaster_in_no_table_goes_by_its_own_name(hybrid):
    own = copy(hybrid)
    own.__class__ = type("OwnForecaster", (type(hybrid),), {"name": "own"})
    assert own.explain(importance=False).forecaster == "own"


def test_the_map_of_full_attention_gives_its_output(hybrid):
    attention = next(module for module in hybrid.network_.modules() if isinstance(module, FullAttention))
    x = torch.randn(2, 5, 8)
    value = attention._project(x)[2]
    torch.testing.assert_close(attention._join(attention.weights(x) @ value), attention(x))


def test_weights_are_those_of_the_pass(hybrid):
    heard = {}

    def remember(module, inputs, output):
        heard["inputs"], heard["output"] = inputs, output

    gate = next(module for module in hybrid.network_.modules() if isinstance(module, MixingGate))
    handle = gate.register_forward_hook(remember)
    found = hybrid.explain(importance=False)
    handle.remove()
    a, b = heard["inputs"]
    with torch.no_grad():
        by_hand = torch.sigmoid(gate.gate(torch.cat([a, b], -1))).mean(-1)
    share = (heard["output"] - b) / (a - b)  # the gate mixes its two inputs by the share
    np.testing.assert_allclose(found.gates["share"], share.mean(-1).ravel(), atol=1e-3)
    np.testing.assert_allclose(found.gates["share"], by_hand.ravel().numpy(), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in NEURAL if PRESETS[name].family != "recurrent"])
def test_no_causal_map_has_weight_on_what_follows(name):
    model = fitted(name)
    if not model.network_.causal:
        return
    found = model.explain(importance=False).attention
    assert (found["weight"][found["key"] > found["query"]].abs() < 1e-6).all()


def test_tokens_have_the_steps_and_times_of_their_last_step(hybrid):
    found = hybrid.explain(importance=False, series="south").attention
    origin = shops()["day"].iloc[115]
    assert found["key"].drop_duplicates().tolist() == [-9, -6, -3, 0]
    for steps, times in ((found["key"], found["key_time"]), (found["query"], found["query_time"])):
        assert (times == origin + pd.to_timedelta(steps, unit="D")).all()


def test_what_reads_across_has_blocks_of_the_horizon_as_queries():
    found = fitted("seq2seq-luong").explain(importance=False, series="south").attention
    assert found["query"].drop_duplicates().tolist() == [2, 4]
    assert found["key"].drop_duplicates().tolist() == [-9, -6, -3, 0]
    both = fitted("transformer-encoder-decoder").explain(importance=False, series="south").attention
    across = both[both["layer"] == "decoder.0.memory"]
    assert across["query"].drop_duplicates().tolist() == [2, 4]


def test_the_fusion_transformer_names_the_users_columns(tft):
    found = tft.explain(importance=False)
    window = found.variables[found.variables["layer"] == "select"]
    known = ["price", "noise", "noise (missing)", "calendar", "promo"]
    assert window["variable"].drop_duplicates().tolist() == ["sales", "visitors", *known]
    assert window["step"].drop_duplicates().tolist() == [-9, -6, -3, 0]
    ahead = found.variables[found.variables["layer"] == "select_ahead"]
    assert ahead["variable"].drop_duplicates().tolist() == known
    assert ahead["step"].drop_duplicates().tolist() == [3, 4]
    constant = found.variables[found.variables["layer"] == "contexts.select"]
    assert constant["variable"].drop_duplicates().tolist() == ["size", "kind"]
    assert len(constant) == 3 * 2
    attention = found.attention
    assert attention["query"].drop_duplicates().tolist() == [3, 4]
    assert attention["key"].drop_duplicates().tolist() == [-9, -6, -3, 0, 3, 4]


def test_variates_are_named():
    found = fitted("itransformer").explain(importance=False, series="west").attention
    names = found["key"].drop_duplicates().tolist()
    assert names[:2] == ["sales", "visitors"] and names[-1] == "static"
    assert {"price", "noise (missing)", "price (scaled)", "promo [0]"} <= set(names)
    assert "key_time" not in found


def two(steps: int = 120) -> pd.DataFrame:
    random = np.random.default_rng(0)
    values = np.sin(np.arange(steps) * np.pi / 3)[:, None] + random.normal(0, 0.1, (steps, 2))
    return pd.DataFrame({"day": pd.date_range("2024-01-01", periods=steps), "a": values[:, 0], "b": values[:, 1]})


def test_targets_read_apart_have_rows_of_their_own():
    both = {"time": "day", "target": ("a", "b")}
    found = fitted("hybrid", two(), channels="independent", **both).explain(importance=False)
    assert found.gates["target"].drop_duplicates().tolist() == ["a", "b"]
    alone = found.gates[found.gates["target"] == "a"]["share"].to_numpy()
    assert not np.allclose(alone, found.gates[found.gates["target"] == "b"]["share"])
    joint = fitted("hybrid", two(), **both).explain(importance=False)
    assert "target" not in joint.gates and len(joint.gates) == len(found.gates) / 2


def test_rows_of_a_panel_do_not_depend_on_the_other_series(hybrid):
    every = hybrid.explain(importance=False).gates
    one = hybrid.explain(importance=False, series=["south"]).gates
    pd.testing.assert_frame_equal(every[every["series"] == "south"].reset_index(drop=True), one)


@pytest.mark.parametrize("freq", ["rows", None])
def test_integer_and_row_times(freq):
    frame = pd.DataFrame({"step": np.arange(100), "y": np.sin(np.arange(100))})
    found = fitted("hybrid", frame, time="step", freq=freq).explain(importance=False)
    assert found.gates["time"].tolist() == [90, 93, 96, 99]


def test_a_series_shorter_than_the_lookback_with_row_times():
    long = pd.DataFrame({"id": "long", "step": np.arange(100), "y": np.sin(np.arange(100))})
    short = long.iloc[:8].assign(id="short")
    model = fitted("hybrid", pd.concat([long, short]), time="step", id="id", freq="rows", min_context=4)
    times = model.explain(importance=False, series="short").gates["time"].tolist()
    assert times == [0, 1, 4, 7]


def test_a_saved_forecaster_explains_the_same(tft, tmp_path):
    tft.save(tmp_path / "model")
    again = load(tmp_path / "model").explain(importance=False)
    before = tft.explain(importance=False)
    for table in ("attention", "variables"):
        pd.testing.assert_frame_equal(getattr(again, table), getattr(before, table), atol=1e-6)


def test_nothing_is_left_in_the_network(hybrid, monkeypatch):
    before = hybrid.predict()
    hybrid.network_.train()
    hybrid.explain(importance=False)
    assert hybrid.network_.training

    def broken(*inputs):
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(MixingGate, "forward", broken)
        with pytest.raises(RuntimeError, match="broken"):
            hybrid.explain(importance=False)
    assert hybrid.network_.training
    assert not any(module._forward_pre_hooks for module in hybrid.network_.modules())
    hybrid.network_.eval()
    pd.testing.assert_frame_equal(hybrid.predict(), before)
    with recording(hybrid.network_):
        assert any(module._forward_pre_hooks for module in hybrid.network_.modules())
    assert not any(module._forward_pre_hooks for module in hybrid.network_.modules())


def test_without_what_is_known_ahead_an_earlier_forecast_is_explained():
    model = fitted("hybrid")
    found = model.explain(shops(ahead=0), importance=False)
    assert "3 series" in found.notes[0]
    assert found.gates["time"].max() == shops()["day"].iloc[115]


def test_what_cannot_be_explained_is_refused(hybrid):
    with pytest.raises(ConfigError, match="no network"):
        create("naive", horizon=4).fit(two()[["day", "a"]]).explain()
    with pytest.raises(ConfigError, match="not fitted"):
        create("hybrid", horizon=4).explain()
    with pytest.raises(ConfigError, match="unknown series 'nort'"):
        hybrid.explain(series="nort")
    with pytest.raises(ConfigError, match="repeats=0"):
        hybrid.explain(repeats=0)


def test_maps_that_would_fill_the_memory_are_refused(hybrid, monkeypatch):
    monkeypatch.setattr("forecast.explanations.looking.MOST_WEIGHTS", 100)
    with pytest.raises(ConfigError, match="too large for 3 series"):
        hybrid.explain(importance=False)
    assert len(hybrid.explain(importance=False, series="north").attention)


@pytest.mark.parametrize("name", ["hybrid", "tft", "itransformer", "compact", "lstm"])
def test_the_picture_is_written(name, tmp_path):
    pytest.importorskip("matplotlib")
    model = fitted(name)
    figure = model.explain(importance=False).plot(tmp_path / "explanation.png")
    assert (tmp_path / "explanation.png").read_bytes().startswith(b"\x89PNG")
    drawn = [axes for axes in figure.axes if axes.get_visible()]
    assert bool(drawn) == (name != "lstm")
