"""Inputs of every kind become plain columns; dates are read in one way for a whole column."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.datasets.frames import as_frame
from forecast.errors import DataError

DAYS = pd.date_range("2024-01-01", periods=5, freq="D")


def times(texts, name="when"):
    frame, source = as_frame(pd.DataFrame({name: texts, "v": range(len(texts))}))
    return frame[name], [note.message for note in source.notes]


def test_a_frame_is_shared_and_not_changed():
    data = pd.DataFrame({"t": DAYS, "v": np.arange(5.0)})
    before = data.copy()
    frame, source = as_frame(data)
    assert np.shares_memory(frame["v"].to_numpy(), data["v"].to_numpy())
    pd.testing.assert_frame_equal(data, before)
    assert source.kind == "frame" and source.time is None


def test_indexes_of_dates_and_periods_become_the_time():
    for index in (DAYS, DAYS.to_period("D")):
        frame, source = as_frame(pd.DataFrame({"a": range(5), "b": range(5)}, index=index.rename("when")))
        assert list(frame.columns) == ["when", "a", "b"] and source.time == "when" and source.indexed
        assert (frame["when"].to_numpy() == DAYS.to_numpy()).all()


def test_an_index_of_written_dates_or_years_is_the_time():
    frame, source = as_frame(pd.DataFrame({"v": range(5)}, index=DAYS.strftime("%Y-%m-%d")))
    assert source.time == "time" and source.indexed and frame["time"].dtype.kind == "M"
    frame, _ = as_frame(pd.DataFrame({"YEAR": np.arange(1700.0, 1705), "v": range(5)}))
    assert frame["YEAR"].dtype.kind == "i"
    assert list(as_frame(pd.DataFrame({"v": range(2)}, index=["a", "b"]))[0].columns) == ["index", "v"]


def test_levels_of_an_index_become_id_and_time():
    index = pd.MultiIndex.from_product([["x", "y"], DAYS], names=["shop", None])
    frame, source = as_frame(pd.DataFrame({"v": range(10)}, index=index))
    assert list(frame.columns) == ["shop", "time", "v"]
    assert (source.id, source.time, source.indexed) == ("shop", "time", False)


def test_a_series_keeps_its_name_and_index():
    frame, source = as_frame(pd.Series(range(5), index=DAYS, name="load"))
    assert list(frame.columns) == ["time", "load"]
    assert (source.kind, source.time, source.target) == ("series", "time", ("load",))
    frame, source = as_frame(pd.Series([1.0, 2.0]))
    assert frame["time"].tolist() == [0, 1] and source.target == ("y",)


def test_arrays_and_lists():
    for data in (np.arange(4.0), [0, 1, 2, 3], (0.0, 1.0, 2.0, 3.0)):
        frame, source = as_frame(data)
        assert frame["y"].tolist() == [0, 1, 2, 3] and source.kind == "array"
    frame, source = as_frame(np.arange(6).reshape(3, 2))
    assert list(frame.columns) == ["0", "1"] and source.labels == {"0": 0, "1": 1}
    assert len(as_frame([[1, 2], [3, None]])[0]) == 2


def test_other_libraries_give_the_frame_that_pandas_gives():
    data = pd.DataFrame({"id": ["a", "b"], "when": DAYS[:2], "v": [1.5, np.nan], "n": [1, 2]})
    expected, _ = as_frame(data)
    table = pa.Table.from_pandas(data)
    for other in (pl.from_pandas(data), pl.from_pandas(data).lazy(), table):
        pd.testing.assert_frame_equal(as_frame(other)[0], expected, check_dtype=False)
    frame, source = as_frame(pl.Series("load", [1.0, 2.0]))
    assert source.kind == "series" and frame["load"].tolist() == [1, 2]


def test_the_index_in_a_parquet_file_is_the_time(tmp_path):
    pd.DataFrame({"v": range(5)}, index=DAYS.rename("when")).to_parquet(tmp_path / "a.parquet")
    frame, source = as_frame(tmp_path / "a.parquet")
    assert source.time == "when" and source.indexed and list(frame.columns) == ["when", "v"]


def test_columns_of_objects_and_of_pandas_own_numbers_become_numpy_numbers():
    data = pd.DataFrame(
        {
            "when": [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)],
            "decimal": [Decimal("1.5"), None],
            "truth": pd.Series([True, None], dtype=object),
            "whole": pd.array([1, None], "Int64"),
            "fine": pd.array([1, 2], "Int32"),
            "arrow": pd.Series([1.5, None], dtype="double[pyarrow]"),
            "none": [None, None],
        }
    )
    frame, _ = as_frame(data)
    assert [dtype.kind for dtype in frame.dtypes] == ["M", "f", "f", "f", "i", "f", "f"]
    assert frame["decimal"].tolist()[0] == 1.5 and frame["truth"].tolist()[0] == 1.0


def test_column_labels_become_text_and_are_remembered():
    frame, source = as_frame(pd.DataFrame({"t": DAYS, 7: range(5), 8: range(5)}))
    assert list(frame.columns) == ["t", "7", "8"] and source.labels == {"7": 7, "8": 8}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (pd.DataFrame({"t": []}), "no rows"),
        (pd.DataFrame(index=[0, 1]), "no columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "is there twice"),
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])), "several levels"),
        (np.zeros((2, 2, 2)), "3 dimensions"),
        (["a", "b"], "not numeric"),
        ([[1], [2, 3]], "not numeric"),
        (object(), "no data that can be read"),
        (42, "no data that can be read"),
        (None, "no data that can be read"),
        ([], "no rows"),
    ],
)
def test_what_is_no_data_is_refused(data, says):
    with pytest.raises(DataError, match=says):
        as_frame(data)


def test_y_beside_x_is_the_target():
    x = pd.DataFrame({"when": DAYS, "heat": range(5)})
    for y, names in [
        (pd.Series(range(5), name="load"), ("load",)),
        (np.arange(5.0), ("y",)),
        ([1, 2, 3, 4, 5], ("y",)),
        (pd.DataFrame({"a": range(5), "b": range(5)}), ("a", "b")),
    ]:
        frame, source = as_frame(x, y)
        assert source.target == names and list(frame.columns) == ["when", "heat", *names]
    frame, source = as_frame(x.set_index("when"), pd.Series(range(5), index=DAYS, name="load"))
    assert (source.kind, source.time, source.target) == ("frame", "when", ("load",))
    with pytest.raises(DataError, match="X has 5 rows and y has 4"):
        as_frame(x, [1, 2, 3, 4])
    with pytest.raises(DataError, match="times of X and y differ"):
        as_frame(x.set_index("when"), pd.Series(range(5), index=DAYS.shift(1)))


def test_y_beside_an_array_is_the_data():
    frame, source = as_frame(np.zeros((5, 3)), np.arange(5.0))
    assert source.kind == "array" and list(frame.columns) == ["y"]
    assert as_frame(None, np.arange(5.0))[1].kind == "array"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2013/1/1 0:00", "2013/1/1 13:00"], "2013-01-01 13:00"),
        (["2013-01-01T00:00:00.5Z", "2013-01-01T01:00:00.250Z"], "2013-01-01 01:00:00.25+00:00"),
        (["2013.01.01", "2013.02.01"], "2013-02-01"),
        (["1949-01", "1949-02"], "1949-02-01"),
        (["2013-01-01", "2013-01-01 12:00", "2013-01-02 00:00:30"], "2013-01-02 00:00:30"),
        (["30.12.2020", "31.12.2020 7:05"], "2020-12-31 07:05"),
        (["12/30/2020", "12/31/2020 1:05 PM"], "2020-12-31 13:05"),
        (["12/30/2020 12:00:00 AM", "12/31/2020 12:00:00 am"], "2020-12-31 00:00"),
        (["1/2020", "2/2020"], "2020-02-01"),
        (["2020Q1", "2020Q2"], "2020-04-01"),
        (["Q1 2020", "Q2 2020"], "2020-04-01"),
        (["2020-W01", "2020-W02"], "2020-01-06"),
        (["Jan-49", "Feb-49"], "1949-02-01"),
        (["Jan 2020", "Feb 2020"], "2020-02-01"),
        (["1-Jan-2020", "2-Jan-2020"], "2020-01-02"),
        (["January 1, 2020", "January 2, 2020"], "2020-01-02"),
        (["2 Jan 2020 10:00", "3 Jan 2020 11:30"], "2020-01-03 11:30"),
        (["20/1/99", "21/1/99"], "1999-01-21"),
        (["2020-01-01 00:00:00 UTC", "2020-01-02 00:00:00 UTC"], "2020-01-02T00:00:00Z"),
        (["2020-01-01 00:00+0100", "2020-01-02 00:00+0100"], "2020-01-02T00:00:00+01:00"),
    ],
)
def test_dates_in_the_usual_spellings(texts, expected):
    column, _ = times(texts)
    assert column.dtype.kind == "M" and column.iloc[-1] == pd.Timestamp(expected)


def test_one_proof_of_day_first_holds_for_the_whole_column():
    texts = [f"{day:02d}/{month:02d}/2021" for month in range(1, 4) for day in range(1, 29)]
    column, remarks = times(texts)
    assert column.tolist() == [pd.Timestamp(2021, month, day) for month in range(1, 4) for day in range(1, 29)]
    assert "day first, as 13/01/2021 proves" in remarks[0]


def test_order_that_no_date_proves_is_told_by_even_steps():
    monthly, remarks = times([f"01/{month:02d}/2021" for month in range(1, 13)])
    assert monthly.iloc[-1] == pd.Timestamp("2021-12-01") and "day first" in remarks[0]
    daily, _ = times([f"01/{day:02d}/2021" for day in range(1, 12)] + ["02/01/2021"])
    assert daily.iloc[1] - daily.iloc[0] in (pd.Timedelta("1D"), pd.Timedelta("31D"))


def test_dates_that_prove_both_orders_are_refused():
    with pytest.raises(DataError, match=r"day first .* and month first"):
        times(["13/01/2021", "01/13/2021"])


def test_mixed_offsets_are_read_as_utc_and_reported():
    column, remarks = times(["2020-03-29 01:00:00+01:00", "2020-03-29 03:00:00+02:00"])
    assert str(column.dtype.tz) == "UTC" and column.diff().iloc[1] == pd.Timedelta(0) + pd.Timedelta("1h")
    assert "read as UTC" in remarks[0]
    with pytest.raises(DataError, match="carry an offset"):
        times(["2020-03-29 01:00:00+01:00", "2020-03-29 03:00:00"])


@settings(max_examples=80, deadline=None)
@given(
    start=st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)),
    step=st.sampled_from(["1h", "15min", "1D", "7D"]),
    pattern=st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y/%m/%dT%H:%M:%S", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p"]),
    padded=st.booleans(),
)
def test_written_dates_are_read_back(start, step, pattern, padded):
    index = pd.date_range(pd.Timestamp(start).floor("s"), periods=800, freq=step)
    texts = index.strftime(pattern)
    if not padded and "/" in pattern:
        texts = texts.str.replace(r"(?<![\d:])0(?=\d/)|(?<=/)0(?=\d)", "", regex=True)
    column, _ = times(texts)
    assert (column.to_numpy() == index.to_numpy()).all()


def test_dates_in_several_columns_are_joined():
    numbers = pd.DataFrame({"year": [2010, 2010], "month": [1, 1], "day": [1, 1], "hour": [0, 1], "v": [1.0, 2.0]})
    frame, source = as_frame(numbers)
    assert frame["time"].tolist() == [pd.Timestamp("2010-01-01 00:00"), pd.Timestamp("2010-01-01 01:00")]
    assert source.time == "time" and source.parts == ("year", "month", "day", "hour")
    assert "joined from the columns year, month, day, hour" in source.notes[0].message
    quarters, _ = as_frame(pd.DataFrame({"year": [1959.0, 1959.0], "quarter": [1.0, 2.0], "gdp": [1.0, 2.0]}))
    assert quarters["time"].tolist() == [pd.Timestamp("1959-01-01"), pd.Timestamp("1959-04-01")]


def test_a_date_and_a_time_of_day_are_joined():
    data = {"Date": ["16/12/2006"] * 2 + ["17/12/2006"], "Time": ["17:24:00", "17:25:00", "00:00:00"], "v": [1, 2, 3]}
    frame, source = as_frame(pd.DataFrame(data))
    assert frame[source.time].tolist()[0] == pd.Timestamp("2006-12-16 17:24")
    hours = pd.DataFrame({"day": ["2011-01-01"] * 24 + ["2011-01-02"] * 24, "hr": [*range(24)] * 2, "v": range(48)})
    frame, source = as_frame(hours)
    assert frame[source.time].is_unique and frame[source.time].iloc[-1] == pd.Timestamp("2011-01-02 23:00")


def test_calendar_covariates_beside_dates_are_not_joined():
    data = pd.DataFrame({"when": DAYS, "year": 2024, "month": 1, "day": range(1, 6), "hour": 0, "v": range(5)})
    assert as_frame(data)[1].time is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([20240131, 20240201], "2024-02-01"),
        ([202401, 202402], "2024-02-01"),
        ([1577836800, 1577923200], "2020-01-02T00:00Z"),
        ([1577836800000, 1577923200000], "2020-01-02T00:00Z"),
        ([2024013122, 2024013123], "2024-01-31 23:00"),
    ],
)
def test_numbers_in_a_column_called_date_are_dates(values, expected):
    column, remarks = times(values, name="date")
    assert column.iloc[-1] == pd.Timestamp(expected) and remarks


def test_years_stay_numbers_and_words_stay_words():
    assert times([1990, 1991], name="year")[0].tolist() == [1990, 1991]
    assert times(["Aberdeen", "Bath"])[0].tolist() == ["Aberdeen", "Bath"]
    assert times(["May", "Marcus"])[0].tolist() == ["May", "Marcus"]


@pytest.mark.parametrize("data", [{"a": 1}, {"a": [1, 2], "b": [1]}, np.ones(30) + 1j, "a\0b", "x" * 5000])
def test_what_makes_no_frame_is_an_error_of_the_data(data):
    with pytest.raises(DataError):
        as_frame(data)
