"""Newer rows behind the context that they continue, and what is required of covariates known ahead."""

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.build import load_panel
from forecast.datasets.joining import append, behind, continued, renewed, require_future, rows_up_to
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles
from forecast.errors import DataError

ROLES = Roles(time="t", target="y", id="id", past=("p",), future=("f", "c"))
DAYS = pd.date_range("2024-01-01", periods=100, freq="D")


def frame(first: int, last: int, *, ids: str = "ab", ahead: int = 0) -> pd.DataFrame:
    """Days ``first`` to ``last`` (left out) of each series; values tell series and day apart."""
    parts = []
    for name in ids:
        day = np.arange(first, last + ahead)
        values = day + 1000.0 * ord(name)
        part = pd.DataFrame(
            {"id": name, "t": DAYS[day], "y": values, "p": -values, "f": day * 1.0, "c": "xyz"[day[0] % 3]}
        )
        part.loc[day >= last, ["y", "p"]] = np.nan
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def panel(*args: int, roles: Roles = ROLES, schema: object = None, **options: object) -> Panel:
    return load_panel(frame(*args, **options), roles, schema=schema)


def assert_same_rows(one: Panel, two: Panel) -> None:
    assert one.ids.tolist() == two.ids.tolist()
    for name in ("starts", "offsets", "ends", "target", "past", "future"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


@pytest.mark.parametrize("steps", [3, 12, 20])
@pytest.mark.parametrize("ahead", [0, 4])
def test_rows_that_continue_the_context_give_the_panel_of_both(steps, ahead):
    context = panel(0, 20).tail(steps)
    joined, first = append(context, panel(20, 30, ahead=ahead, schema=context.schema))
    assert_same_rows(joined, panel(20 - steps, 30, ahead=ahead, schema=context.schema))
    assert first.tolist() == [steps, steps]
    assert joined.timeline.times(joined.starts)[0] == DAYS[20 - steps]


def test_rows_of_the_context_behind_its_end_are_replaced():
    context = panel(0, 20, ahead=5)
    joined, first = append(context, panel(20, 30, schema=context.schema))
    np.testing.assert_array_equal(joined.target, panel(0, 30).target)
    assert first.tolist() == [20, 20]


@pytest.mark.parametrize("begin", [10, 21, 60])
def test_rows_that_overlap_or_leave_a_gap_stand_alone(begin):
    context = panel(0, 20)
    newer = panel(begin, begin + 10, schema=context.schema)
    joined, first = append(context, newer, steps=4)
    assert_same_rows(joined, newer)
    assert first.tolist() == [4, 4]
    assert append(context, newer, steps=99)[1].tolist() == [10, 10]


def test_series_are_matched_by_id_whatever_their_order():
    context = panel(0, 20, ids="abc")
    newer = panel(20, 25, ids="dca", schema=context.schema)
    joined, first = append(context, newer, steps=2)
    assert joined.ids.tolist() == ["d", "c", "a"]
    assert first.tolist() == [2, 20, 20]
    assert joined.lengths.tolist() == [5, 25, 25]
    np.testing.assert_array_equal(joined.series(1), panel(0, 25, ids="c").target)
    np.testing.assert_array_equal(joined.series(0), panel(20, 25, ids="d").target)


def test_row_steps_are_joined_by_their_times():
    roles = Roles(time="t", target="y", id="id", past=("p",), future=("f", "c"), freq="rows")
    whole = frame(0, 60)
    whole = whole[whole["t"].dt.day_of_week < 5]
    split = pd.Timestamp("2024-02-01")
    context = load_panel(whole[whole["t"] < split], roles)
    newer = load_panel(whole[whole["t"] >= split], roles, schema=context.schema)
    joined, first = append(context.tail(8), newer)
    assert first.tolist() == [8, 8]
    expected = load_panel(whole, roles)
    for s in range(2):
        np.testing.assert_array_equal(joined.series(s), expected.series(s)[-len(joined.series(s)) :])
        times = joined.timeline.times(joined.starts[s] + np.arange(joined.lengths[s] + 3))
        assert times[0] == whole["t"].iloc[len(context.series(0)) - 8]
        assert times[-4] == whole["t"].iloc[-1]
        assert times.day_of_week.max() < 5
    older, first = append(newer, context, steps=3)  # what lies before continues nothing
    assert first.tolist() == [3, 3] and older.lengths.tolist() == context.lengths.tolist()


@pytest.mark.parametrize(("begin", "expected"), [(20, 0), (25, 0), (15, 5), (0, 20), (5, 15)])
def test_rows_known_from_training_are_counted(begin, expected):
    context = panel(0, 20)
    newer = panel(begin, 40, ids="az", schema=context.schema)
    assert rows_up_to(context, newer).tolist() == [expected, 0]


def test_arrays_are_moved_behind_the_context():
    context = load_panel(np.arange(20.0))
    newer = behind(context, load_panel(np.arange(20.0, 26.0), schema=context.schema))
    joined, first = append(context, newer)
    np.testing.assert_array_equal(joined.target[:, 0], np.arange(26.0))
    assert first.tolist() == [20]


def test_covariates_known_ahead_must_reach_as_far_as_the_forecast():
    require_future(panel(0, 20, ahead=4), 4)
    with pytest.raises(DataError, match="series 'a' has 4 rows of f, c after its last target, the forecast needs 5"):
        require_future(panel(0, 20, ahead=4), 5)
    mixed = load_panel(pd.concat([frame(0, 20, ids="a", ahead=6), frame(0, 20, ids="b", ahead=2)]), ROLES)
    with pytest.raises(DataError, match="series 'b' has 2 rows") as caught:
        require_future(mixed, 3)
    assert caught.value.where["series"] == "b"


def test_without_covariates_known_ahead_nothing_is_required():
    plain = load_panel(frame(0, 20)[["id", "t", "y"]], Roles(time="t", target="y", id="id"))
    require_future(plain, 1000)


@pytest.mark.parametrize(("begin", "front", "known"), [(20, 8, 8), (17, 5, 8), (12, 0, 8), (9, 0, 11)])
def test_rows_given_again_replace_those_of_the_context_and_count_as_known(begin, front, known):
    context = panel(0, 20).tail(8)
    newer = panel(begin, 30, ahead=2, schema=context.schema)
    joined, old = continued(context, newer, reach=8)
    assert_same_rows(joined, panel(begin - front, 30, ahead=2, schema=context.schema))
    assert old.tolist() == [known, known]


def test_steps_between_the_context_and_newer_rows_are_unobserved():
    context = panel(0, 20, ahead=3).tail(8)
    joined, old = continued(context, panel(23, 30, schema=context.schema), reach=3)
    assert (joined.starts.tolist(), joined.ends.tolist(), old.tolist()) == ([19723 + 12] * 2, [18] * 2, [11] * 2)
    whole = panel(12, 30)
    between = slice(8, 11)
    for name in ("target", "past", "future"):
        expected = getattr(whole, name).copy()
        expected[between] = expected[18:][between] = np.nan
        np.testing.assert_array_equal(getattr(joined, name), expected)
    assert not joined.future_codes[between].any()
    alone, old = continued(context, panel(23, 30, schema=context.schema), reach=2)
    assert_same_rows(alone, panel(23, 30, schema=context.schema))
    assert old.tolist() == [0, 0]


def test_rows_that_all_lie_before_the_end_of_the_context_are_known():
    context = panel(10, 20)
    for first, last in ((0, 10), (0, 15), (12, 18), (10, 20)):
        joined, old = continued(context, panel(first, last, ids="xa", schema=context.schema), reach=5)
        assert (joined.ends - old).tolist() == [last - first, 0]


def test_series_that_went_on_take_the_place_of_their_context_and_new_ones_come_behind():
    context, newer = panel(0, 20, ids="abc"), panel(15, 30, ids="dcb", ahead=2)
    both = renewed(context, newer)
    assert both.ids.tolist() == ["a", "b", "c", "d"]
    assert both.lengths.tolist() == [20, 17, 17, 17] and both.ends.tolist() == [20, 15, 15, 15]
    np.testing.assert_array_equal(both.series(0), panel(0, 20, ids="a").target)
    for s in (1, 2, 3):
        np.testing.assert_array_equal(both.series(s), panel(15, 30, ids=both.ids[s]).target)
    assert both.timeline.times(both.starts).tolist() == [DAYS[0], *[DAYS[15]] * 3]


def test_row_times_of_both_are_numbered_anew():
    roles = Roles(time="t", target="y", id="id", past=("p",), future=("f", "c"), freq="rows")
    whole = frame(0, 60, ids="ab")
    whole = whole[whole["t"].dt.day_of_week < 5]
    split, overlap = pd.Timestamp("2024-02-01"), pd.Timestamp("2024-01-29")
    context = load_panel(whole[whole["t"] < split], roles)
    newer = load_panel(whole[(whole["t"] >= overlap) & (whole["id"] == "b")], roles, schema=context.schema)
    joined, old = continued(context.tail(8), newer, reach=8)
    assert old.tolist() == [8]
    np.testing.assert_array_equal(joined.series(0), load_panel(whole, roles).series(1)[-joined.ends[0] :])
    both = renewed(context, joined)
    assert both.ids.tolist() == ["a", "b"]
    last = both.timeline.times(both.starts + both.ends - 1)
    assert last.tolist() == [pd.Timestamp("2024-01-31"), whole["t"].max()]
    ahead = both.timeline.times(both.starts[1] + both.ends[1] + np.arange(3))
    assert ahead.day_of_week.max() < 5
