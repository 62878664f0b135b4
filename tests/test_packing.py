"""Panels and values as JSON and arrays, and back."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from forecast.datasets import Roles, load_panel
from forecast.datasets.schema import Note
from forecast.packing import pack_panel, unpack_panel
from forecast.plain import as_tuples, from_plain, to_plain

HOURS = pd.date_range("2020-03-01", periods=900, freq="h", tz="Europe/Berlin")  # over a change of the clock


def shops():
    """Two series with a covariate known ahead and a static category."""
    months = pd.date_range("2015-01-01", periods=24, freq="MS")
    return pd.concat(
        pd.DataFrame({"month": months, "shop": f"shop {s}", "sales": np.arange(24.0) + s, "price": 1.5, "kind": kind})
        for s, kind in enumerate(("small", "large"))
    )


DATA = {
    "long": shops(),
    "number ids": shops().assign(shop=lambda f: f["shop"].str[-1:].astype(int)),
    "categorical ids": shops().assign(shop=lambda f: f["shop"].astype("category")),
    "array": np.arange(40.0).reshape(20, 2),
    "series": pd.Series(np.arange(900.0), HOURS, name="load"),
    "wide": pd.DataFrame({"t": np.arange(30), "a": np.arange(30.0), "b": np.arange(30.0, dtype="float32")}),
    "weekdays": pd.DataFrame({"day": pd.bdate_range("2024-01-01", periods=40), "y": np.arange(40.0)}),
    "month ends": pd.DataFrame({"day": pd.date_range("1650-01-31", periods=40, freq="ME", unit="s"), "y": 1.0}),
}


def through_a_file(panel):
    """Packed, written as JSON and safetensors, read and unpacked."""
    document, arrays = pack_panel(panel)
    text = json.dumps(to_plain(document), allow_nan=False)
    return unpack_panel(json.loads(text, object_hook=from_plain), dict(from_bytes(to_bytes(arrays))))


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_a_panel_comes_back_from_its_arrays(data):
    roles = Roles()
    if isinstance(data, pd.DataFrame) and "shop" in data:
        roles = Roles(target="sales", id="shop", static=("kind",), future=("price",))
    panel = load_panel(data, roles)
    again = through_a_file(panel)
    assert again.schema == panel.schema
    assert again.notes == panel.notes
    assert again.ids.tolist() == panel.ids.tolist()
    for name in ("starts", "offsets", "ends", "target", "past", "future", "static", "future_codes", "static_codes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(panel, name))
        assert getattr(again, name).dtype == getattr(panel, name).dtype
    steps = panel.starts[0] + np.arange(panel.lengths[0] + 3)
    pd.testing.assert_index_equal(again.timeline.times(steps), panel.timeline.times(steps))


def test_row_times_come_back_and_stay_out_of_the_description():
    days = pd.bdate_range("2024-01-01", periods=60).delete([10, 30])
    panel = load_panel(pd.DataFrame({"day": days, "y": np.arange(58.0)}), Roles(freq="rows"))
    assert len(json.dumps(pack_panel(panel)[0])) < 1500
    steps = panel.starts[0] + np.arange(63)
    pd.testing.assert_index_equal(through_a_file(panel).timeline.times(steps), panel.timeline.times(steps))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        ((1, (2, "a")), [1, [2, "a"]]),
        (np.arange(3), [0, 1, 2]),
        ({1: None}, {"1": None}),
        (Note(topic="gap", message="one step"), {"topic": "gap", "message": "one step", "series": [], "count": 0}),
        (date(2024, 2, 29), "2024-02-29"),
        (pd.Timestamp("2024-02-29 12:00"), "2024-02-29T12:00:00"),
        (Path("a"), "a"),
    ],
)
def test_values_become_what_json_can_hold(value, expected):
    assert to_plain(value) == expected
    json.dumps(to_plain(value), allow_nan=False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 0.1, -0.0, 1e-320, 2**70])
def test_numbers_come_back_exactly(value):
    again = json.loads(json.dumps(to_plain({"x": value}), allow_nan=False), object_hook=from_plain)["x"]
    np.testing.assert_equal(again, value)


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(TypeError, match="cannot hold a function"):
        to_plain({"metric": test_what_json_cannot_hold_is_refused})


def test_settings_get_their_tuples_back():
    assert as_tuples([0.1, [1, 2], "a"]) == (0.1, (1, 2), "a")
