"""Reading data files: every spelling of the same table gives the same frame, and no fault passes silently."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.datasets.files import read_file, read_table
from forecast.errors import DataError

PLAIN = "date,value\n2024-01-01,1.5\n2024-01-02,2\n2024-01-03,2.5\n"


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def benchmark(path: str) -> Path:
    folder = os.environ.get("FORECAST_DATA")
    if not folder or not (Path(folder) / path).exists():
        pytest.skip(f"FORECAST_DATA names no folder with {path}")
    return Path(folder) / path


def messages(path) -> str:
    from forecast.datasets.frames import as_frame

    return "\n".join(note.message for note in as_frame(path)[1].notes)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_separators_line_ends_and_encodings_give_one_frame(write, separator, ends, encoding):
    text = "date,größe (m²)\n2024-01-01,1.5\n2024-01-02,\n2024-01-03,2.5\n"
    path = write(text.replace(",", separator).replace("\n", ends).encode(encoding))
    expected = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=3), "größe (m²)": [1.5, np.nan, 2.5]})
    pd.testing.assert_frame_equal(read_table(path), expected, check_dtype=False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.floats(-1e12, 1e12, allow_subnormal=False) | st.none(), min_size=2, max_size=30),
    words=st.lists(st.text("abcäß é;,|'", min_size=1).filter(lambda s: s.strip() == s), min_size=30, max_size=30),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    decimal=st.sampled_from([".", ","]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_pandas_writes_reads_back(tmp_path, values, words, separator, decimal, encoding):
    times = pd.date_range("2024-02-27 22:00", periods=len(values), freq="h")
    frame = pd.DataFrame({"when": times, "word": words[: len(values)], "number": pd.array(values, "Float64")})
    frame["number"] = frame["number"].astype("float64")
    frame["half"] = 0.5  # shows the decimal mark whatever the others hold
    path = tmp_path / "data.csv"
    frame.to_csv(path, sep=separator, decimal=decimal, encoding=encoding, index=False)
    read = read_table(path)
    assert list(read.columns) == list(frame.columns)
    assert (read["when"].to_numpy() == frame["when"].to_numpy()).all()
    assert read["word"].tolist() == frame["word"].tolist()
    np.testing.assert_allclose(read["number"].to_numpy(np.float64), frame["number"].to_numpy(), rtol=1e-12)
    np.testing.assert_array_equal(read["half"], frame["half"])


def test_compressed_files_and_open_files_read_like_plain_ones(write, tmp_path):
    expected = read_table(write(PLAIN))
    packed = write(gzip.compress(PLAIN.encode()), "data.csv.gz")
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("inside.csv", PLAIN)
    for source in (packed, archive, io.BytesIO(PLAIN.encode()), str(packed)):
        pd.testing.assert_frame_equal(read_table(source), expected)


def test_a_dash_reads_standard_input(monkeypatch, write):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(PLAIN.encode())))
    pd.testing.assert_frame_equal(read_table("-"), read_table(write(PLAIN)))


def test_parquet_and_json_lines_read_like_csv(write, tmp_path):
    expected = read_table(write(PLAIN))
    expected.to_parquet(tmp_path / "data.parquet")
    expected.assign(date=expected["date"].astype(str)).to_json(tmp_path / "data.jsonl", orient="records", lines=True)
    for name in ("data.parquet", "data.jsonl"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name), expected, check_dtype=False)


def test_parquet_without_pyarrow_names_the_extra(monkeypatch, write, tmp_path):
    read_table(write(PLAIN)).to_parquet(tmp_path / "data.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"seqcast\[parquet\]"):
        read_table(tmp_path / "data.parquet")


def test_column_names_lose_their_blanks_and_it_is_reported(write):
    path = write("date, load ,price\n2024-01-01,1,2\n2024-01-02,3,4\n")
    assert list(read_table(path).columns) == ["date", "load", "price"]
    assert "'load'" in messages(path)


def test_comments_before_the_header_are_passed_over(write):
    assert len(read_table(write("# a comment\n\n" + PLAIN))) == 3


def test_a_file_without_header_keeps_its_first_row(write):
    frame = read_table(write("2024-01-01,5\n2024-01-02,6\n"))
    assert list(frame.columns) == ["0", "1"] and frame["1"].tolist() == [5, 6]


def test_an_index_written_without_a_name_is_dropped_if_it_counts_rows_and_time_if_it_holds_dates(write):
    assert list(read_table(write(",date,value\n0,2024-01-01,1\n1,2024-01-02,2\n")).columns) == ["date", "value"]
    frame = read_table(write(",value\n2024-01-01,1\n2024-01-02,2\n", "b.csv"))
    assert list(frame.columns) == ["time", "value"] and frame["time"].dtype.kind == "M"


def test_names_that_look_like_missing_values_or_numbers_stay(write):
    frame = read_table(write("id,date,value\nNA,2024-01-01,NA\nUS,2024-01-01,2\n"))
    assert frame["id"].tolist() == ["NA", "US"] and np.isnan(frame["value"][0])
    assert read_table(write("id,value\n007,1\n010,2\n"))["id"].tolist() == ["007", "010"]


def test_question_marks_are_missing_numbers(write):
    frame = read_table(
        write("Date;Time;Power\n16/12/2006;17:24:00;4.216\n16/12/2006;17:25:00;?\n17/12/2006;00:00:00;1\n")
    )
    assert np.isnan(frame["Power"][1])


def test_one_series_a_row_becomes_long(write):
    frame = read_table(write('"V1","V2","V3","V4"\n"H1","1","2",""\n"H2","3","","5"\n'))
    assert frame["id"].tolist() == ["H1", "H1", "H2", "H2", "H2"]
    assert frame["time"].tolist() == [0, 1, 0, 1, 2]
    np.testing.assert_array_equal(frame["target"], [1, 2, 3, np.nan, 5])


def test_dates_in_the_header_become_rows(write):
    frame = read_table(write("page,2015-07-01,2015-07-02,2015-07-03\na,1,2,3\nb,4,5,\n"))
    assert frame["id"].tolist() == ["a"] * 3 + ["b"] * 2
    assert frame["time"].iloc[-1] == pd.Timestamp("2015-07-02")


def test_years_in_the_header_become_steps(write):
    frame = read_table(write("Country,Code,1960,1961,1962\nAruba,ABW,1,2,3\nChad,TCD,,4,\n"))
    assert frame["id"].tolist() == ["Aruba"] * 3 + ["Chad"] * 2
    assert frame["time"].tolist() == [1960, 1961, 1962, 1960, 1961]


def test_what_excel_and_fred_write(write):
    frame = read_table(write("sep=;\nDatum;Wert\n31.12.2023;1,5\n01.01.2024;.\n02.01.2024;2,25\n"))
    assert frame["Datum"].iloc[1] == pd.Timestamp("2024-01-01")
    np.testing.assert_array_equal(frame["Wert"], [1.5, np.nan, 2.25])


TSF = """# comment
@relation test
@attribute series_name string
@attribute state string
@attribute start_timestamp date
@frequency {frequency}
@missing true
@data
T1:NSW:2020-01-31 00-00-00:1,2,?,4
T2:Café:1999-11-30 10-00-00:5,6
"""


def test_tsf_holds_attributes_starts_and_missing_values(write):
    frame, source = read_file(write(TSF.format(frequency="monthly").encode("cp1252"), "a.tsf"))
    assert list(frame.columns) == ["id", "time", "target", "state"] and source.static == ("state",)
    assert frame["state"].tolist() == ["NSW"] * 4 + ["Café"] * 2
    np.testing.assert_array_equal(frame["target"], [1, 2, np.nan, 4, 5, 6])
    expected = ["2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30", "1999-11-30 10:00", "1999-12-30 10:00"]
    assert frame["time"].tolist() == [pd.Timestamp(text) for text in expected]


@pytest.mark.parametrize(
    ("frequency", "step"), [("half_hourly", "30min"), ("10_minutes", "10min"), ("weekly", "7D"), ("4_seconds", "4s")]
)
def test_tsf_frequencies(write, frequency, step):
    time = read_table(write(TSF.format(frequency=frequency), "a.tsf"))["time"]
    assert time[1] - time[0] == pd.Timedelta(step)


def test_tsf_without_starts_counts_steps(write):
    text = "@attribute series_name string\n@frequency yearly\n@data\nT1:3,4,5\n"
    frame = read_table(write(text, "a.tsf"))
    assert frame["time"].tolist() == [0, 1, 2]
    lost = TSF.format(frequency="monthly").replace("1999-11-30 10-00-00", "?")
    assert read_table(write(lost, "b.tsf"))["time"].tolist() == [0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        ("", "a.csv", "is empty"),
        (" \n \n", "a.csv", "is empty"),
        ("date,value\n", "a.csv", "header but no rows"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4, "a.csv", "binary"),
        (os.urandom(0) + bytes(range(1, 32)) * 30, "a.csv", "binary"),
        ("date,a,a\n2024-01-01,1,2\n", "a.csv", "more than once: a"),
        (b"\x1f\x8b\x08 not really", "a.csv.gz", "not a whole gzip"),
        (gzip.compress(PLAIN.encode() * 50, mtime=0)[:-20], "a.csv.gz", "not a whole gzip"),
        (b"PK\x03\x04 not really", "a.zip", "not a whole zip"),
        ("date,value\n", "a.csv.gz", "not a whole gz"),
        ("<!DOCTYPE html><html></html>", "a.csv", "web page"),
        (b"PAR1 not really PAR1", "a.parquet", "not a whole Parquet"),
        ('{"a": 1}\n{"a": \n', "a.jsonl", "row 2 is not JSON"),
        ("@data\n", "a.tsf", "no series"),
        ("@attribute n string\n@data\nT1:1,two\n", "a.tsf", "row 3"),
        ("@attribute n string\n@data\nT1:a:1,2\n", "a.tsf", "row 3 has 2 attributes"),
    ],
)
def test_files_that_cannot_be_read_say_why(write, content, name, says):
    path = write(content, name)
    with pytest.raises(DataError, match=says) as caught:
        read_table(path)
    assert caught.value.remedy and str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("body", "row", "cells"),
    [
        ("2024-01-01,1,2\n2024-01-02,3\n", 3, 2),
        ("2024-01-01,1,2\n\n2024-01-02,3,4,5\n", 4, 4),
        ("2024-01-01,1\n2024-01-02,3,4,5\n", 2, 2),
        ('2024-01-01,"1,5",2\n2024-01-02,3\n', 3, 2),
    ],
)
def test_ragged_rows_are_named(write, body, row, cells):
    with pytest.raises(DataError, match=f"row {row} has {cells} cell") as caught:
        read_table(write("date,a,b\n" + body))
    assert caught.value.where["row"] == row


def test_a_ragged_row_far_down_is_named_too(write):
    lines = [f"2024-01-01,{k},{k}" for k in range(20_000)]
    lines[15_000] = "2024-01-01,7"
    with pytest.raises(DataError, match="row 15002 has 2 cells"):
        read_table(write("date,a,b\n" + "\n".join(lines)))


def test_quoted_separators_and_line_breaks_are_no_ragged_rows(write):
    frame = read_table(write('date,"a, b",c\n2024-01-01,"x, y",1\n2024-01-02,"two\nlines",2\n'))
    assert list(frame.columns) == ["date", "a, b", "c"] and frame["c"].tolist() == [1, 2]


def test_missing_files_and_folders_are_named(tmp_path, write):
    write(PLAIN, "electricity.csv")
    with pytest.raises(DataError, match=r"Did you mean electricity\.csv"):
        read_table(tmp_path / "electrcity.csv")
    with pytest.raises(DataError, match="no folder"):
        read_table(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)


def test_a_zip_of_several_files_names_them(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("one.csv", PLAIN)
        file.writestr("two.csv", PLAIN)
    with pytest.raises(DataError, match=r"holds 2 files: one\.csv, two\.csv"):
        read_table(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("path", "rows", "columns"),
    [
        ("ett/ETTh1.csv.gz", 17420, 8),
        ("weather/weather.csv.gz", 52696, 22),
        ("exchange/exchange_rate.csv", 7588, 9),
        ("exchange/exchange_rate.txt.gz", 7588, 8),
        ("airpassengers/AirPassengers.csv", 144, 2),
        ("walmart/train.csv.zip", 421570, 5),
        ("walmart/stores.csv", 45, 3),
        ("walmart/features.csv", 8190, 12),
        ("epf/NP.csv.gz", 52416, 4),
        ("bike/hour.csv.gz", 17379, 18),
        ("beijing_pm25/raw.csv.gz", 43824, 14),
        ("m4_hourly/Hourly-train.csv.gz", 353500, 3),
        ("m4_hourly/m4_hourly_dataset.tsf.gz", 373372, 3),
        ("monash/vehicle_trips_dataset_without_missing_values.tsf", 42382, 6),
        ("monash/m3_yearly_dataset.tsf", 18319, 3),
    ],
)
def test_public_files_have_their_published_sizes(path, rows, columns):
    frame = read_table(benchmark(path))
    assert frame.shape == (rows, columns)


def test_public_files_with_quirks():
    weather = read_table(benchmark("weather/weather.csv.gz"))
    assert weather["date"].dtype.kind == "M" and weather.shape[1] == 22 and (weather["OT"] == -9999).sum() == 50
    beijing = read_table(benchmark("beijing_pm25/raw.csv.gz"))
    assert beijing["time"].iloc[-1] == pd.Timestamp("2014-12-31 23:00") and beijing["pm2.5"].isna().sum() == 2067
    bike = read_table(benchmark("bike/hour.csv.gz"))
    assert bike["time"].is_unique and bike["time"].iloc[-1] == pd.Timestamp("2012-12-31 23:00")
    epf = read_table(benchmark("epf/NP.csv.gz"))
    assert list(epf.columns) == ["date", "Grid load forecast", "Wind power forecast", "OT"]
    assert epf["date"].diff().dropna().unique().tolist() == [pd.Timedelta("1h")]


def test_m4_rows_and_its_tsf_hold_the_same_values():
    train, test = (read_table(benchmark(f"m4_hourly/{name}")) for name in ("Hourly-train.csv.gz", "Hourly-test.csv"))
    whole = read_table(benchmark("m4_hourly/m4_hourly_dataset.tsf.gz"))
    both = pd.concat([train, test]).groupby("id", sort=False)["target"].apply(list)
    names = whole["id"].unique()
    for k in (0, 200, 413):
        assert whole.loc[whole["id"] == names[k], "target"].tolist() == both.iloc[k]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Datum;Umsatz\n01.01.2024;1.234,50\n02.01.2024;\n13.01.2024;987,25\n", [1234.5, np.nan, 987.25]),
        ("Datum;Umsatz;Preis\n01.01.2024;1.234;0,5\n02.01.2024;12.500;1,5\n13.01.2024;1.000;2,25\n", [1.234, 12.5, 1]),
        ("Datum;Umsatz;Preis\n01.01.2024;1.234;1.000,5\n02.01.2024;12.500;1,5\n", [1234, 12500]),
        ('date,sales\n2024-01-01,"1,234.50"\n2024-01-02,987.25\n', [1234.5, 987.25]),
        ('date,sales\n2024-01-01,"1,234,500"\n2024-01-02,"-12,345"\n', [1234500, -12345]),
    ],
)
def test_marks_between_thousands_are_removed_where_they_can_be_nothing_else(write, text, expected):
    np.testing.assert_array_equal(read_table(write(text)).iloc[:, 1].to_numpy(np.float64), expected)


@pytest.mark.parametrize("cells", [('"1,234"', '"2,500"'), ('"1,234.5"', '"2,50.1"'), ('"1,234.5"', "n/k")])
def test_marks_that_may_be_something_else_stay_text(write, cells):
    values = read_table(write("date,sales\n2024-01-01,{}\n2024-01-02,{}\n".format(*cells)))["sales"]
    assert values.tolist() == [cell.strip('"') for cell in cells]


def test_empty_rows_below_the_table_are_left_out(write):
    path = write("Date,Orders,,\r\n01/13/2024,5,,\r\n01/14/2024,6,,\r\n,,,\r\n,,,\r\n")
    assert read_table(path)["Orders"].tolist() == [5, 6]
    assert "2 empty rows at the end" in messages(path)
    with pytest.raises(DataError, match="empty rows only"):
        read_table(write("Date,Orders\n,\n,\n"))
