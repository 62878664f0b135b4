"""Answers have the shape, names and types of the question."""

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.build import load_panel
from forecast.datasets.output import to_frame
from forecast.datasets.schema import Roles
from forecast.errors import DataError

HOURS = pd.date_range("2024-01-01", periods=12, freq="h", tz="Europe/Berlin")
LEVELS = (0.05, 0.5)


def answer(data, levels=None, horizon=3, channels=1, **roles):
    """The frame of the forecasts 100 s + 10 h + c, level k one hundredth more each."""
    panel = load_panel(data, Roles(**roles))
    s, h, c, q = np.ogrid[: len(panel), :horizon, :channels, : 1 + len(levels or ())]
    return to_frame(panel, 100.0 * s + 10 * h + c + q / 100, levels, horizon=horizon)


def test_a_series_answers_with_a_series():
    data = pd.Series(np.arange(12.0), index=HOURS.rename("when"), name="load")
    expected = pd.Series(
        [0.0, 10, 20], index=pd.date_range(HOURS[-1], periods=4, freq="h")[1:].rename("when"), name="load"
    )
    pd.testing.assert_series_equal(answer(data), expected, check_freq=False, check_index_type=False)
    nameless = answer(pd.Series(np.arange(12.0)))
    assert nameless.name is None and nameless.index.tolist() == [12, 13, 14] and nameless.index.name is None


def test_arrays_answer_with_arrays():
    assert answer(np.arange(12.0)).tolist() == [0, 10, 20]
    assert answer(np.arange(12.0)[:, None]).tolist() == [[0], [10], [20]]
    assert answer(np.zeros((12, 2)) + np.arange(12)[:, None]).tolist() == [[0, 100], [10, 110], [20, 120]]


def test_a_wide_frame_answers_with_its_columns_in_order():
    data = pd.DataFrame({"when": HOURS, "b": np.arange(12.0), "a": np.arange(12.0), 7: np.arange(12.0)})
    result = answer(data)
    assert list(result.columns) == ["when", "b", "a", 7]
    assert result["a"].tolist() == [100, 110, 120] and str(result["when"].dt.tz) == "Europe/Berlin"
    indexed = answer(data.set_index("when"))
    assert list(indexed.columns) == ["b", "a", 7] and indexed.index.name == "when"
    assert indexed.index[0] == HOURS[-1] + pd.Timedelta("1h")


def test_wide_series_that_end_at_different_times_keep_their_own_steps():
    values = np.arange(12.0)
    data = pd.DataFrame({"when": HOURS, "a": values, "b": np.where(values < 10, values, np.nan)})
    result = answer(data)
    assert result["when"].iloc[0] == HOURS[10] and len(result) == 5
    np.testing.assert_array_equal(result["b"], [100, 110, 120, np.nan, np.nan])
    np.testing.assert_array_equal(result["a"], [np.nan, np.nan, 0, 10, 20])


def test_a_long_frame_answers_with_id_time_and_target_names():
    data = pd.DataFrame({"shop": np.repeat([5, 3], 12), "when": [*HOURS, *HOURS], "sales": np.arange(24.0)})
    result = answer(data, id="shop")
    assert list(result.columns) == ["shop", "when", "sales"]
    assert result["shop"].dtype.kind == "i" and result["shop"].tolist() == [5] * 3 + [3] * 3
    assert result["sales"].tolist() == [0, 10, 20, 100, 110, 120]


def test_one_long_series_has_no_id_in_points_and_the_id_series_with_levels():
    data = pd.DataFrame({"when": HOURS, "load": np.arange(12.0), "heat": 1.0})
    assert list(answer(data, target="load").columns) == ["when", "load"]
    assert list(answer(data.set_index("when"), target="load").columns) == ["load"]
    result = answer(data, LEVELS, target="load")
    assert list(result.columns) == ["series", "when", "forecast", "q0.05", "q0.5"]
    assert result["series"].unique().tolist() == ["load"] and result["q0.5"].tolist() == [0.02, 10.02, 20.02]


@pytest.mark.parametrize("data", [np.arange(12.0), pd.Series(np.arange(12.0)), np.zeros((12, 2))])
def test_levels_make_every_answer_long(data):
    assert list(answer(data, LEVELS).columns) == ["series", "time", "forecast", "q0.05", "q0.5"]


def test_channels_are_columns_in_points_and_rows_with_levels():
    data = pd.DataFrame({"when": HOURS, "a": np.arange(12.0), "b": np.arange(12.0)})
    points = answer(data, channels=2, target=("a", "b"))
    assert points["b"].tolist() == [1, 11, 21]
    long = answer(data, LEVELS, channels=2, target=("a", "b"))
    assert list(long.columns) == ["series", "when", "target", "forecast", "q0.05", "q0.5"]
    assert long["target"].tolist() == ["a"] * 3 + ["b"] * 3 and long["forecast"].tolist() == [0, 10, 20, 1, 11, 21]


def test_an_id_of_several_columns_goes_back_into_them():
    data = pd.DataFrame(
        {"Store": np.repeat([1, 2], 12), "Dept": ["x"] * 24, "when": [*HOURS, *HOURS], "sales": np.arange(24.0)}
    )
    result = answer(data, id="Store,Dept", target="sales")
    assert list(result.columns) == ["Store", "Dept", "when", "sales"]
    assert result["Store"].tolist() == [1, 1, 1, 2, 2, 2] and result["Dept"].tolist() == ["x"] * 6


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"day": "forecast"}, "forecast"),
        ({"day": "series"}, "series"),
        ({"shop": "q0.5", "day": "day"}, "q0.5"),
    ],
)
def test_a_time_or_id_called_as_a_column_of_the_forecasts_is_refused(names, told):
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=30), "y": np.arange(30.0)})
    if "shop" in names:
        frame = pd.concat([frame.assign(shop=shop) for shop in "ab"])
    frame = frame.rename(columns=names)
    with pytest.raises(DataError, match=f"called '{told}'"):
        load_panel(frame, Roles(time=names["day"], target="y", id=names.get("shop")))


def test_other_columns_may_be_called_as_those_of_the_forecasts():
    for name in ("forecast", "q0.5", "series", "target"):
        frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=30), name: np.arange(30.0)})
        assert len(load_panel(frame, Roles(target=name))) == 1
