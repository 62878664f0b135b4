"""Roles are found by the rules, reported, and refused with the option that settles them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.frames import as_frame
from forecast.datasets.roles import Found, find_roles, join_id
from forecast.datasets.schema import Roles
from forecast.errors import ConfigError, DataError

DAYS = pd.date_range("2024-01-01", periods=6, freq="D")


def find(data, y=None, **roles) -> tuple[Found, list[str]]:
    wanted = Roles(**roles)
    frame, source = as_frame(data, y)
    found, notes = find_roles(join_id(frame, wanted.id), wanted, source)
    return found, [note.message for note in notes]


def panel(**columns) -> pd.DataFrame:
    return pd.DataFrame({"shop": ["a"] * 6 + ["b"] * 6, "when": [*DAYS, *DAYS], **columns})


NUMBERS = np.arange(12.0)


def test_a_panel_is_found_and_every_discovery_is_reported():
    found, notes = find(panel(sales=NUMBERS))
    assert (found.shape, found.time, found.id, found.target) == ("long", "when", "shop", ("sales",))
    assert [note.split(":")[0] for note in notes] == ["time", "id", "target"]


def test_unique_id_and_y_win_by_name():
    data = panel(y=NUMBERS, price=NUMBERS, unique_id=np.repeat([1, 2], 6))
    found, notes = find(data)
    assert found.id == "unique_id" and found.target == ("y",) and found.ignored == ("shop", "price")
    assert any("columns without a role: shop, price" in note for note in notes)


def test_unique_timestamps_and_no_target_name_make_every_number_a_series():
    found, _ = find(pd.DataFrame({"when": DAYS, "a": range(6), 5: range(6), "word": ["x"] * 6}))
    assert (found.shape, found.target, found.id) == ("wide", ("a", "5"), None)
    assert list(found.ids) == ["a", 5] and found.ignored == ("word",)


def test_one_number_beside_unique_times_is_wide_and_a_named_target_is_long():
    data = pd.DataFrame({"when": DAYS, "load": range(6), "heat": range(6)})
    found, _ = find(data, target="load")
    assert (found.shape, found.target, found.ignored, list(found.ids)) == ("long", ("load",), ("heat",), ["load"])
    assert find(data[["when", "load"]])[0].shape == "wide"
    assert find(data.rename(columns={"load": "Value"}))[0].target == ("Value",)


def test_several_targets_make_one_multivariate_series():
    data = panel(a=NUMBERS, b=NUMBERS)
    for target in (("a", "b"), "a,b", "a, b"):
        assert find(data, target=target)[0].target == ("a", "b")


def test_lists_are_taken_with_commas_and_text_is_categorical():
    data = panel(y=NUMBERS, heat=NUMBERS, sun=NUMBERS > 3, word=["u", "v"] * 6)
    found, _ = find(data, id="shop", past="heat", future=("sun,word",), static=["shop"] * 0)
    assert (found.past, found.future, found.text) == (("heat",), ("sun", "word"), ("word",))
    data["code"] = pd.Categorical(["p", "q"] * 6)
    assert find(data, id="shop", past=("code",))[0].text == ("code",)


def test_a_repeated_word_beside_unique_times_is_an_attribute_not_an_id():
    found, _ = find(pd.DataFrame({"when": DAYS, "wind": ["N", "S"] * 3, "value": range(6)}))
    assert found.id is None and found.ignored == ("wind",)


@pytest.mark.parametrize("names", [["SKU-0001", "SKU-0002"], ["ABC 12", "ABC 13"]])
def test_names_that_end_in_digits_are_no_spoiled_numbers(names):
    days = pd.date_range("2024-01-01", periods=9).repeat(2)
    found, _ = find(pd.DataFrame({"sku": names * 9, "day": days, "units": 1.0}))
    assert (found.id, found.target) == ("sku", ("units",))


def test_an_id_may_span_columns():
    data = pd.DataFrame({"Store": np.repeat([1, 2], 6), "Dept": 7, "when": [*DAYS, *DAYS], "sales": NUMBERS})
    frame, _ = as_frame(data)
    assert join_id(frame, "Store,Dept")["Store,Dept"].tolist() == ["1,7"] * 6 + ["2,7"] * 6
    found, _ = find(data, id="Store,Dept", target="sales")
    assert found.id == "Store,Dept" and found.ignored == ()
    with pytest.raises(DataError, match="no column 'Dpt' for id"):
        find(data, id="Store,Dpt", target="sales")


def test_covariates_beside_one_number_leave_it_the_target():
    found, _ = find(pd.DataFrame({"when": DAYS, "load": range(6), "heat": range(6)}), future="heat")
    assert (found.shape, found.target, found.future) == ("long", ("load",), ("heat",))


def test_series_and_arrays():
    found, _ = find(pd.Series(range(6), index=DAYS, name="load"))
    assert (found.shape, found.time, found.target, list(found.ids)) == ("series", "time", ("load",), ["load"])
    found, _ = find(np.zeros((6, 2)))
    assert (found.shape, found.time, list(found.ids)) == ("array", None, [0, 1])
    assert list(find([1, 2, 3])[0].ids) == ["y"]


def test_y_beside_x():
    found, _ = find(pd.DataFrame({"when": DAYS, "heat": range(6)}), y=np.arange(6.0), past="heat")
    assert (found.shape, found.target, found.past) == ("long", ("y",), ("heat",))


def test_whole_numbers_in_a_time_column_are_steps():
    found, notes = find(pd.DataFrame({"year": range(1990, 1996), "sunspots": range(6)}))
    assert found.time == "year" and "whole numbers" in notes[0]
    assert find(pd.DataFrame({"n": range(6), "v": range(6)}), time="n", target="v")[0].time == "n"


def test_rows_can_be_steps():
    assert find(pd.DataFrame({"a": range(6), "b": range(6)}), freq="rows")[0].time is None


@pytest.mark.parametrize(
    ("data", "roles", "says"),
    [
        (panel(a=NUMBERS, b=NUMBERS), {}, r"several columns may be the target: a, b\n.*--target"),
        (panel(y=NUMBERS, value=NUMBERS), {}, "several columns may be the target: y, value"),
        (panel(a=NUMBERS, late=[*DAYS, *DAYS]), {}, r"several columns hold dates: when, late\n.*--time"),
        (panel(a=NUMBERS, town=["u"] * 12), {}, r"several text columns may name the series: shop, town\n.*--id"),
        (pd.DataFrame({"a": range(6), "b": range(6)}), {}, r"no column holds dates \(columns: a, b\)\n.*--time"),
        (panel(y=NUMBERS), {"target": "Y1"}, r"no column 'Y1' for target\nDid you mean 'y'"),
        (panel(sales=NUMBERS), {"target": "slaes"}, "Did you mean 'sales'"),
        (panel(y=NUMBERS), {"past": "heat"}, "no column 'heat' for past"),
        (panel(y=NUMBERS), {"time": "whn"}, "Did you mean 'when'"),
        (panel(word=["u"] * 12), {"id": "shop"}, r"no column of numbers is left"),
        (panel(y=NUMBERS).drop(columns="shop").assign(n=1), {}, r"times in 'when' repeat .*\n.*Perhaps n"),
        (panel(y=NUMBERS), {"time": "shop"}, "the time 'shop' holds 'a' in row 0, which is no date"),
        (panel(y=NUMBERS, half=NUMBERS / 2), {"time": "half"}, "the time 'half' holds '0.5' in row 1"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_option_that_tells(data, roles, says):
    with pytest.raises(DataError, match=says):
        find(data, **roles)


@pytest.mark.parametrize(
    "roles", [{"target": "sales", "past": "sales"}, {"past": "x", "future": ("x",)}, {"time": "when", "static": "when"}]
)
def test_one_column_in_two_roles_is_wrong_usage(roles):
    with pytest.raises(ConfigError, match="is named as"):
        find(panel(sales=NUMBERS, x=NUMBERS), **roles)


@pytest.mark.parametrize("bad", ["1,234", "$5", "12 kWh", "abc", "5€"])
@pytest.mark.parametrize("named", [True, False])
def test_text_in_the_target_is_named_by_line_and_value(tmp_path, bad, named):
    path = tmp_path / "a.csv"
    rows = [f"2024-01-0{k},{k}" for k in range(1, 9)]
    rows[4] = f'2024-01-05,"{bad}"'
    path.write_text("date,sales\n" + "\n".join(rows))
    with pytest.raises(DataError, match="target 'sales'") as caught:
        find(path, **({"target": "sales"} if named else {}))
    assert (caught.value.where["row"], caught.value.where["value"], caught.value.exit_code) == (6, bad, 3)


def test_numbers_spoiled_by_a_separator_are_no_categories_but_sizes_are():
    days = pd.date_range("2024-01-01", periods=40)
    data = pd.DataFrame({"when": days, "y": range(40), "size": ["10", "12", "XL", "14"] * 10})
    data["guests"] = [f"1,{k:03d}" for k in range(40)]
    assert find(data, past="size")[0].text == ("size",)
    with pytest.raises(DataError, match="covariate 'guests' holds '1,000' in row 0"):
        find(data, past="guests")


def test_a_bad_date_is_named_by_line_and_value(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"2024-01-0{k},{k}" for k in range(1, 9)]
    rows[6] = "yesterday,7"
    path.write_text("date,sales\n" + "\n".join(rows))
    with pytest.raises(DataError, match="'yesterday' in row 8"):
        find(path)


def test_public_files_resolve_as_their_description_says():
    folder = os.environ.get("FORECAST_DATA")
    if not folder or not Path(folder, "walmart").exists():
        pytest.skip("FORECAST_DATA names no folder with the benchmark files")
    found, _ = find(Path(folder, "walmart/train.csv.zip"), id="Store,Dept", target="Weekly_Sales", future="IsHoliday")
    assert (found.shape, found.time, found.future, found.text) == ("long", "Date", ("IsHoliday",), ())
    with pytest.raises(DataError, match="target: Store, Dept, Weekly_Sales"):
        find(Path(folder, "walmart/train.csv.zip"))
    found, _ = find(Path(folder, "beijing_pm25/raw.csv.gz"), target="pm2.5", past="cbwd,TEMP")
    assert (found.time, found.id, found.text) == ("time", None, ("cbwd",))
    found, _ = find(Path(folder, "monash/vehicle_trips_dataset_without_missing_values.tsf"))
    assert found.static == ("base_number", "base_name", "type") and found.target == ("target",)
    assert find(Path(folder, "ett/ETTh1.csv.gz"))[0].shape == "wide"
    assert len(find(Path(folder, "weather/weather.csv.gz"))[0].target) == 21
    found, _ = find(Path(folder, "m4_hourly/Hourly-train.csv.gz"))
    assert (found.time, found.id, found.target) == ("time", "id", ("target",))
