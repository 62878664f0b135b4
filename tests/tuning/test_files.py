"""The files of a search: what best.toml says is what a fit reads."""

import sys

import numpy as np
import pandas as pd
import pytest

from forecast import create, tune
from forecast.cli.settings import read_config, resolve
from forecast.tuning.files import to_toml


@pytest.mark.parametrize(
    "name, settings",
    [
        ("lstm", {"horizon": 7, "learning_rate": 1e-5, "levels": (0.1, 0.9), "residual": False}),
        ("deepar", {"horizon": 7, "distribution": None, "lags": (7, 14)}),
        ("lstm", {"horizon": 7, "levels": None, "dropout": None, "target": 'a "b"\\\n\x7fü', "past": ("x", "y z")}),
        ("theta", {"horizon": 3, "season": 12, "freq": "MS", "id": "shop"}),
        ("combined", {"horizon": 3, "members": ("theta", "naive"), "weighting": "equal"}),
    ],
)
def test_a_fit_reads_back_what_was_found(tmp_path, name, settings):
    path = tmp_path / "best.toml"
    path.write_text(to_toml(name, settings), encoding="utf-8")
    read = read_config(path)
    found = resolve(read.name, config=read.settings, options={}, given=None)
    assert read.name == name
    assert create(name, **found).get_params() == create(name, **settings).get_params()


def test_the_file_with_covariates_is_named_from_wherever_the_settings_lie(tmp_path):
    path = tmp_path / "deep" / "best.toml"
    path.parent.mkdir()
    path.write_text(to_toml("lstm", {"horizon": 7}, future_data=tmp_path / "ahead.csv"))
    assert read_config(path).future_data == tmp_path / "ahead.csv"


def test_without_matplotlib_all_but_the_pictures_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.delitem(sys.modules, name)
    series = pd.Series(20 + np.sin(np.arange(80.0)), name="y", index=pd.date_range("2024-01-01", periods=80))
    space = {"ridge": [0.1, 1.0]}
    result = tune("linear", series, horizon=3, trials=2, folds=2, space=space, output=tmp_path / "out")
    assert any("need the extra `report`" in text for text in result.remarks)
    names = {entry.name for entry in (tmp_path / "out").iterdir()}
    assert {"best.toml", "trials.csv", "model"} <= names and "history.png" not in names
