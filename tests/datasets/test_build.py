"""From frames to packed panels: against a slow dictionary of dictionaries, with every repair and every refusal."""

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.datasets.build import load_panel
from forecast.datasets.checks import observed_steps, require_steps
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles
from forecast.errors import ConfigError, DataError

DATA = os.environ.get("FORECAST_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="FORECAST_DATA names no folder with the benchmark files")
DAY0 = dt.datetime(2021, 3, 1)


def long_frame(**series: list[float]) -> pd.DataFrame:
    """Daily rows of some series from the first of March 2021."""
    return pd.concat(
        [
            pd.DataFrame({"unique_id": name, "ds": pd.date_range(DAY0, periods=len(values)), "y": values})
            for name, values in series.items()
        ],
        ignore_index=True,
    )


def topics(panel: Panel) -> dict[str, int]:
    """How many steps, rows or series each repair concerned."""
    return {note.topic: note.count for note in panel.notes if note.topic not in ("role", "ignored", "layout")}


# ---------------------------------------------------------------------- the packed panel equals a slow one


@st.composite
def messy_rows(draw):
    """Rows (id, step, value, covariate) of up to five series: gaps, empty targets, any order, some rows twice."""
    rows = []
    for name in draw(st.permutations(["a", "b", "c", "dd", "e"]))[: draw(st.integers(1, 5))]:
        steps = draw(st.lists(st.integers(0, 40), min_size=1, max_size=25, unique=True))
        for step in steps:
            value = draw(st.one_of(st.none(), st.integers(-1000, 1000)))
            rows.append((name, step, np.nan if value is None else float(value), float(draw(st.integers(0, 9)))))
    rows += draw(st.lists(st.sampled_from(rows), max_size=4))
    # neighbours that leave no doubt about the step, and a series that always has a value
    rows += [("anchor", step, 1.0 + step, 0.0) for step in range(50)]
    return draw(st.permutations(rows)) if draw(st.booleans()) else sorted(rows)


def slow_panel(rows):
    """{id: (first step, targets, covariates up to the last row)} in order of first appearance."""
    series = {}
    for name, step, value, covariate in rows:
        series.setdefault(name, {})[step] = (value, covariate)
    packed = {}
    for name, cells in series.items():
        if all(np.isnan(value) for value, _ in cells.values()):
            continue
        span = range(min(cells), max(cells) + 1)
        empty = (np.nan, np.nan)
        values = [cells.get(step, empty) for step in span]
        packed[name] = (min(cells), [v for v, _ in values], [c for _, c in values])
    return packed


@given(rows=messy_rows(), step=st.sampled_from(["h", "D", "MS", "7min", "integer"]), ids=st.sampled_from("tcio"))
@settings(max_examples=150, deadline=None)
def test_a_packed_panel_equals_a_slow_one(rows, step, ids):
    grid = np.arange(60) * 3 if step == "integer" else pd.date_range("2020-01-01", periods=60, freq=step)
    numbers = {"a": 11, "b": 5, "c": 7, "dd": 1, "e": 3, "anchor": 0}
    names = [numbers[row[0]] if ids == "i" else row[0] for row in rows]
    frame = pd.DataFrame(
        {
            "unique_id": pd.Series(names, dtype={"t": "str", "c": "category", "i": "int64", "o": object}[ids]),
            "ds": grid[[row[1] for row in rows]],
            "y": [row[2] for row in rows],
            "x": [row[3] for row in rows],
        }
    )
    panel = load_panel(frame, Roles(future=("x",), time="ds"))
    expected = slow_panel(rows)
    assert panel.ids.tolist() == [numbers[name] if ids == "i" else name for name in expected]
    for s, (first, targets, covariates) in enumerate(expected.values()):
        rows_of = slice(panel.offsets[s], panel.offsets[s + 1])
        np.testing.assert_array_equal(panel.target[rows_of, 0], targets)
        np.testing.assert_array_equal(panel.future[rows_of, 0], covariates)
        assert panel.timeline.times(panel.starts[s : s + 1])[0] == grid[first]
        assert panel.ends[s] == 1 + max(k for k, value in enumerate(targets) if not np.isnan(value))
    assert observed_steps(panel).tolist() == [int((~np.isnan(t)).sum()) for _, t, _ in expected.values()]


@given(
    columns=st.lists(
        st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=12, max_size=12), min_size=2, max_size=4
    ),
    order=st.permutations(range(12)),
)
@settings(max_examples=60, deadline=None)
def test_a_wide_table_keeps_each_column_from_its_first_to_its_last_value(columns, order):
    columns = [*columns, list(range(12))]
    table = pd.DataFrame(np.array(columns, dtype=float).T, index=pd.date_range(DAY0, periods=12, freq="h"))
    panel = load_panel(table.iloc[list(order)])
    kept = [k for k, column in enumerate(columns) if any(value is not None for value in column)]
    assert panel.ids.tolist() == kept
    for s, k in enumerate(kept):
        column = table[k].loc[table[k].first_valid_index() : table[k].last_valid_index()]
        np.testing.assert_array_equal(panel.series(s)[:, 0], column)
        assert panel.timeline.times(panel.starts[s : s + 1])[0] == column.index[0]


