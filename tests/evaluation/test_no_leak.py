"""No forecaster's backtest changes when rows after an origin do, whatever happens in them."""

import numpy as np
import pandas as pd
import pytest

from forecast.evaluation import backtest
from forecast.presets import PRESETS, create

SMALL = {"max_steps": 3, "hidden_size": 16, "threads": 1}
NEURAL = ("recurrent", "transformer", "hybrid")
REPEATABLE = [name for name in PRESETS if name != "auto"]  # what that one tries depends on the clock


def panel_frame(*, later: float) -> pd.DataFrame:
    """Two series of 90 hours with a past covariate; ``later`` is added to the last 8 rows of both."""
    rng = np.random.default_rng(1)
    values = np.sin(np.arange(90) * np.pi / 3) + 0.2 * rng.normal(size=(2, 90)) + 5
    values[:, -8:] += later
    seen = rng.normal(size=(2, 90))
    seen[:, -8:] += later
    times = pd.date_range("2024-01-01", periods=90, freq="h")
    columns = {"unique_id": np.repeat(["a", "b"], 90), "ds": np.tile(times, 2), "y": values.ravel(), "x": seen.ravel()}
    return pd.DataFrame(columns)


@pytest.mark.parametrize("name", REPEATABLE)
def test_rows_after_an_origin_never_reach_a_forecast_from_it(name):
    settings = {"horizon": 4, "season": 6, "past": ("x",), **(SMALL if PRESETS[name].family in NEURAL else {})}
    one, two = (
        backtest(create(name, **settings), panel_frame(later=later), folds=4, levels=(0.1, 0.5, 0.9))
        for later in (0.0, 1000.0)
    )
    before = one.fold <= 2  # the origin of fold 2 lies right before the changed rows, that of fold 3 among them
    np.testing.assert_array_equal(one.values[before], two.values[before])
    assert not np.array_equal(one.actual[one.fold == 2], two.actual[two.fold == 2])
