"""A folder of files becomes the panel that all of their rows in one frame become, however they are cut into files."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.datasets import load_panel, pack, read_table
from forecast.datasets.fingerprint import fingerprint
from forecast.datasets.packed import pieces, spread
from forecast.datasets.schema import Roles
from forecast.errors import DataError

ARRAYS = ("starts", "offsets", "ends", "target", "past", "future", "static", "past_codes", "future_codes")
ARRAYS += ("static_codes",)
COVARIATES = Roles(past=("price",), future=("promo",), static=("kind", "size"))


@pytest.fixture(params=["whole", "small"], autouse=True)
def _sizes(request, monkeypatch):
    """All is read again with pieces of a few rows, so that every border between them is met."""
    if request.param == "small":
        monkeypatch.setattr(pieces, "PIECE_CELLS", 21)
        monkeypatch.setattr(pieces, "PIECE_BYTES", 300)
        monkeypatch.setattr(spread, "PART_BYTES", 600)
        monkeypatch.setattr(spread, "_SCATTERED", 3)


def shops(series=5, days=40, seed=0):
    """A long frame with gaps, empty targets, equal rows, rows out of order, and covariates of every kind."""
    rng = np.random.default_rng(seed)
    rows = series * days
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{i}" for i in range(series)], days),
            "ds": np.tile(pd.date_range("2021-01-01", periods=days), series),
            "y": rng.normal(size=rows).round(3),
            "price": rng.normal(size=rows).round(3),
            "promo": rng.choice(["shelf", "paper", "web"], size=rows),
            "kind": np.repeat([f"k{i % 2}" for i in range(series)], days),
            "size": np.repeat(np.arange(series) * 1.5, days),
        }
    )
    frame.loc[rng.choice(rows, rows // 20, replace=False), "y"] = np.nan
    frame.loc[rng.choice(rows, rows // 20, replace=False), "price"] = np.nan
    frame = frame.drop(rng.choice(rows, rows // 15, replace=False))
    return pd.concat([frame, frame.iloc[3:6]], ignore_index=True)


def written(folder, frame, parts, kind):
    """The frame as one file for each value of ``parts``, and what ``read_table`` makes of all of them together."""
    folder.mkdir()
    read = []
    for k, part in frame.groupby(np.asarray(parts)):
        path = folder / f"part-{k:03d}.{kind}"
        part.to_parquet(path, index=False) if kind == "parquet" else part.to_csv(path, index=False)
        read.append(read_table(path))
    return pd.concat(read, ignore_index=True)


def assert_same(one, two, *, notes=True):
    for name in ARRAYS:
        expected, found = getattr(one, name), getattr(two, name)
        np.testing.assert_array_equal(found, expected, err_msg=name)
        assert found.dtype == expected.dtype, name
    assert list(two.ids) == list(one.ids) and two.ids.dtype == one.ids.dtype
    assert two.schema == one.schema
    assert two.timeline.to_json() == one.timeline.to_json()
    assert fingerprint(two) == fingerprint(one)
    if notes:
        assert [vars(note) for note in two.notes] == [vars(note) for note in one.notes]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("split", ["by series", "by date", "at random"])
def test_it_does_not_matter_how_the_rows_are_spread_over_files(tmp_path, kind, split):
    frame = shops()
    parts = {
        "by series": frame["unique_id"].str[1:].astype(int) // 2,
        "by date": frame["ds"].dt.day // 9,
        "at random": np.random.default_rng(1).integers(0, 4, len(frame)),
    }[split]
    whole = written(tmp_path / "files", frame, parts, kind)
    assert_same(load_panel(whole, COVARIATES), pack(tmp_path / "files", tmp_path / "panel", COVARIATES))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cut_of_any_rows_gives_the_same_panel(tmp_path_factory, data):
    frame = shops(
        series=data.draw(st.integers(1, 4)), days=data.draw(st.integers(8, 30)), seed=data.draw(st.integers(0, 99))
    )
    order = data.draw(st.sampled_from(["as it is", "shuffled", "backwards"]))
    if order != "as it is":
        frame = frame.sample(frac=1, random_state=0) if order == "shuffled" else frame.iloc[::-1]
    frame = frame.reset_index(drop=True)
    parts = data.draw(st.lists(st.integers(0, 3), min_size=len(frame), max_size=len(frame)))
    folder = tmp_path_factory.mktemp("cut")
    whole = written(folder / "files", frame, parts, data.draw(st.sampled_from(["csv", "parquet"])))
    assert_same(load_panel(whole, COVARIATES), pack(folder / "files", folder / "panel", COVARIATES))


def hours_of_berlin():
    """Naive local hours over the night in which clocks are put back, for two series."""
    moments = pd.date_range("2021-10-30", periods=60, freq="h", tz="Europe/Berlin")
    local = moments.tz_localize(None)
    return pd.DataFrame({"id": np.repeat(["a", "b"], 60), "time": np.tile(local, 2), "y": np.arange(120.0)})


CASES = {
    "hours on the clock of a zone": (hours_of_berlin(), Roles(timezone="Europe/Berlin")),
    "aware days": (
        pd.DataFrame(
            {
                "id": np.repeat(["a", "b"], 20),
                "time": np.tile(pd.date_range("2021-03-20", periods=20, freq="D", tz="Europe/Berlin"), 2),
                "y": np.arange(40.0),
            }
        ),
        Roles(),
    ),
    "months": (
        pd.DataFrame(
            {
                "id": np.repeat(["a", "b"], 24),
                "time": np.tile(pd.date_range("2020-01-31", periods=24, freq="ME"), 2),
                "y": np.arange(48.0),
            }
        ),
        Roles(),
    ),
    "working days": (
        pd.DataFrame({"id": "a", "time": pd.bdate_range("2021-01-01", periods=40), "y": np.arange(40.0)}),
        Roles(id="id"),
    ),
    "whole numbers": (
        pd.DataFrame({"id": np.repeat([3, 1, 2], 15), "step": np.tile(np.arange(15) * 5, 3), "y": np.arange(45.0)}),
        Roles(time="step", id="id", target="y"),
    ),
    "one series": (pd.DataFrame({"time": pd.date_range("2021", periods=30, freq="h"), "y": np.arange(30.0)}), Roles()),
    "two targets": (
        pd.DataFrame(
            {
                "id": np.repeat(["a", "b"], 20),
                "time": np.tile(pd.date_range("2021", periods=20), 2),
                "u": np.arange(40.0),
                "v": np.arange(40.0) ** 2,
            }
        ),
        Roles(target=("u", "v")),
    ),
    "ids in two columns": (
        pd.DataFrame(
            {
                "shop": np.repeat([1, 1, 2], 12),
                "dept": np.repeat(["x", "y", "x"], 12),
                "time": np.tile(pd.date_range("2021", periods=12), 3),
                "y": np.arange(36.0),
            }
        ),
        Roles(id="shop,dept"),
    ),
    "a series without any target": (
        pd.DataFrame(
            {
                "id": np.repeat(["a", "b", "c"], 12),
                "time": np.tile(pd.date_range("2021", periods=12), 3),
                "y": [*range(12), *[np.nan] * 12, *range(10), np.nan, np.nan],
            }
        ),
        Roles(),
    ),
}


ZONED = "aware days"  # as text, their offsets from UTC change, and no frame reads those as days


@pytest.mark.parametrize(
    ("case", "kind"), [(c, k) for c in CASES for k in ("csv", "parquet") if (c, k) != (ZONED, "csv")]
)
def test_all_kinds_of_times_ids_and_targets_are_read_as_in_one_frame(tmp_path, case, kind):
    frame, roles = CASES[case]
    whole = written(tmp_path / "files", frame, np.arange(len(frame)) * 3 // len(frame), kind)
    assert_same(load_panel(whole, roles), pack(tmp_path / "files", tmp_path / "panel", roles))


def test_float32_stays_float32_unless_one_file_holds_more(tmp_path):
    frame = shops().astype({"y": "float32"})
    half = np.arange(len(frame)) * 2 // len(frame)
    whole = written(tmp_path / "narrow", frame, half, "parquet")
    panel = pack(tmp_path / "narrow", tmp_path / "panel", Roles())
    assert panel.target.dtype == np.float32
    assert_same(load_panel(whole), panel)
    frame[half == 1].astype({"y": "float64"}).to_parquet(tmp_path / "narrow" / "part-001.parquet")
    assert pack(tmp_path / "narrow", tmp_path / "wide", Roles()).target.dtype == np.float64


def test_ids_that_are_digits_in_one_file_and_words_in_another_are_words_as_written(tmp_path):
    (tmp_path / "files").mkdir()
    times = pd.date_range("2021-01-01", periods=12).strftime("%Y-%m-%d")
    for k, name in enumerate(["12", "07", "A1", "9"]):
        lines = [f"{name},{time},{n}" for n, time in enumerate(times)]
        (tmp_path / "files" / f"{k}.csv").write_text("\n".join(["id,time,y", *lines]))
    assert list(pack(tmp_path / "files", tmp_path / "panel").ids) == ["12", "07", "A1", "9"]


def test_the_files_may_be_compressed_and_lie_in_folders(tmp_path):
    frame = shops()
    (tmp_path / "files" / "2021").mkdir(parents=True)
    (tmp_path / "files" / "_log").mkdir()
    (tmp_path / "files" / "_log" / "done.csv").write_text("nothing to see")
    (tmp_path / "files" / "README.md").write_text("about these files")
    frame[:100].to_csv(tmp_path / "files" / "2021" / "a.csv.gz", index=False)
    frame[100:].to_csv(tmp_path / "files" / "b.csv", index=False)
    assert_same(load_panel(frame.astype({"ds": "datetime64[us]"})), pack(tmp_path / "files", tmp_path / "panel"))


# ---------------------------------------------------------------------- what is refused


def two_files(folder, first, second, kind="csv"):
    folder.mkdir()
    for name, frame in (("a", first), ("b", second)):
        path = folder / f"{name}.{kind}"
        frame.to_parquet(path, index=False) if kind == "parquet" else frame.to_csv(path, index=False)
    return folder


def refused(folder, *words, roles=None, **where):
    with pytest.raises(DataError) as caught:
        pack(folder, folder.with_name("panel"), roles)
    for word in words:
        assert word in str(caught.value)
    for name, value in where.items():
        assert caught.value.where[name] == value
    assert where.get("file", "") in caught.value.cause, "the words name the file, too"
    assert not folder.with_name("panel").exists()


@pytest.fixture
def halves():
    frame = shops(series=3, days=20)[["unique_id", "ds", "y"]].dropna().drop_duplicates(["unique_id", "ds"])
    frame = frame.sort_values("ds").reset_index(drop=True)
    return frame[:30].reset_index(drop=True), frame[30:].reset_index(drop=True)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_that_contradict_each_other_across_files_are_refused_with_file_and_line(tmp_path, halves, kind):
    one, two = halves
    twin = one.iloc[[4]].assign(y=99.0)
    folder = two_files(tmp_path / "files", one, pd.concat([two[:6], twin, two[6:]]), kind)
    row = {"csv": 8, "parquet": 6}[kind]  # a CSV counts its header, and from 1
    name, day = twin["unique_id"].iloc[0], str(twin["ds"].iloc[0].date())
    refused(
        folder,
        "two values of 'y'",
        name,
        day,
        "99.0",
        file=str(folder / "b.csv").replace("csv", kind),
        row=row,
    )


def test_text_in_the_target_is_refused_with_file_and_line(tmp_path, halves):
    one, two = halves
    two = two.astype({"y": object})
    two.loc[7, "y"] = "closed"
    folder = two_files(tmp_path / "files", one, two)
    refused(folder, "'closed'", file=str(folder / "b.csv"), row=9)


def test_infinite_values_are_refused_with_file_and_line(tmp_path, halves):
    one, two = halves
    two.loc[7, "y"] = np.inf
    folder = two_files(tmp_path / "files", one, two, "parquet")
    refused(folder, "infinite", file=str(folder / "b.parquet"), row=7)


def test_a_time_off_the_grid_is_refused_with_file_and_line(tmp_path, halves):
    one, two = halves
    two.loc[7, "ds"] += pd.Timedelta("90s")
    folder = two_files(tmp_path / "files", one, two, "parquet")
    refused(folder, "mixed frequencies", file=str(folder / "b.parquet"))


def test_a_file_without_one_of_the_columns_is_named(tmp_path, halves):
    one, two = halves
    folder = two_files(tmp_path / "files", one, two.rename(columns={"y": "sales"}))
    refused(folder, "b.csv has no column 'y'", file=str(folder / "b.csv"))


def test_a_damaged_parquet_file_is_named(tmp_path, halves):
    folder = two_files(tmp_path / "files", *halves, "parquet")
    data = (folder / "b.parquet").read_bytes()
    (folder / "b.parquet").write_bytes(data[: len(data) // 2])
    refused(folder, "b.parquet is not a whole Parquet file", file=str(folder / "b.parquet"))


def test_a_ragged_line_is_named_by_its_number_in_the_file(tmp_path, halves):
    folder = two_files(tmp_path / "files", *halves)
    lines = (folder / "b.csv").read_text().splitlines()
    lines[20] += ",5"
    (folder / "b.csv").write_text("\n".join(lines))
    refused(folder, "b.csv: row 21 has 4 cells", file=str(folder / "b.csv"), row=21)


def test_days_and_months_that_change_places_between_files_are_refused(tmp_path, halves):
    one, two = halves
    days = [f.assign(ds=f["ds"].dt.strftime(order)) for f, order in ((one, "%d/%m/%Y"), (two, "%m/%d/%Y"))]
    days[0].loc[len(days[0])] = ["z", "25/01/2021", 1.0]
    days[1].loc[len(days[1])] = ["z", "01/26/2021", 1.0]
    folder = two_files(tmp_path / "files", *days)
    with pytest.raises(DataError, match="first"):
        pack(folder, tmp_path / "panel")


def test_ids_of_two_types_in_parquet_are_refused(tmp_path, halves):
    one, two = halves
    folder = two_files(tmp_path / "files", one, two.assign(unique_id=7), "parquet")
    refused(folder, "the ids in", "numbers", file=str(folder / "b.parquet"))


def test_wide_files_rows_without_a_grid_and_folders_without_data_are_refused(tmp_path, halves):
    wide = pd.DataFrame({"time": pd.date_range("2021", periods=20), "a": np.arange(20.0), "b": 1.0})
    refused(two_files(tmp_path / "wide", wide[:10], wide[10:]), "a column per series")
    refused(two_files(tmp_path / "rows", *halves), 'freq="rows"', roles=Roles(freq="rows"))
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no data files")