# ---------------------------------------------------------------------- inputs of every kind


def test_a_panel_is_returned_as_it_is():
    panel = load_panel(long_frame(a=[1, 2, 3]))
    assert load_panel(panel) is panel


def test_float32_stays_float32_and_everything_else_is_float64():
    frame = long_frame(a=[1, 2, 3], b=[4, 5, 6])
    for dtype, kept in (("float32", "float32"), ("float64", "float64"), ("int16", "float64"), ("Int64", "float64")):
        assert load_panel(frame.astype({"y": dtype})).target.dtype == kept


def test_the_panel_does_not_share_memory_with_the_frame():
    values = np.arange(5.0)
    panel = load_panel(pd.Series(values, index=pd.date_range(DAY0, periods=5)))
    values[:] = 99
    assert panel.target[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_arrays_are_series_over_whole_numbers():
    one, two = load_panel(np.arange(6.0)), load_panel(np.arange(12).reshape(6, 2))
    assert (len(one), one.schema.shape, one.schema.time, one.timeline.kind) == (1, "array", None, "integer")
    assert two.target[:, 0].tolist() == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]


def test_several_targets_are_channels():
    frame = long_frame(a=[1, 2, 3], b=[4, np.nan, 6]).assign(z=[1, 2, 3, 4, 5, np.nan])
    panel = load_panel(frame, Roles(target=("y", "z")))
    assert panel.channels == 2
    assert panel.ends.tolist() == [3, 3]  # a step counts as observed when any channel is


def test_one_row_and_constant_series_are_fine():
    assert load_panel(long_frame(a=[1.0])).schema.freq == "D"
    assert load_panel(long_frame(a=[5.0] * 9)).target.std() == 0


def test_rows_without_a_time_are_steps_on_request():
    for freq in ("rows", "integer"):
        panel = load_panel(pd.DataFrame({"y": np.arange(9.0)}), Roles(freq=freq))
        assert panel.timeline.times(panel.starts + panel.ends).tolist() == [9]


# ---------------------------------------------------------------------- repairs


def test_every_repair_is_reported():
    frame = long_frame(a=[1, 2, np.nan, 4, 5, 6, np.nan, np.nan], b=list(range(8)), c=[np.nan] * 3)
    frame = pd.concat([frame.drop(index=12), frame.iloc[[9]]]).iloc[::-1]
    panel = load_panel(frame, Roles(id="unique_id", target="y"))
    assert panel.ids.tolist() == ["b", "a"]
    assert dict(zip(panel.ids, panel.ends.tolist(), strict=True)) == {"a": 6, "b": 8}
    found = [(note.topic, note.count, note.series) for note in panel.notes if note.topic not in ("role", "ignored")]
    assert found == [
        ("order", 1, ()),
        ("duplicate", 1, ("b",)),
        ("gap", 1, ("b",)),
        ("missing", 1, ("c",)),
        ("missing", 2, ("a",)),
        ("missing", 1, ("a",)),
    ]


def test_short_series_are_listed_and_too_short_panels_name_the_longest_horizon():
    panel = load_panel(long_frame(a=list(range(11)), b=[1, 2, np.nan, 4]))
    assert require_steps(panel, 1) is panel
    noted = require_steps(panel, 5)
    assert [(n.topic, n.series, n.count) for n in noted.notes if n.topic == "short"] == [("short", ("b",), 1)]
    with pytest.raises(DataError, match="horizon of at most 5"):
        require_steps(panel, 6)
    with pytest.raises(DataError, match="at least 3 observed steps"):
        require_steps(load_panel(long_frame(a=[1.0, 2.0])), 1)


