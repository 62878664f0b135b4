"""Made data: repeatable, extended without changing what was there, and driven by every covariate they name."""

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.catalogue import load_dataset
from forecast.datasets.named.entry import DatasetEntry
from forecast.datasets.named.synthetic import SYNTHETIC
from forecast.errors import ConfigError

LEAD = {"trend": 3, "seasons": 1, "regimes": 2, "intermittent": 1}  # steps by which the past covariate runs ahead
WITH_COVARIATES = [entry for entry in SYNTHETIC if entry.roles.future]


@pytest.fixture(params=SYNTHETIC, ids=lambda entry: entry.name)
def entry(request: pytest.FixtureRequest) -> DatasetEntry:
    return request.param


def test_one_seed_gives_one_frame_and_another_seed_another(entry: DatasetEntry) -> None:
    pd.testing.assert_frame_equal(entry.load(seed=3), entry.load(seed=3))
    assert not entry.load(seed=3)["y"].equals(entry.load(seed=4)["y"])


def test_more_steps_and_more_future_leave_the_earlier_rows_as_they_were(entry: DatasetEntry) -> None:
    short, longer = entry.load(steps=60, ahead=0), entry.load(steps=60, ahead=7)
    pd.testing.assert_frame_equal(longer[longer["y"].notna()].reset_index(drop=True), short)
    grown = entry.load(steps=80, ahead=0).groupby("series").head(60).reset_index(drop=True)
    pd.testing.assert_frame_equal(grown, short)


def test_future_rows_carry_the_covariates_known_ahead_and_nothing_else(entry: DatasetEntry) -> None:
    ahead = entry.load(steps=50, ahead=5).groupby("series").tail(5)
    assert ahead["y"].isna().all()
    assert ahead[[*entry.roles.past]].isna().all(axis=None)
    assert ahead[[*entry.roles.future, *entry.roles.static]].notna().all(axis=None)


def test_static_covariates_are_constant_per_series_and_differ_between_series(entry: DatasetEntry) -> None:
    values = entry.load().groupby("series")[[*entry.roles.static]].nunique()
    assert (values == 1).all(axis=None)
    assert all(entry.load()[name].nunique() > 1 for name in entry.roles.static)


@pytest.mark.parametrize("name", [entry.name for entry in WITH_COVARIATES])
def test_every_covariate_moves_the_target(name: str) -> None:
    """Leaving one out of a linear fit makes it significantly worse (F test with a wide margin)."""
    entry = next(entry for entry in SYNTHETIC if entry.name == name)
    frame = entry.load(ahead=0)
    (past,) = entry.roles.past
    frame[past] = frame.groupby("series")[past].shift(LEAD[name])
    frame = frame.dropna()
    for role in entry.roles.static:
        others = [_design(frame[other]) for other in entry.roles.static if other != role]
        assert _f_value(frame["y"].to_numpy(), _design(frame[role]), others) > 15, role
    if name == "seasons":  # days off change homes and offices in opposite ways; homes heat and cool
        frame = frame[frame["customer"] == "home"].assign(temperature=(frame["temperature"] - 18).abs())
    groups = frame.groupby(["series", frame["time"].dt.hour])["y"]
    target = ((frame["y"] - groups.transform("mean")) / groups.transform("std")).to_numpy()
    for role in (past, *entry.roles.future):
        others = [_design(frame[other]) for other in (past, *entry.roles.future) if other != role]
        assert _f_value(target, _design(frame[role]), others) > 15, role


def _f_value(target: np.ndarray, values: np.ndarray, others: list[np.ndarray]) -> float:
    without, whole = _residual(others, target), _residual([*others, values], target)
    return (without - whole) / values.shape[1] / (whole / len(target))


def _design(column: pd.Series) -> np.ndarray:
    """Centred numbers, or an indicator per category but the first."""
    if column.dtype.kind == "f":
        return (column - column.mean()).to_numpy()[:, None]
    return pd.get_dummies(column, drop_first=True).to_numpy(float)


def _residual(columns: list[np.ndarray], target: np.ndarray) -> float:
    design = np.concatenate([np.ones((len(target), 1)), *columns], axis=1)
    fitted = design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(np.square(target - fitted).sum())


def test_intermittent_demand_is_mostly_zero_and_counted() -> None:
    demand = load_dataset("intermittent", ahead=0)["y"]
    assert 0.5 < (demand == 0).mean() < 0.9
    assert (demand % 1 == 0).all()


def test_seasons_repeat_by_day_and_week() -> None:
    load = load_dataset("seasons", series=2, ahead=0)
    office = load[load["customer"] == "office"]["y"].to_numpy()
    assert np.corrcoef(office[168:], office[:-168])[0, 1] > np.corrcoef(office[60:], office[:-60])[0, 1] + 0.5


def test_regimes_change_the_spread_of_the_target() -> None:
    frame = load_dataset("regimes", ahead=0)
    swing = frame.assign(y=frame["y"] / frame["capacity"]).groupby("mode")["y"].std()
    assert swing["rush"] > 2 * swing["idle"]


@pytest.mark.parametrize("wrong", [{"series": 0}, {"steps": 1}, {"ahead": -1}, {"seed": -1}])
def test_impossible_sizes_are_refused_by_name(entry: DatasetEntry, wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))}=.*less than"):
        entry.load(**wrong)
