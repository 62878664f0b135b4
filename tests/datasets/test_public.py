"""Public benchmark files: found at any depth, told apart by their first line, read without touching their values."""

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.build import load_panel
from forecast.datasets.catalogue import available, dataset_table, find_dataset, load_dataset
from forecast.datasets.named.entry import DatasetEntry
from forecast.errors import ConfigError, DataError

PUBLIC = [entry for entry in dataset_table() if entry.kind == "public"]
REAL_DATA = os.environ.get("FORECAST_DATA")
ETT = "date,HUFL,OT\n2016-07-01 00:00:00,5.8,30.5\n2016-07-01 01:00:00,5.7,27.8\n2016-07-01 02:00:00,5.2,27.7\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty FORECAST_DATA, an empty cache, no mirror."""
    monkeypatch.setenv("FORECAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FORECAST_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FORECAST_MIRROR", raising=False)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.stem, text)
    else:
        path.write_text(text)


@pytest.mark.parametrize("place", ["ETTh1.csv", "a/b/c/ETTh1.csv", "x/ETTh1.csv.gz", "ETTh1.csv.zip"])
def test_a_file_is_found_at_any_depth_plain_or_packed(folder: Path, place: str) -> None:
    assert not available(find_dataset("etth1"))
    _write(folder / place, ETT)
    assert available(find_dataset("etth1"))
    frame = load_dataset("ETTh1")
    assert frame["OT"].tolist() == [30.5, 27.8, 27.7]
    assert frame["date"].iloc[1] == pd.Timestamp("2016-07-01 01:00")


def test_hidden_folders_are_passed_over_and_circular_links_end(folder: Path) -> None:
    _write(folder / ".trash" / "ETTh1.csv", ETT)
    (folder / "loop").symlink_to(folder)
    assert not available(find_dataset("etth1"))


def test_another_file_of_the_same_name_is_not_taken(folder: Path) -> None:
    _write(folder / "train.csv", "id,text\n1,a\n")
    _write(folder / "raw.csv", "a,b\n1,2\n")
    assert not available(find_dataset("beijing_pm25"))
    _write(folder / "deep" / "raw.csv", "No,year,month,day,hour,pm2.5,cbwd\n1,2010,1,1,0,NA,NW\n2,2010,1,1,1,5,cv\n")
    frame = load_dataset("beijing_pm25")
    assert frame.columns.tolist() == ["time", "pm2.5", "cbwd"]
    assert frame["pm2.5"].isna().tolist() == [True, False]


def test_without_folder_and_mirror_the_error_names_file_and_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORECAST_DATA", raising=False)
    monkeypatch.delenv("FORECAST_MIRROR", raising=False)
    monkeypatch.setenv("FORECAST_CACHE", "/no/such/cache")
    with pytest.raises(
        DataError, match=r"'m4_daily' needs .*Daily-train.csv and Daily-test.csv .*\n.*FORECAST_DATA.*FORECAST_MIRROR"
    ):
        load_dataset("m4_daily")
    assert "needs files" in available(find_dataset("m4_daily")).why


def test_a_folder_without_the_file_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"'traffic' is not in .*data \(FORECAST_DATA\).*traffic.csv"):
        load_dataset("traffic")


def test_a_folder_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_DATA", "/no/such/folder")
    with pytest.raises(DataError, match="FORECAST_DATA names '/no/such/folder', which is no folder"):
        load_dataset("etth1")