@pytest.mark.parametrize("horizon", [0, -3, 2.5, "3", None, True])
def test_a_horizon_is_a_whole_number_of_at_least_one(horizon):
    with pytest.raises(ConfigError, match="horizon"):
        require_steps(load_panel(long_frame(a=list(range(9)))), horizon)


# ---------------------------------------------------------------------- refusals


def refused(frame: object, **roles: object) -> DataError:
    with pytest.raises(DataError) as caught:
        load_panel(frame, Roles(**roles))
    return caught.value


def test_conflicting_rows_name_series_time_and_values():
    frame = long_frame(a=[1, 2, 3], b=[4, 5, 6])
    frame = pd.concat([frame, frame.iloc[[4]].assign(y=99.0)], ignore_index=True)
    error = refused(frame)
    assert error.where["series"] == "b" and error.where["row"] == 6 and error.where["column"] == "y"
    assert "2021-03-02" in error.cause and "99" in error.cause


def test_a_conflict_in_the_one_series_names_no_series():
    days = pd.date_range("2024-01-01", periods=200).insert(2, pd.Timestamp("2024-01-02"))
    with pytest.raises(DataError, match=r"row 2: there are two values of 'load' at 2024-01-02"):
        load_panel(pd.DataFrame({"day": days, "load": np.arange(201.0)}))


def test_conflicting_covariates_are_a_conflict_too():
    frame = long_frame(a=[1, 2, 3]).assign(x=1.0)
    frame = pd.concat([frame, frame.iloc[[1]].assign(x=2.0)], ignore_index=True)
    assert refused(frame, past=("x",), id="unique_id", target="y").where["column"] == "x"
    without = load_panel(frame, Roles(id="unique_id", target="y"))  # a column without a role does not matter
    assert len(without.target) == 3


def test_infinite_values_and_text_name_row_and_column():
    error = refused(long_frame(a=[1, 2, np.inf]))
    assert (error.where["row"], error.where["column"]) == (2, "y")
    frame = long_frame(a=[1, 2, 3]).astype({"y": object})
    frame.loc[1, "y"] = "n.a. yet"
    error = refused(frame, target="y")
    assert (error.where["row"], error.where["column"], error.where["value"]) == (1, "y", "n.a. yet")
    assert refused(long_frame(a=[1, 2, 3]).assign(x=[1, np.inf, 2]), past=("x",)).where["column"] == "x"


def test_missing_times_ids_and_targets_are_refused():
    frame = long_frame(a=[1, 2, 3])
    assert refused(frame.assign(ds=frame["ds"].where(frame["y"] != 2))).where["row"] == 1
    assert refused(frame.assign(unique_id=["a", None, "a"])).where["row"] == 1
    assert "no value" in refused(long_frame(a=[np.nan] * 3)).cause


def other_step(first: str, second: str, rows: int = 30) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame({"unique_id": f, "ds": pd.date_range(DAY0, periods=rows, freq=f), "y": np.arange(float(rows))})
        for f in (first, second)
    )


@pytest.mark.parametrize(
    "pair",
    [("D", "W-SUN"), ("h", "D"), ("15min", "h"), ("D", "MS"), ("MS", "QS-JAN"), ("MS", "YS-JAN"), ("h", "30min"),
     ("B", "W-FRI")],
)  # fmt: skip
@pytest.mark.parametrize("swap", [False, True])
def test_series_of_different_frequency_are_refused_by_name(pair, swap):
    error = refused(other_step(*(reversed(pair) if swap else pair)))
    assert "mixed frequencies" in error.cause
    assert any(repr(name) in error.cause for name in pair)


def test_a_series_that_changes_its_frequency_is_refused():
    days = pd.date_range(DAY0, periods=40)
    weeks = pd.date_range(days[-1], periods=15, freq="7D")[1:]
    error = refused(pd.DataFrame({"ds": days.append(weeks), "y": 1.0}))
    assert "mixed frequencies" in error.cause and str(days[-1].date()) in error.cause


def test_a_stray_time_is_named():
    times = pd.Series(pd.date_range(DAY0, periods=100, freq="h"))
    times[41] += pd.Timedelta("7s")
    error = refused(pd.DataFrame({"ds": times, "y": 1.0}))
    assert "mixed frequencies" in error.cause and error.where["row"] == 41
    assert len(load_panel(pd.DataFrame({"ds": times, "y": 1.0}), Roles(freq="rows")).target) == 100


