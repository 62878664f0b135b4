"""Covariates as networks take them: standardised once, gaps as 0 with an indicator, codes as they are."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from forecast.datasets.build import load_panel
from forecast.datasets.inputs import Covariates, Standard
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles

ROLES = Roles(
    time="t", target="y", id="id", past=("visits", "mood"), future=("price", "offer"), static=("size", "town")
)


def make_panel(*, steps: int = 30, ahead: int = 5, gaps: bool = True) -> Panel:
    rng = np.random.default_rng(0)
    frames = []
    for number, name in enumerate(("a", "b")):
        count = steps + ahead
        frame = pd.DataFrame(
            {
                "id": name,
                "t": pd.date_range("2024-01-01", periods=count, freq="D") + pd.Timedelta(days=3 * number),
                "y": rng.normal(size=count),
                "visits": rng.normal(size=count) * 20 + 500,
                "mood": rng.choice(["good", "bad"], count),
                "price": rng.normal(size=count) + 9,
                "offer": rng.choice(["none", "half"], count),
                "size": float(number),
                "town": "York",
            }
        )
        frame.loc[steps:, ["y", "visits"]] = np.nan
        if gaps:
            frame.loc[[3, 4], "price"] = np.nan
        frames.append(frame)
    return load_panel(pd.concat(frames), ROLES)


# ---------------------------------------------------------------- standardising


@settings(max_examples=100, deadline=None)
@given(
    columns=arrays(
        np.float64, array_shapes(min_dims=2, max_dims=2), elements=st.floats(-1e6, 1e6) | st.just(float("nan"))
    )
)
def test_standardised_columns_have_mean_0_and_deviation_1_with_0_in_gaps(columns):
    standard = Standard.learn(columns)
    found = standard.apply(columns)
    assert found.shape == (len(columns), standard.width) and found.dtype == np.float32
    assert np.isfinite(found).all()
    gaps = np.isnan(columns)
    assert not found[:, : columns.shape[1]][gaps].any()
    np.testing.assert_array_equal(found[:, columns.shape[1] :], gaps[:, gaps.any(0)])
    for k, column in enumerate(columns.T):
        seen = column[~np.isnan(column)]
        if len(seen) and seen.std() > 1e-3:
            assert np.abs(found[~gaps[:, k], k].mean()) < 1e-3
            assert found[~gaps[:, k], k].std() == pytest.approx(1, abs=1e-3)
        else:
            assert np.abs(found[:, k]).max(initial=0) < 1e3  # a constant column is not blown up


def test_new_data_are_standardised_by_training_and_gaps_new_to_it_have_no_indicator():
    standard = Standard.learn(np.array([[1.0, 10.0], [3.0, np.nan]]))
    assert standard.gaps == (False, True) and standard.width == 3
    found = standard.apply(np.array([[5.0, np.nan], [np.nan, 10.0]]))
    np.testing.assert_allclose(found, [[3.0, 0.0, 1.0], [0.0, 0.0, 0.0]])


def test_no_columns_are_no_inputs():
    standard = Standard.learn(np.zeros((5, 0)))
    assert standard.width == 0 and standard.apply(np.zeros((5, 0))).shape == (5, 0)


def test_the_mean_of_millions_of_float32_rows_is_exact():
    column = np.full((3_000_000, 2), 1e4, np.float32)
    column[::2] += 1
    standard = Standard.learn(column)
    assert standard.location[0] == pytest.approx(10_000.5, abs=1e-6)
    assert standard.scale[0] == pytest.approx(0.5, abs=1e-6)


# ---------------------------------------------------------------- a panel's covariates


def test_what_is_learned_comes_back_from_json():
    learned = Covariates.learn(make_panel(), calendar=True, holidays=None)
    again = Covariates.from_json(json.loads(json.dumps(learned.to_json())))
    assert again == learned
    assert learned.calendar and all(isinstance(name, str) for name in learned.calendar)


def test_vocabularies_count_the_unknown_category():
    learned = Covariates.learn(make_panel(), calendar=False, holidays=None)
    assert (learned.past_vocabulary, learned.future_vocabulary, learned.static_vocabulary) == ((3,), (3,), (2,))


def test_past_covariates_are_learned_from_rows_before_the_end():
    """Rows that only carry what is known ahead are no gaps of the others."""
    learned = Covariates.learn(make_panel(gaps=False), calendar=False, holidays=None)
    assert learned.past.gaps == (False,)
    panel = make_panel(gaps=False)
    changed = panel.past.copy()
    position = np.arange(len(panel.target)) - np.repeat(panel.offsets[:-1], panel.lengths)
    changed[position >= np.repeat(panel.ends, panel.lengths)] = 1e9
    assert Covariates.learn(replace(panel, past=changed), calendar=False, holidays=None).past == learned.past


def gather(panel: Panel, covariates: Covariates, series: int, end: int) -> dict[str, torch.Tensor]:
    tensors = covariates.tensors(panel, ahead=4, device=torch.device("cpu"))
    relative = torch.arange(end - 6, end + 4)[None]
    rows = int(panel.offsets[series]) + relative.clamp(0, int(panel.lengths[series]) - 1)
    return tensors.gather(torch.tensor([series]), rows, relative, 6)


def test_inputs_of_a_window_are_those_of_its_rows():
    panel = make_panel()
    covariates = Covariates.learn(panel, calendar=False, holidays=None)
    found = gather(panel, covariates, 1, 30)
    rows = panel.offsets[1] + np.arange(24, 34)
    np.testing.assert_allclose(found["past"][0], covariates.past.apply(panel.past)[rows[:6]])
    np.testing.assert_allclose(found["future"][0], covariates.future.apply(panel.future)[rows])
    np.testing.assert_array_equal(found["past_codes"][0], panel.past_codes[rows[:6]])
    np.testing.assert_array_equal(found["future_codes"][0], panel.future_codes[rows])
    np.testing.assert_array_equal(found["static_codes"][0], panel.static_codes[1])
    assert covariates.future.width == 2  # price and its indicator


def test_rows_before_and_after_a_series_are_zero():
    panel = make_panel()
    covariates = Covariates.learn(panel, calendar=False, holidays=None)
    before = gather(panel, covariates, 1, 2)
    assert not before["past"][0, :4].any() and not before["future"][0, :4].any()
    assert not before["past_codes"][0, :4].any() and before["past_codes"][0, 4:].all()
    after = gather(panel, covariates, 0, 33)
    assert not after["future"][0, 8:].any() and after["future"][0, 7].any()


def test_the_calendar_of_a_window_is_that_of_its_dates():
    panel = make_panel()
    covariates = Covariates.learn(panel, calendar=True, holidays=None)
    from forecast.datasets.calendar import calendar_features

    found = gather(panel, covariates, 1, 35)["future"][0, :, covariates.future.width :]
    first = int(panel.starts[1]) + 29
    names, expected = calendar_features(panel.timeline, first, first + 9)  # beyond the last row too
    kept = [names.index(name) for name in covariates.calendar]
    assert kept
    np.testing.assert_allclose(found, expected[:, kept])


@pytest.mark.parametrize(("days", "learned"), [(15, {"hour of day"}), (60, {"hour of day", "day of week"})])
def test_a_calendar_feature_is_taken_once_its_cycle_came_round_three_times(days, learned):
    values = pd.Series(np.arange(24.0 * days), index=pd.date_range("2024-01-01", periods=24 * days, freq="h"))
    covariates = Covariates.learn(load_panel(values), calendar=True, holidays=None)
    assert {name.split(" (")[0] for name in covariates.calendar} == learned


def test_the_calendar_of_row_steps_follows_each_series_times():
    times = pd.date_range("2024-01-01", periods=2000, freq="h")
    office = times[(times.hour >= 9) & (times.hour < 17) & (times.day_of_week < 5)]
    frame = pd.concat(
        pd.DataFrame({"id": name, "t": office[first : first + 200], "y": np.arange(200.0)})
        for name, first in (("a", 0), ("b", 37))
    )
    panel = load_panel(frame, Roles(time="t", target="y", id="id", freq="rows"))
    covariates = Covariates.learn(panel, calendar=True, holidays=None)
    tensors = covariates.tensors(panel, ahead=8, device=torch.device("cpu"))
    assert len(tensors.calendar) < 500  # a row per step, none for the room between series
    for s, first in enumerate((0, 37)):
        relative = torch.arange(200, 208)[None]
        found = tensors.gather(torch.tensor([s]), relative.clamp(max=199), relative, 0)["future"][0]
        hour = covariates.calendar.index("hour of day")
        expected = office[first + 200 : first + 208].hour.to_numpy()
        order = np.argsort(found[:, hour].numpy(), kind="stable")
        assert (np.diff(expected[order]) >= 0).all()
        assert len(np.unique(found[:, hour])) == len(np.unique(expected))
