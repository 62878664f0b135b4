"""The catalogue: every name gives a clean frame whose columns play the roles that its row states."""

import json

import numpy as np
import pandas as pd
import pytest

import forecast
from forecast.datasets import dataset_table, load_dataset
from forecast.datasets.build import load_panel
from forecast.datasets.catalogue import available, find_dataset
from forecast.datasets.named.entry import DatasetEntry
from forecast.errors import ConfigError

BUILT_IN = [entry for entry in dataset_table() if entry.kind != "public"]


@pytest.fixture(params=BUILT_IN, ids=lambda entry: entry.name)
def entry(request: pytest.FixtureRequest) -> DatasetEntry:
    return request.param


def test_it_becomes_a_panel_by_its_roles(entry: DatasetEntry) -> None:
    panel = load_panel(load_dataset(entry.name), entry.roles)
    assert panel.timeline.freq.startswith(entry.freq)
    assert not panel.schema.ignored
    assert entry.target in ((), panel.schema.target)
    longest = int(panel.ends.max())
    assert longest >= 2 * entry.horizon + 1
    assert entry.season < longest


def test_it_is_sorted_and_has_one_row_per_series_and_time(entry: DatasetEntry) -> None:
    frame = load_dataset(entry.name)
    keys = [name for name in (entry.roles.id, entry.roles.time) if name]
    assert not frame.duplicated(keys).any()
    groups = frame.groupby(entry.roles.id, sort=False) if entry.roles.id else [("", frame)]
    assert all(group[entry.roles.time].is_monotonic_increasing for _, group in groups)


def test_every_row_of_the_table_can_be_listed_as_json() -> None:
    rows = json.loads(json.dumps([entry.summary() for entry in dataset_table()]))
    names = [row["name"] for row in rows]
    assert len(set(names)) == len(names)
    assert {row["kind"] for row in rows} == {"real", "synthetic", "public"}
    assert all(row["description"] and row["source"] and row["licence"] and row["horizon"] >= 1 for row in rows)


def test_co2_keeps_its_missing_weeks() -> None:
    frame = load_dataset("co2")
    assert frame.shape == (2284, 2)
    assert frame["co2"].isna().sum() == 59
    assert (frame["date"].diff().dropna() == pd.Timedelta(weeks=1)).all()


def test_el_nino_runs_month_by_month() -> None:
    frame = load_dataset("elnino")
    assert len(frame) == 61 * 12
    assert frame.loc[frame["date"] == "1951-03-01", "temperature"].item() == 25.60
    assert frame["date"].iloc[-1] == pd.Timestamp("2010-12-01")


def test_quarters_and_years_get_their_first_day() -> None:
    macro, nile = load_dataset("macrodata"), load_dataset("nile")
    assert macro["date"].iloc[[0, 1]].tolist() == [pd.Timestamp("1959-01-01"), pd.Timestamp("1959-04-01")]
    assert (nile["date"].iloc[0], nile["volume"].iloc[0], len(nile)) == (pd.Timestamp("1871-01-01"), 1120.0, 100)


def test_fertility_leaves_out_countries_without_a_value() -> None:
    frame = load_dataset("fertility")
    assert frame.groupby("country")["births_per_woman"].count().min() >= 1
    assert frame["date"].max() == pd.Timestamp("2011-01-01")


def test_ahead_takes_the_last_targets_and_past_covariates_out_of_recorded_data() -> None:
    whole, cut = load_dataset("grunfeld"), load_dataset("grunfeld", ahead=2)
    last = whole.groupby("firm")["date"].rank(ascending=False) <= 2
    assert cut.loc[last, ["invest", "value", "capital"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(cut[~last], whole[~last])
    wide = load_dataset("macrodata", ahead=3).drop(columns="date")
    assert wide.isna().all(axis=1).tolist() == [False] * 200 + [True] * 3


def test_ahead_adds_steps_to_made_data() -> None:
    panel = load_panel(load_dataset("seasons", ahead=48, series=2), find_dataset("seasons").roles)
    np.testing.assert_array_equal(panel.lengths - panel.ends, 48)


def test_capitals_and_dashes_do_not_matter_in_names() -> None:
    assert find_dataset("ETTh1") is find_dataset("etth1")
    assert find_dataset("epf-NP").name == "epf_np"


def test_unknown_names_and_options_are_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown data set 'co3'\nDid you mean 'co2'\?"):
        load_dataset("co3")
    with pytest.raises(ConfigError, match=r"unknown option of data set 'trend' 'step'\nDid you mean 'steps'\?"):
        load_dataset("trend", step=3)
    with pytest.raises(ConfigError, match="unknown option of data set 'co2' 'seed'"):
        load_dataset("co2", seed=3)
    with pytest.raises(ConfigError, match="ahead=-1 is negative"):
        load_dataset("co2", ahead=-1)


def test_built_in_data_are_always_available(entry: DatasetEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_DATA", "/no/such/folder")
    assert available(entry)


def test_the_public_names_load_the_same_data() -> None:
    pd.testing.assert_frame_equal(forecast.load_dataset("nile"), load_dataset("nile"))