def test_a_series_shifted_against_the_others_is_named():
    frame = other_step("D", "D")
    second = np.arange(len(frame)) >= 30
    frame["unique_id"] = np.where(second, "late", "early")
    frame.loc[second, "ds"] += pd.Timedelta("9h")
    assert "'late'" in refused(frame).cause


def test_sparse_series_are_gaps_not_another_frequency():
    rng = np.random.default_rng(0)
    days = pd.date_range(DAY0, periods=400)
    frame = pd.concat(
        pd.DataFrame({"unique_id": str(s), "ds": days[np.sort(rng.choice(400, size, replace=False))], "y": 1.0})
        for s, size in enumerate([400, 40, 20, 100, 8, 5, 3, 2, 1] * 20)
    )
    assert load_panel(frame).schema.freq == "D"


@pytest.mark.parametrize("roles", [{}, {"target": "y"}])
def test_a_target_without_a_value_is_told_with_its_rows(roles):
    frame = pd.DataFrame({"ds": pd.date_range(DAY0, periods=40), "y": [np.nan] * 40})
    with pytest.raises(DataError, match="no value in any of 40 rows"):
        load_panel(frame, Roles(**roles))


def test_one_mistyped_year_is_named_before_memory_is_asked_for():
    for freq, wrong in (("h", "2203-01-01"), ("s", "1970-01-01"), ("D", "9999-12-31")):
        times = pd.Series(pd.date_range(DAY0, periods=50, freq=freq))
        times[7] = pd.Timestamp(wrong)
        error = refused(pd.DataFrame({"ds": times, "y": 1.0}))
        assert error.where["row"] == 7
        assert wrong in error.cause


# ---------------------------------------------------------------------- clocks


def local_hours() -> pd.DataFrame:
    """A year of hours as a meter in Berlin writes them: one hour missing in March, one twice in October."""
    aware = pd.date_range("2023-01-01", "2023-12-31 23:00", freq="h", tz="Europe/Berlin")
    return pd.DataFrame({"ds": aware.tz_localize(None), "y": np.arange(float(len(aware)))})


def test_naive_local_times_ask_for_their_zone_which_resolves_them():
    frame = local_hours()
    error = refused(frame)
    assert "--timezone" in error.remedy and "2023-10-29" in error.cause
    for rows in (frame, frame.iloc[::-1]):
        panel = load_panel(rows, Roles(timezone="Europe/Berlin"))
        assert panel.target[:, 0].tolist() == frame["y"].tolist()
        assert "gap" not in topics(panel)
        assert str(panel.timeline.times(panel.starts + panel.ends)[0]) == "2024-01-01 00:00:00+01:00"


def test_the_zone_is_resolved_series_by_series():
    frame = pd.concat([local_hours().assign(unique_id="a"), local_hours().assign(unique_id="b")])
    frame = frame.sort_values("ds", kind="stable")
    panel = load_panel(frame, Roles(timezone="Europe/Berlin"))
    assert np.array_equal(panel.series(0), panel.series(1))
    assert panel.series(0)[:, 0].tolist() == local_hours()["y"].tolist()


def test_times_that_the_zone_skips_are_not_of_that_zone():
    frame = pd.DataFrame({"ds": pd.date_range("2023-03-25", periods=60, freq="h"), "y": 1.0})
    with pytest.raises(DataError, match="2023-03-26 02:00:00 does not exist in Europe/Berlin"):
        load_panel(frame, Roles(timezone="Europe/Berlin"))


def test_an_unknown_zone_names_the_nearest():
    with pytest.raises(ConfigError, match="Europe/Berlin"):
        load_panel(local_hours(), Roles(timezone="Europe/Berlln"))


# ---------------------------------------------------------------------- covariates


def shop_frame(weeks: int = 12, ahead: int = 3) -> pd.DataFrame:
    """Two shops with all kinds of covariates; the last ``ahead`` weeks have no sales yet."""
    total = weeks + ahead
    frame = pd.concat(
        pd.DataFrame(
            {
                "shop": name,
                "week": pd.date_range(DAY0, periods=total, freq="W-SUN"),
                "sales": np.where(np.arange(total) < weeks, np.arange(total) + 1.0, np.nan),
                "visits": np.where(np.arange(total) < weeks, 10.0, np.nan),
                "price": np.arange(total) / 2,
                "promo": np.array(["none", "flyer", "tv"])[np.arange(total) % 3],
                "size": size,
                "kind": kind,
            }
        )
        for name, size, kind in (("north", 100, "A"), ("south", 250, "B"))
    )
    return frame.reset_index(drop=True)