def test_m4_test_steps_go_on_where_training_ends(folder: Path) -> None:
    _write(folder / "Train" / "Daily-train.csv", '"V1","V2","V3","V4"\n"D2","1","2","3"\n"D1","4","5",\n')
    _write(folder / "Test" / "Daily-test.csv", '"V1","V2","V3"\n"D2","7","8"\n"D1","6","9"\n')
    frame = load_dataset("m4_daily")
    assert frame["id"].tolist() == ["D2"] * 5 + ["D1"] * 4
    assert frame["time"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert frame["target"].tolist() == [1, 2, 3, 7, 8, 4, 5, 6, 9]
    assert load_dataset("m4_daily", part="train")["target"].tolist() == [1, 2, 3, 4, 5]
    assert load_dataset("m4_daily", part="test")["time"].tolist() == [3, 4, 2, 3]
    with pytest.raises(ConfigError, match="part='both' is not known"):
        load_dataset("m4_daily", part="both")


def test_m4_files_of_two_frequencies_are_refused(folder: Path) -> None:
    _write(folder / "Daily-train.csv", "V1,V2,V3\nD1,1,2\nD2,3,4\n")
    _write(folder / "Daily-test.csv", "V1,V2,V3\nD1,1,2\nD3,3,4\n")
    with pytest.raises(DataError, match="do not hold the same series"):
        load_dataset("m4_daily")


def test_prices_of_other_markets_name_their_covariates_by_place(folder: Path) -> None:
    _write(folder / "DE.csv", "date, Load, Wind,OT\n2012/1/9 0:00,1,2,3\n2012/1/9 1:00,4,5,6\n")
    assert load_dataset("epf_de").columns.tolist() == ["date", "exogenous_1", "exogenous_2", "OT"]


def test_walmart_is_joined_and_keeps_absent_weeks_absent(folder: Path) -> None:
    _write(
        folder / "train.csv",
        "Store,Dept,Date,Weekly_Sales,IsHoliday\n1,2,2010-02-05,10,FALSE\n1,2,2010-02-19,-3,FALSE\n",
    )
    weeks = pd.date_range("2010-02-05", periods=5, freq="7D").strftime("%Y-%m-%d")
    rows = "".join(f"1,{week},40,2.5,NA,{week == '2010-02-12'}\n".replace("True", "TRUE") for week in weeks)
    _write(folder / "features.csv", "Store,Date,Temperature,Fuel_Price,MarkDown1,IsHoliday\n" + rows)
    (folder / "stores.csv").write_bytes(b"Store,Type,Size\r1,A,151315\r2,B,2\r")
    frame = load_dataset("walmart")
    assert frame["Weekly_Sales"].tolist() == [10.0, -3.0]
    assert frame[["id", "Store", "Type", "Size"]].iloc[0].tolist() == ["1_2", "1", "A", 151315]
    longer = load_dataset("walmart", ahead=39)
    assert longer["Weekly_Sales"].isna().tolist() == [False, False, True, True]  # as far as the features go
    assert longer["Date"].iloc[-1] == pd.Timestamp("2010-03-05")


def test_the_reader_says_when_a_file_is_another_one(folder: Path) -> None:
    _write(folder / "us_births_dataset.tsf", "a,b\n1,2\n")
    with pytest.raises(DataError):
        load_dataset("us_births")


# ---------------------------------------------------------------- the published files themselves


@pytest.mark.skipif(not REAL_DATA, reason="FORECAST_DATA names no folder with benchmark files")
@pytest.mark.parametrize("entry", PUBLIC, ids=lambda entry: entry.name)
def test_the_published_file_becomes_a_panel_by_its_roles(entry: DatasetEntry) -> None:
    at_hand = available(entry)
    if not at_hand:
        pytest.skip(at_hand.why)
    panel = load_panel(load_dataset(entry.name), entry.roles)
    assert panel.timeline.freq.startswith("1" if entry.freq == "steps" else entry.freq)
    assert panel.ends.max() >= 2 * entry.horizon + 1


def _published(name: str) -> pd.DataFrame:
    if not REAL_DATA or not available(find_dataset(name)):
        pytest.skip(f"the file of {name} is not in FORECAST_DATA")
    return load_dataset(name)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("etth1", (17420, 8)),
        ("ettm1", (69680, 8)),
        ("weather", (52696, 22)),
        ("exchange_rate", (7588, 9)),
        ("epf_np", (52416, 4)),
        ("m4_hourly", (373372, 3)),
        ("airpassengers", (144, 2)),
        ("walmart", (421570, 17)),
        ("us_births", (7305, 3)),
        ("sunspot_daily", (73924, 3)),
    ],
)
def test_the_published_file_has_the_published_size(name: str, shape: tuple[int, int]) -> None:
    assert _published(name).shape == shape


def test_weather_keeps_its_sentinels_and_gets_its_broken_names_mended() -> None:
    frame = _published("weather")
    assert (frame["OT"] == -9999).sum() == 50
    assert "max. PAR (µmol/m²/s)" in frame.columns
    assert "SWDR (W/m²)" in frame.columns


def test_both_forms_of_m4_hourly_hold_the_same_numbers() -> None:
    rows, dated = _published("m4_hourly"), _published("m4_hourly_dated")
    np.testing.assert_allclose(rows["target"], dated["target"])


def test_covariates_named_by_the_roles_are_in_the_files() -> None:
    for name in ("epf_np", "epf_pjm", "bike_hour", "bike_day", "beijing_pm25", "walmart"):
        frame, roles = _published(name), find_dataset(name).roles
        assert {*roles.past, *roles.future, *roles.static} <= {*frame.columns}
