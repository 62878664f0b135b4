"""Cuts of a panel: the same rows as cut one by one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.datasets.build import load_panel
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles


def ragged(lengths: list[int], ahead: int = 2) -> Panel:
    """Series of these lengths with a covariate known ``ahead`` steps past the last target."""
    frames = []
    for s, length in enumerate(lengths):
        target = np.append(np.arange(length) + 100.0 * s, [np.nan] * ahead)
        times = pd.date_range("2022-01-01", periods=length + ahead) + pd.Timedelta(days=s)
        frames.append(pd.DataFrame({"unique_id": s, "ds": times, "y": target, "x": np.arange(length + ahead) + 0.5}))
    return load_panel(pd.concat(frames), Roles(id="unique_id", target="y", future=("x",), freq="D"))


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), steps=st.integers(1, 12), data=st.data())
@settings(max_examples=60, deadline=None)
def test_tails_and_selections_equal_slices_of_each_series(lengths, steps, data):
    panel = ragged(lengths)
    chosen = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=5))
    part = panel.tail(steps).select(np.array(chosen))
    for s, k in enumerate(chosen):
        assert part.ids[s] == panel.ids[k]
        np.testing.assert_array_equal(part.series(s), panel.series(k)[-steps:])
        rows = slice(part.offsets[s], part.offsets[s + 1])
        first = panel.offsets[k] + max(panel.ends[k] - steps, 0)
        np.testing.assert_array_equal(part.future[rows], panel.future[first : panel.offsets[k + 1]])
        assert part.starts[s] + part.ends[s] == panel.starts[k] + panel.ends[k]


def test_a_cut_forgets_targets_but_keeps_what_is_known_ahead():
    panel = ragged([6, 3])
    earlier = panel.cut(np.array([4, 9]))
    assert earlier.ends.tolist() == [4, 3]
    assert earlier.series(0)[:, 0].tolist() == [0, 1, 2, 3]
    assert earlier.future is panel.future
    assert panel.ends.tolist() == [6, 3]


def test_a_panel_tells_its_size():
    panel = ragged([6, 3])
    assert (len(panel), panel.channels, panel.lengths.tolist()) == (2, 1, [8, 5])


def test_nothing_of_a_panel_can_be_set():
    with pytest.raises(AttributeError):
        ragged([3]).ends = np.array([1])