SHOP = Roles(target="sales", past=("visits",), future=("price", "promo"), static=("size", "kind"))


def test_covariates_of_all_kinds_find_their_place():
    panel = load_panel(shop_frame(), SHOP)
    schema = panel.schema
    assert (schema.past, schema.future, schema.static) == (("visits",), ("price",), ("size",))
    assert (schema.future_codes, schema.static_codes) == (("promo",), ("kind",))
    assert schema.categories == {"promo": ("flyer", "none", "tv"), "kind": ("A", "B")}
    assert panel.ends.tolist() == [12, 12] and panel.lengths.tolist() == [15, 15]
    assert panel.static[:, 0].tolist() == [100, 250] and panel.static_codes[:, 0].tolist() == [1, 2]
    assert panel.future_codes[:4, 0].tolist() == [2, 1, 3, 2]
    assert panel.future[12:15, 0].tolist() == [6, 6.5, 7]
    assert {a.dtype for a in (panel.past, panel.future, panel.static)} == {np.dtype("float64")}
    assert {a.dtype for a in (panel.past_codes, panel.future_codes, panel.static_codes)} == {np.dtype("int64")}


def test_a_static_column_may_not_change_within_a_series():
    frame = shop_frame()
    frame.loc[3, "kind"] = "B"
    error = refused(frame, **vars(SHOP))
    assert (error.where["column"], error.where["series"]) == ("kind", "north")
    frame = shop_frame()
    frame.loc[3, "kind"] = None  # one empty cell: the other rows say what it is
    assert load_panel(frame, SHOP).static_codes[:, 0].tolist() == [1, 2]


@pytest.mark.parametrize("whole", [True, False], ids=["whole range", "only ahead"])
def test_covariates_ahead_may_come_in_a_second_frame(whole):
    full = load_panel(shop_frame(), SHOP)
    frame, columns = shop_frame(), ["shop", "week", "price", "promo"]
    second = frame[columns] if whole else frame.loc[frame["sales"].isna(), columns]
    first = frame[frame["sales"].notna()]
    first = first.drop(columns=["price", "promo"]) if whole else first
    panel = load_panel(first, SHOP, future_data=second.sample(frac=1, random_state=0))
    assert panel.ends.tolist() == [12, 12] and panel.lengths.tolist() == [15, 15]
    np.testing.assert_array_equal(panel.future, full.future)
    np.testing.assert_array_equal(panel.future_codes, full.future_codes)
    np.testing.assert_array_equal(panel.target, full.target)
    assert panel.schema.categories == full.schema.categories


def test_a_panel_takes_new_rows_of_covariates_ahead():
    frame = shop_frame()
    panel = load_panel(frame[frame["sales"].notna()], SHOP)
    longer = load_panel(panel, future_data=frame.loc[frame["sales"].isna(), ["shop", "week", "price", "promo"]])
    np.testing.assert_array_equal(longer.future, load_panel(frame, SHOP).future)
    assert panel.lengths.tolist() == [12, 12]


def test_a_second_frame_may_not_contradict_the_first():
    frame = shop_frame()
    second = frame[["shop", "week", "price", "promo"]].copy()
    second.loc[20, "price"] += 1
    with pytest.raises(DataError, match="'price' of series 'south'") as caught:
        load_panel(frame, SHOP, future_data=second)
    assert caught.value.where["row"] == 20
    with pytest.raises(DataError, match="not on the grid W-SUN"):
        load_panel(frame, SHOP, future_data=second.assign(week=second["week"] + pd.Timedelta("1D")))
    with pytest.raises(DataError, match="'promo'"):
        load_panel(frame, SHOP, future_data=second.drop(columns="promo"))


def test_a_single_series_takes_a_second_frame_without_an_id():
    times = pd.date_range(DAY0, periods=30)
    first = pd.DataFrame({"ds": times[:24], "y": np.arange(24.0), "x": np.arange(24.0)})
    second = pd.DataFrame({"ds": times[24:], "x": np.arange(24.0, 30)})
    panel = load_panel(first, Roles(future=("x",), target="y"), future_data=second)
    assert panel.future[:, 0].tolist() == list(range(30))
    assert load_panel(first[["ds", "y"]], Roles(target="y"), future_data=second).schema.future == ("x",)


