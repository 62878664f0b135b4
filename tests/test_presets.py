"""The table of forecasters: names, settings, and rows from other distributions."""

import dataclasses

import numpy as np
import pytest

from forecast import ConfigError, ModelFormatError, create, load
from forecast.estimators.base import Forecaster
from forecast.estimators.settings import check_values
from forecast.presets import PRESETS, Preset, forecaster_class, forecasters, name_of, preset

ALWAYS_THERE = (
    "lstm gru rnn xlstm p-slstm segrnn seq2seq seq2seq-bahdanau seq2seq-luong deepar "
    "transformer transformer-encoder transformer-encoder-decoder gpt bert patchtst itransformer tied "
    "transformer-xl compressive-transformer compact transformer-local transformer-strided logsparse informer "
    "autoformer linear-transformer reformer adaptive-span hierarchical "
    "hybrid hybrid-recurrent-first hybrid-attention-first hybrid-interleaved hybrid-parallel hybrid-memory "
    "hybrid-delta tft "
    "naive seasonal-naive drift mean ets theta arima linear"
).split()


def test_the_promised_names_are_there():
    assert set(ALWAYS_THERE) <= set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_row_makes_a_forecaster_with_valid_settings(name):
    forecaster = create(name, horizon=3)
    check_values(forecaster)
    assert forecaster.horizon == 3
    assert {key: getattr(forecaster, key) for key in PRESETS[name].settings} == dict(PRESETS[name].settings)


@pytest.mark.parametrize("name", PRESETS)
def test_a_forecaster_knows_its_row(name):
    assert name_of(create(name, horizon=3)) == name


@pytest.mark.parametrize("name", PRESETS)
def test_a_row_is_complete(name):
    row = PRESETS[name]
    assert row.name == name
    assert row.description
    assert row.family == "baseline" or row.paper


def test_a_changed_forecaster_is_still_found_by_its_class():
    assert forecaster_class(name_of(create("gru", horizon=3, cell="rnn"))) is forecaster_class("rnn")
    assert name_of(create("gru", horizon=3, cell="rnn")) == "rnn"
    for name, change in (("tft", {"batch_size": 32}), ("segrnn", {"location": "mean"}), ("logsparse", {"kernel": 1})):
        assert name_of(create(name, horizon=3, hidden_size=16, **change)) == name
    assert name_of(create("hybrid", horizon=3, batch_size=128)) == "hybrid"


def test_the_name_of_a_built_in_forecaster_does_not_wait_for_what_else_is_installed(monkeypatch):
    def asked() -> None:
        raise AssertionError("the installed distributions were read")

    monkeypatch.setattr("forecast.presets._entry_points", asked)
    assert name_of(create("lstm", horizon=3)) == "lstm"


def test_settings_given_beat_those_of_the_row():
    assert create("gru", horizon=3, cell="lstm").cell == "lstm"


def test_rows_cannot_be_changed():
    with pytest.raises(TypeError):
        PRESETS["lstm"] = PRESETS["gru"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        PRESETS["lstm"].name = "x"


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r"unknown forecaster 'ltsm'\nDid you mean 'lstm'\?"):
        create("ltsm", horizon=3)


def test_an_unknown_setting_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match="unknown setting of LSTMForecaster 'hiden_size'\nDid you mean 'hidden_size'"):
        create("lstm", horizon=3, hiden_size=8)


def test_a_missing_horizon_is_named():
    with pytest.raises(ConfigError, match="horizon"):
        create("naive")


# ---------------------------------------------------------------------- rows from other distributions


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a fake distribution on the path that declares a forecaster."""

    def make(name, code, target="acme_forecasts:AcmeForecaster"):
        (tmp_path / "acme_forecasts.py").write_text(code)
        info = tmp_path / "acme_forecasts-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-forecasts\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[seqcast.forecasters]\n{name} = {target}\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(__import__("sys").modules, "acme_forecasts", raising=False)

    return make


ACME = """
from dataclasses import dataclass
from forecast.baselines import NaiveForecaster

@dataclass(kw_only=True, eq=False, repr=False)
class AcmeForecaster(NaiveForecaster):
    sharpness: float = 2.0
"""


def test_another_distribution_adds_a_forecaster(install):
    install("acme", ACME)
    assert preset("acme") == Preset(
        name="acme",
        family="extension",
        target="acme_forecasts:AcmeForecaster",
        description="From acme-forecasts 1.2",
    )
    assert list(forecasters())[-1] == "acme"
    forecaster = create("acme", horizon=2, sharpness=3.0)
    assert isinstance(forecaster, Forecaster) and forecaster.sharpness == 3.0
    assert name_of(forecaster) == "acme"


def test_a_forecaster_of_another_distribution_can_be_saved(install, tmp_path):
    install("acme", ACME)
    create("acme", horizon=2, sharpness=3.0).fit(np.arange(20.0)).save(tmp_path / "model")
    assert "acme_forecasts" not in (tmp_path / "model" / "model.json").read_text()
    again = load(tmp_path / "model")
    assert type(again).__name__ == "AcmeForecaster" and again.sharpness == 3.0


def test_a_saved_model_whose_distribution_is_gone_is_refused(install, tmp_path, monkeypatch):
    install("acme", ACME)
    create("acme", horizon=2).fit(np.arange(20.0)).save(tmp_path / "model")
    monkeypatch.undo()
    with pytest.raises(ModelFormatError, match="unknown forecaster 'acme'"):
        load(tmp_path / "model")


def test_another_distribution_cannot_replace_a_built_in_forecaster(install):
    install("lstm", ACME)
    assert forecaster_class("lstm").__name__ == "LSTMForecaster"
    assert forecasters()["lstm"].family == "recurrent"


def test_a_broken_extension_is_named_and_leaves_the_table_readable(install):
    install("acme", "import a_library_that_nobody_has")
    assert "acme" in forecasters()
    with pytest.raises(ConfigError, match=r"forecaster 'acme' \(From acme-forecasts 1.2\) cannot be imported"):
        create("acme", horizon=2)


def test_an_extension_that_is_no_forecaster_is_refused(install):
    install("acme", "class AcmeForecaster: pass")
    with pytest.raises(ConfigError, match="is no Forecaster"):
        create("acme", horizon=2)


def test_a_forecaster_outside_the_table_has_no_name():
    @dataclasses.dataclass(kw_only=True, eq=False, repr=False)
    class Mine(forecaster_class("naive")):
        pass

    with pytest.raises(ConfigError, match="Mine is not in the table of forecasters"):
        name_of(Mine(horizon=2))
