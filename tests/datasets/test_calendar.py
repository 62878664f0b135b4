"""Calendar features: right at known dates, bounded, on the clock of the zone."""

import sys

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.build import load_panel
from forecast.datasets.calendar import calendar_features
from forecast.datasets.schema import Roles
from forecast.datasets.timeline import Timeline
from forecast.errors import ConfigError


def features_at(times: pd.DatetimeIndex, holidays: str | None = None, **roles: object) -> pd.DataFrame:
    panel = load_panel(pd.DataFrame({"ds": times, "y": 1.0}), Roles(**roles))
    names, values = calendar_features(panel.timeline, int(panel.starts[0]), int(panel.starts[0]) + 1999, holidays)
    assert values.dtype == np.float32 and values.shape == (2000, len(names))
    assert np.abs(values).max(initial=0) <= 0.5
    return pd.DataFrame(values[: len(times)], columns=list(names), index=times)


@pytest.mark.parametrize(
    ("freq", "present", "absent"),
    [
        ("15min", {"minute of hour", "hour of day", "day of week", "day of month", "day of year"}, {"month"}),
        ("h", {"hour of day", "hour of day (sine)", "day of week"}, {"minute of hour"}),
        ("D", {"day of week", "day of month", "day of year (cosine)"}, {"hour of day"}),
        ("B", {"day of week"}, {"hour of day"}),
        ("W-FRI", {"day of month", "day of year"}, {"day of week"}),
        ("MS", {"month", "month (sine)", "month of quarter"}, {"day of month", "day of year"}),
        ("QE-DEC", {"month"}, {"month of quarter"}),
    ],
)
def test_the_frequency_decides_which_features_there_are(freq, present, absent):
    columns = set(features_at(pd.date_range("2020-01-01", periods=40, freq=freq)).columns)
    assert present <= columns
    assert not absent & columns


def test_years_and_whole_numbers_have_no_calendar():
    assert features_at(pd.date_range("1950-01-01", periods=40, freq="YS")).columns.empty
    names, values = calendar_features(Timeline(freq="1"), -5, 5)
    assert names == () and values.shape == (11, 0)


def test_values_are_right_at_known_moments():
    found = features_at(pd.date_range("2023-01-01", periods=800, freq="h"))
    noon = found.loc["2023-01-02 12:00"]  # a Monday
    assert noon["hour of day"] == 0 and noon["day of week"] == -0.5 and noon["hour of day (cosine)"] == -0.5
    assert found.loc["2023-01-01 00:00", "day of week"] == 0.5
    assert found.loc["2023-01-31 05:00", "day of month"] == 0.5
    months = features_at(pd.date_range("2023-01-31", periods=24, freq="ME"))
    assert months["month"].iloc[[0, 11, 12]].tolist() == [-0.5, 0.5, -0.5]


def test_hours_count_on_the_clock_of_the_zone():
    times = pd.date_range("2023-03-20", periods=500, freq="h", tz="Europe/Berlin")
    found = features_at(times)
    np.testing.assert_allclose(found["hour of day"], times.hour / 24 - 0.5, atol=1e-6)


def test_holidays_mark_the_day_its_eve_and_the_day_after():
    found = features_at(pd.date_range("2023-12-01", periods=800, freq="h"), "DE")
    christmas = found["holiday DE"] > 0
    assert sorted(set(found.index[christmas].strftime("%m-%d"))) == ["01-01", "12-25", "12-26"]
    assert sorted(set(found.index[found["holiday DE (eve)"] > 0].strftime("%m-%d"))) == ["12-24", "12-25", "12-31"]
    assert "12-27" in set(found.index[found["holiday DE (after)"] > 0].strftime("%m-%d"))


def test_parts_of_a_country_have_holidays_of_their_own():
    days = pd.date_range("2023-01-01", periods=20)
    assert features_at(days, "DE-BY").loc["2023-01-06", "holiday DE-BY"] == 0.5  # Epiphany
    assert features_at(days, "DE").loc["2023-01-06", "holiday DE"] == -0.5


def test_a_week_with_a_holiday_is_marked():
    found = features_at(pd.date_range("2023-12-04", periods=6, freq="W-MON"), "DE")
    assert found.index[found["holiday DE"] > 0].strftime("%m-%d").tolist() == ["12-25", "01-01"]


@pytest.mark.parametrize(("given", "match"), [("DEE", "Did you mean"), ("DE-BX", "BY"), ("Atlantis", "names from AD")])
def test_unknown_countries_name_the_nearest(given, match):
    with pytest.raises(ConfigError, match=match):
        calendar_features(Timeline(freq="D"), 0, 10, given)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ConfigError, match=r"seqcast\[holidays\]"):
        calendar_features(Timeline(freq="D"), 0, 10, "DE")


def test_rows_as_steps_have_the_calendar_of_their_times():
    times = pd.bdate_range("2024-01-01", periods=60)
    found = features_at(times, freq="rows")
    np.testing.assert_allclose(found["day of week"], times.day_of_week / 6 - 0.5, atol=1e-6)