def test_rows_as_steps_take_a_second_frame():
    times = pd.bdate_range("2024-01-01", periods=30).delete([25])
    first = pd.DataFrame({"ds": times[:24], "y": np.arange(24.0), "x": np.arange(24.0)})
    second = pd.DataFrame({"ds": times[22:], "x": np.arange(22.0, 29)})
    panel = load_panel(first, Roles(future=("x",), target="y", freq="rows"), future_data=second)
    assert panel.future[:, 0].tolist() == list(range(29))
    assert list(panel.timeline.times(panel.starts + panel.ends + np.arange(5))) == list(times[24:])


# ---------------------------------------------------------------------- data read by the roles of training


def test_newer_data_are_read_by_the_roles_of_training():
    trained = load_panel(shop_frame(), SHOP).schema
    frame = shop_frame(4, 1).assign(extra=1.0).iloc[:, ::-1]
    frame.loc[0, "promo"] = "radio"
    panel = load_panel(frame, schema=trained)
    assert panel.schema.categories == trained.categories
    assert panel.future_codes[:3, 0].tolist() == [0, 1, 3]  # unknown, flyer, tv
    assert panel.schema.freq == "W-SUN"


def test_newer_data_without_the_covariates_of_training_are_refused():
    trained = load_panel(shop_frame(), SHOP).schema
    with pytest.raises(DataError, match="visits, kind"):
        load_panel(shop_frame().drop(columns=["visits", "kind"]), schema=trained)


def test_newer_data_of_another_frequency_are_refused():
    trained = load_panel(long_frame(a=list(range(20)))).schema
    for freq in ("h", "W-SUN", "MS"):
        newer = pd.DataFrame({"unique_id": "a", "ds": pd.date_range(DAY0, periods=20, freq=freq), "y": 1.0})
        with pytest.raises(DataError, match="frequenc"):
            load_panel(newer, schema=trained)
    few = pd.DataFrame({"unique_id": "a", "ds": [DAY0, DAY0 + dt.timedelta(5)], "y": 1.0})
    assert load_panel(few, schema=trained).lengths.tolist() == [6]


@pytest.mark.parametrize("step", ["D", "h", "ME", "B"])
def test_the_same_moment_has_one_number_in_training_and_later(step):
    times = pd.date_range("2020-01-03 06:00", periods=40, freq=step)
    frame = pd.DataFrame({"ds": times, "y": np.arange(40.0)})
    trained = load_panel(frame.iloc[:30])
    newer = load_panel(frame.iloc[30:], schema=trained.schema)
    assert newer.starts[0] == trained.starts[0] + 30


def test_arrays_series_and_tables_are_read_again_as_in_training():
    index = pd.date_range(DAY0, periods=20)
    table = pd.DataFrame({"p": np.arange(20.0), "q": np.arange(20.0)}, index=index)
    for data in (np.arange(20.0), np.ones((20, 3)), table, table["p"], table["p"].rename(None)):
        trained = load_panel(data)
        again = load_panel(data, schema=trained.schema)
        assert again.schema == trained.schema
        assert np.array_equal(again.starts, trained.starts)


# ---------------------------------------------------------------------- real files


@needs_data
@pytest.mark.parametrize(
    ("name", "roles", "freq", "series", "rows"),
    [
        ("ett/ETTh1.csv.gz", {}, "h", 7, 17420 * 7),
        ("ett/ETTm1.csv.gz", {"target": "OT"}, "15min", 1, 69680),
        ("weather/weather.csv.gz", {"target": "OT"}, "10min", 1, 52704),
        ("exchange/exchange_rate.csv", {}, "D", 8, 7588 * 8),
        ("m4_hourly/m4_hourly_dataset.tsf.gz", {}, "h", 414, 373372),
        ("airpassengers/AirPassengers.csv", {}, "MS", 1, 144),
        ("walmart/train.csv.zip", {"id": "Store,Dept", "target": "Weekly_Sales"}, "W-FRI", 3331, 449237),
        ("bike/hour.csv.gz", {"target": "cnt"}, "h", 1, 17544),
        ("monash/m3_yearly_dataset.tsf", {}, "YS-JAN", 645, 18319),
        ("monash/m3_quarterly_dataset.tsf", {}, "QS-JAN", 756, 37004),
        ("monash/m3_monthly_dataset.tsf", {}, "MS", 1428, 167562),
    ],
)
def test_real_files_become_panels(name, roles, freq, series, rows):
    panel = load_panel(Path(DATA or "") / name, Roles(**roles))
    assert (panel.schema.freq, len(panel), len(panel.target)) == (freq, series, rows)
