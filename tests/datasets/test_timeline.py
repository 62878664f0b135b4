"""Time grids: found from timestamps, numbered, and written back as the user wrote them."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.datasets.build import load_panel
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles
from forecast.datasets.timeline import Timeline
from forecast.errors import ConfigError, DataError

GRIDS = [
    "s", "10s", "min", "10min", "15min", "h", "4h", "D", "3D", "W-FRI", "W-SUN", "2W-MON", "B", "MS", "ME", "BMS",
    "BME", "2MS", "QS-JAN", "QS-FEB", "QE-DEC", "QE-NOV", "YS-JAN", "YE-DEC", "YE-MAR", "YS-JUL",
]  # fmt: skip


def panel_of(times: pd.Index, **roles: object) -> Panel:
    """The panel of one series that counts up at these times."""
    return load_panel(pd.DataFrame({"ds": times, "y": np.arange(len(times), dtype=float)}), Roles(**roles))


def assert_continues(times: pd.DatetimeIndex, ahead: int) -> Timeline:
    """The grid of all but the last ``ahead`` times goes on exactly with those."""
    panel = panel_of(times[:-ahead])
    steps = panel.starts[0] + panel.ends[0] + np.arange(ahead)
    written = panel.timeline.times(steps)
    assert list(written) == list(times[-ahead:])
    assert written.dtype == times.dtype
    assert (panel.timeline.steps(times) == panel.starts[0] + np.arange(len(times))).all()
    return panel.timeline


@pytest.mark.parametrize("freq", GRIDS)
def test_every_grid_is_found_numbered_and_continued(freq):
    times = pd.date_range("2019-03-05", periods=60, freq=freq)
    assert assert_continues(times, 7).freq == freq
    assert panel_of(times, freq=freq).schema.freq == freq


@pytest.mark.parametrize("day", [2, 15, 28, 30, 31])
def test_a_day_of_the_month_is_kept_and_cut_at_short_months(day):
    months = pd.date_range("2019-01-01", periods=40, freq="MS")
    times = pd.DatetimeIndex([m + pd.Timedelta(days=min(day, m.days_in_month) - 1) for m in months]).as_unit("us")
    assert assert_continues(times, 6).kind == "period"


def test_a_time_of_day_stays_on_daily_weekly_and_monthly_steps():
    for freq in ("D", "B", "W-TUE", "ME"):
        assert_continues(pd.date_range("2020-01-01", periods=40, freq=freq) + pd.Timedelta("9h30min"), 5)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
@pytest.mark.parametrize("freq", ["30min", "h", "D", "W-SUN", "MS", "QE-DEC"])
def test_aware_times_pass_clock_changes_and_keep_their_zone(zone, freq):
    periods = {"30min": 9_000, "h": 5_000, "D": 300}.get(freq, 60)
    timeline = assert_continues(pd.date_range("2023-01-02", periods=periods, freq=freq, tz=zone), 20)
    assert timeline.timezone == zone


def test_a_day_whose_midnight_is_skipped_is_still_a_day():
    days = pd.date_range("2018-10-20", periods=40, freq="D")  # Brazil has no midnight on 4 November, …
    assert_continues(days.tz_localize("America/Sao_Paulo", nonexistent="shift_forward"), 5)
    assert_continues(days.tz_localize("America/Sao_Paulo", nonexistent="shift_forward"), 30)  # … here in the future


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_resolution_of_the_column_is_kept(unit):
    assert_continues(pd.date_range("2020-01-01", periods=30, freq="h").as_unit(unit), 4)


def test_dates_before_1678_and_steps_past_2262_work():
    times = pd.date_range("1501-01-01", periods=600, freq="MS", unit="s")
    assert_continues(times, 12)
    panel = panel_of(pd.date_range("2250-01-01", periods=12, freq="YS", unit="ns"))
    ahead = panel.timeline.times(panel.starts[0] + panel.ends[0] + np.arange(5))
    assert [time.year for time in ahead] == [2262, 2263, 2264, 2265, 2266]


def test_gaps_do_not_hide_the_step():
    times = pd.date_range("2020-01-01", periods=200, freq="15min").delete([3, 4, 5, 90, 150, 151])
    panel = panel_of(times)
    assert panel.schema.freq == "15min"
    assert np.isnan(panel.target).sum() == 6


def test_integers_step_by_their_common_divisor():
    panel = panel_of(pd.Index([1960, 1965, 1970, 1980, 1985]), time="ds")
    assert panel.timeline.kind == "integer"
    assert panel.schema.freq == "5"
    assert panel.timeline.times(panel.starts[0] + panel.ends[0] + np.arange(2)).tolist() == [1990, 1995]
    assert panel.target[:, 0].tolist()[:3] == [0, 1, 2]
    assert np.isnan(panel.target[3, 0])


def test_business_days_are_told_from_days_by_the_weekends_they_spanned():
    assert panel_of(pd.bdate_range("2024-01-01", periods=5)).schema.freq == "D"  # one week: no weekend was seen
    assert panel_of(pd.bdate_range("2024-01-01", periods=6)).schema.freq == "B"
    times = pd.date_range("2024-01-01", periods=60, freq="D")
    assert panel_of(times[times.day_of_week < 6]).schema.freq == "D"  # a shop open on Saturdays


def test_days_of_the_week_that_never_have_a_row_are_told_with_the_way_to_leave_them_out():
    def notes(times):
        return " ".join(note.message for note in panel_of(times).notes)

    times = pd.date_range("2024-01-01", periods=60, freq="D")
    assert 'no row lies on a Sunday, freq="rows"' in notes(times[times.day_of_week < 6])
    assert "no row lies on a Sunday" in notes(times[times.day_of_week < 6].tz_localize("Asia/Tokyo"))
    assert "no row lies" not in notes(times.delete([5, 17]))  # two days are missing, not a day of every week


@pytest.mark.parametrize(
    ("given", "times"),
    [
        ("h", pd.date_range("2020-01-01", periods=30, freq="h")),
        ("W", pd.date_range("2020-01-01", periods=30, freq="W-WED")),
        ("M", pd.date_range("2020-01-01", periods=30, freq="ME")),
        ("monthly", pd.date_range("2020-01-01", periods=30, freq="MS")),
        ("Q", pd.date_range("2020-01-01", periods=30, freq="QS-FEB")),
        ("A", pd.date_range("2020-01-01", periods=30, freq="YE-DEC")),
        ("D", pd.bdate_range("2020-01-01", periods=30)),
        ("30min", pd.date_range("2020-01-01", periods=9, freq="30min").delete([1, 3, 6])),
    ],
)
def test_a_frequency_that_suits_the_data_is_taken(given, times):
    panel = panel_of(times, freq=given)
    assert (panel.timeline.times(panel.starts[0] + np.flatnonzero(~np.isnan(panel.target[:, 0]))) == times).all()


@pytest.mark.parametrize(
    ("given", "actual"), [("D", "h"), ("h", "15min"), ("MS", "ME"), ("W-MON", "W-TUE"), ("QE-DEC", "ME"), ("h", "D"),
                          ("B", "D"), ("QS-JAN", "QS-FEB")],
)  # fmt: skip
def test_a_frequency_that_contradicts_the_data_is_refused(given, actual):
    with pytest.raises(DataError, match="frequenc"):
        panel_of(pd.date_range("2020-01-01", periods=50, freq=actual), freq=given)


def test_an_unknown_frequency_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'rows'"):
        panel_of(pd.date_range("2020-01-01", periods=9), freq="row")


def test_a_grid_survives_json():
    for freq in ("h", "W-FRI", "ME", "QE-NOV"):
        panel = panel_of(pd.date_range("2020-01-01", periods=30, freq=freq, tz="Europe/Paris"))
        again = Timeline.from_json(json.loads(json.dumps(panel.timeline.to_json())))
        steps = panel.starts[0] + np.arange(50)
        assert (again.times(steps) == panel.timeline.times(steps)).all()


@given(
    freq=st.sampled_from(["7min", "h", "D", "B", "W-THU", "ME", "QS-FEB", "YE-JUN"]),
    steps=st.lists(st.integers(-3_000, 6_000), min_size=1, max_size=50),
)
@settings(max_examples=60, deadline=None)
def test_steps_and_times_are_inverse(freq, steps):
    timeline = panel_of(pd.date_range("2001-01-01", periods=12, freq=freq)).timeline
    numbers = np.array(steps)
    assert (timeline.steps(timeline.times(numbers)) == numbers).all()


# ---------------------------------------------------------------------- freq="rows"


def test_rows_of_a_market_go_on_over_weekends():
    times = pd.bdate_range("2024-01-01", periods=60).delete([11, 37])  # two holidays
    panel = panel_of(times, freq="rows")
    assert panel.timeline.kind == "rows"
    assert not np.isnan(panel.target).any()
    ahead = panel.timeline.times(panel.starts[0] + panel.ends[0] + np.arange(7))
    assert list(ahead) == list(pd.bdate_range(times[-1] + pd.offsets.BDay(1), periods=7))
    assert panel.timeline.cycles == (5,)


def test_rows_of_office_hours_go_on_with_the_next_morning_through_a_clock_change():
    hours = pd.date_range("2023-02-20", "2023-03-24 23:00", freq="h", tz="Europe/Berlin")
    times = hours[(hours.day_of_week < 5) & (hours.hour >= 9) & (hours.hour < 17)]
    panel = panel_of(times, freq="rows")
    assert panel.timeline.cycles == (8, 40)
    ahead = panel.timeline.times(panel.starts[0] + panel.ends[0] + np.arange(16))
    assert [str(ahead[0]), str(ahead[8])] == ["2023-03-27 09:00:00+02:00", "2023-03-28 09:00:00+02:00"]


def test_irregular_rows_go_on_by_the_most_common_gap():
    gaps = np.array([2, 2, 5, 2, 2, 3, 2, 2, 2, 7, 2])
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.concatenate([[0], gaps.cumsum()]), unit="h")
    panel = panel_of(times, freq="rows")
    ahead = panel.timeline.times(panel.starts[0] + panel.ends[0] + np.arange(2))
    assert list(ahead - times[-1]) == [pd.Timedelta("2h"), pd.Timedelta("4h")]


def test_row_times_travel_with_the_rows_of_a_panel():
    frame = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": pd.bdate_range(start, periods=40), "y": np.arange(40.0)})
        for name, start in (("a", "2024-01-01"), ("b", "2024-02-05"))
    )
    panel = load_panel(frame, Roles(freq="rows"))
    expected = {
        name: list(pd.bdate_range(group["ds"].iloc[-1] + pd.offsets.BDay(1), periods=3))
        for name, group in frame.groupby("unique_id")
    }
    for part in (panel, panel.select(np.array([1, 0])), panel.tail(12), panel.select(np.array([1])).tail(3)):
        for s, name in enumerate(part.ids):
            steps = part.starts[s] + part.ends[s] + np.arange(3)
            assert list(part.timeline.times(steps)) == expected[name]
    again = Timeline.from_json(json.loads(json.dumps(panel.timeline.to_json())))
    assert (again.times(panel.starts) == panel.timeline.times(panel.starts)).all()


def test_future_rows_give_the_times_of_row_steps():
    times = pd.bdate_range("2024-01-01", periods=42).delete([40])  # the user knows of a holiday
    frame = pd.DataFrame({"ds": times, "y": np.where(np.arange(41) < 39, 1.0, np.nan)})
    panel = load_panel(frame, Roles(freq="rows"))
    assert panel.ends[0] == 39
    assert list(panel.timeline.times(panel.starts[0] + panel.ends[0] + np.arange(2))) == list(times[39:])


def test_a_table_of_row_steps_shares_its_rows():
    times = pd.bdate_range("2024-01-01", periods=30)
    panel = load_panel(pd.DataFrame({"a": np.arange(30.0), "b": np.arange(30.0)}, index=times), Roles(freq="rows"))
    assert (panel.starts == panel.starts[0]).all()
    assert list(panel.timeline.times(panel.starts + 29)) == [times[-1]] * 2


@pytest.mark.parametrize("freq", ["4h", "6h", "12h"])
def test_hours_of_the_wall_clock_pass_clock_changes(freq):
    times = pd.date_range("2023-03-20", periods=80, freq=freq).tz_localize("Europe/Berlin")
    assert assert_continues(times, 10).freq == freq


def test_offsets_that_change_with_the_season_are_resolved_by_the_zone():
    days = pd.date_range("2024-03-20", periods=30, tz="Europe/Berlin")
    texts = [day.isoformat() for day in days]
    with pytest.raises(DataError, match="--timezone"):
        panel_of(pd.Index(texts))
    panel = panel_of(pd.Index(texts), timezone="Europe/Berlin")
    assert list(panel.timeline.times(panel.starts[0] + np.arange(30))) == list(days)
