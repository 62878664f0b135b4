"""A panel on disk is trained on, forecast from and judged as the same panel in memory."""

import threading

import numpy as np
import pandas as pd
import pytest

from forecast import create
from forecast.datasets import load_panel, pack
from forecast.datasets.schema import Roles
from forecast.errors import ConfigError

PLAIN = {}
COVARIATES = {"past": ("warm",), "future": ("price", "promo")}


@pytest.fixture(scope="module", params=["plain", "covariates"])
def both(request, tmp_path_factory):
    """(roles, the panel in memory, on disk): three series with gaps, and rows of covariates behind their ends."""
    rng = np.random.default_rng(0)
    parts = []
    for s in range(3):
        rows = 90 + 10 * s
        wave = 5 + s + np.sin(np.arange(rows) * np.pi / 3) + 0.1 * rng.normal(size=rows)
        times = pd.date_range("2024-01-01", periods=rows, freq="h")
        parts.append(pd.DataFrame({"id": f"s{s}", "time": times, "y": wave}))
        parts[-1] = parts[-1].assign(warm=rng.normal(size=rows), price=rng.normal(size=rows))
        parts[-1]["promo"] = rng.choice(["yes", "no"], rows)
        parts[-1].loc[[7, 8, 30], "y"] = np.nan
        parts[-1].loc[rows - 6 :, "y"] = np.nan
    roles = PLAIN if request.param == "plain" else COVARIATES
    frame = pd.concat(parts)[["id", "time", "y", *roles.get("past", ()), *roles.get("future", ())]]
    panel = load_panel(frame, Roles(**roles))
    return roles, panel, pack(frame, tmp_path_factory.mktemp("disk") / "panel", Roles(**roles))


def test_every_family_learns_the_same_weights_and_forecasts(both, family, make):
    roles, memory, disk = both
    one, two = (make(family, **roles).fit(panel) for panel in (memory, disk))
    for name, weight in one.network_.state_dict().items():
        assert weight.equal(two.network_.state_dict()[name]), name
    pd.testing.assert_frame_equal(one.predict(levels=(0.1, 0.9)), two.predict(levels=(0.1, 0.9)))
    pd.testing.assert_frame_equal(one.predict(memory), one.predict(disk))
    assert one.report_["fingerprint"] == two.report_["fingerprint"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gather")]


@pytest.mark.parametrize("name", ["seasonal-naive", "linear", "lstm"])
def test_backtests_are_the_same(both, make, name):
    roles, memory, disk = both
    forecaster = make("lstm", **roles) if name == "lstm" else create(name, horizon=4, season=6, **roles)
    one, two = (forecaster.backtest(panel, folds=3) for panel in (memory, disk))
    np.testing.assert_allclose(two.values, one.values, rtol=1e-6)
    np.testing.assert_array_equal(two.actual, one.actual)


def test_a_fitted_forecaster_saves_its_context_and_not_the_panel(both, make, tmp_path):
    roles, memory, disk = both
    model = make("lstm", **roles).fit(disk)
    assert model.panel_.on_disk is None and len(model.panel_.target) < len(memory.target)
    model.save(tmp_path / "model")


def test_transforms_need_the_panel_in_memory_and_say_so(both, make):
    roles, _, disk = both
    with pytest.raises(ConfigError, match="lies on disk"):
        make("lstm", transform="log1p", **roles).fit(disk)


def test_a_folder_of_files_is_data_like_any_other(make, tmp_path, monkeypatch):
    monkeypatch.setenv("FORECAST_CACHE", str(tmp_path / "cache"))
    (tmp_path / "files").mkdir()
    times = pd.date_range("2024-01-01", periods=80, freq="h")
    for s in range(3):
        frame = pd.DataFrame({"id": f"s{s}", "time": times, "y": np.arange(80.0) % 7 + s})
        frame.to_csv(tmp_path / "files" / f"{s}.csv", index=False)
    model = make("lstm").fit(tmp_path / "files")
    assert len(model.predict()) == 12
    pd.testing.assert_frame_equal(model.predict(tmp_path / "files"), model.predict())
