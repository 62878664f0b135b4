"""The whole way of every network: fitted over covariates of every kind with gaps, saved, loaded, and the same again."""

import numpy as np
import pandas as pd
import pytest

from forecast import create, load
from forecast.estimators.neural import NeuralForecaster
from forecast.presets import forecaster_class, forecasters

pytestmark = pytest.mark.usefixtures("averages")

NEURAL = [
    name
    for name, row in forecasters().items()
    if row.family != "baseline" and issubclass(forecaster_class(name), NeuralForecaster)
]
FIT = {"horizon": 4, "lookback": 12, "season": 6, "max_steps": 2, "batch_size": 8, "threads": 1, "device": "cpu"}
TINY = {"patch": 3, "hidden_size": 8, "heads": 2, "layers": 1}


def tiny(name, **settings):
    """The preset by its name, small; its own settings win over the sizes here."""
    fixed = forecasters()[name].settings
    own = {key: value for key, value in TINY.items() if hasattr(forecaster_class(name), key) and key not in fixed}
    return create(name, **FIT, **own, **settings)


def shops(data):
    """Three shops with covariates of every kind, known 4 steps ahead, and gaps in all that varies with time."""
    frame = data.covariates(steps=60, ahead=4, gaps=True)
    frame["returned"] = frame["sold"].shift(2) * 0.1
    frame.loc[frame["sold"].isna(), "returned"] = np.nan
    frame.loc[7, "returned"] = np.nan
    assert frame[:60][["sold", "returned", "visits", "mood", "price", "offer"]].isna().any().all()
    return frame


@pytest.mark.parametrize("targets", [("sold",), ("sold", "returned")], ids=["one", "two"])
@pytest.mark.parametrize("name", [*NEURAL, "averages"])
def test_a_forecaster_comes_back_from_its_file(name, targets, data, tmp_path):
    frame = shops(data)
    model = tiny(name, **data.ROLES | {"target": targets}, series_embedding=True).fit(frame)
    levels = (0.1, 0.5, 0.9)
    answer = model.predict(levels=levels)
    assert len(answer) == 3 * 4 * len(targets)
    assert np.isfinite(answer[["forecast", "q0.1", "q0.5", "q0.9"]]).all().all()

    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert type(again) is type(model) and again.get_params() == model.get_params()
    pd.testing.assert_frame_equal(again.predict(levels=levels), answer)
    earlier = frame[frame.groupby("shop").cumcount() < 56].copy()
    earlier.loc[earlier.groupby("shop").cumcount() >= 52, list(targets)] = np.nan
    found = again.predict(earlier, levels=levels)
    pd.testing.assert_frame_equal(found, model.predict(earlier, levels=levels))
    assert not np.allclose(found["forecast"], answer["forecast"])
