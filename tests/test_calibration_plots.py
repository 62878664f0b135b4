"""The picture of a calibration shows the tables."""

import numpy as np
import pandas as pd
import pytest

from forecast import create

pytest.importorskip("matplotlib")
from forecast.calibration_plots import shown_intervals


@pytest.fixture(scope="module")
def result():
    noise = np.random.default_rng(0).normal(size=200)
    return create("mean", horizon=4).backtest(pd.Series(noise, index=pd.RangeIndex(200)), folds=12)


def test_levels_and_intervals_are_drawn_with_their_bands(result, tmp_path):
    figure = result.plot_calibration(tmp_path / "calibration.png")
    levels, steps = figure.axes
    table, by_step = result.calibration(), result.coverage_by_step()
    np.testing.assert_allclose(levels.lines[1].get_xydata(), table["observed"].reset_index().to_numpy())
    assert [text.get_text() for text in steps.get_legend().get_texts()] == ["90 % interval", "80 % interval"]
    np.testing.assert_allclose(steps.lines[1].get_ydata(), by_step.loc["90", "observed"])
    assert len(levels.collections) == 1 and len(steps.collections) == 2
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_levels_that_make_no_interval_are_drawn_alone(result):
    assert len(result.with_levels((0.05, 0.5)).plot_calibration().axes) == 1
    assert shown_intervals(["98", "60", "40", "20"]) == ["98", "60", "40"]
    assert shown_intervals(["95", "90", "50"]) == ["90", "50"]
