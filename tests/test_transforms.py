"""Transforms and bounds: there and back, order of the levels, refusals, and Guerrero's power by its definition."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecast.datasets.panel import Panel
from forecast.datasets.schema import Schema
from forecast.datasets.timeline import Timeline
from forecast.errors import ConfigError, DataError
from forecast.transforms import POWERS, BoxCox, learn_transform, restore_transform

KINDS = ["none", "log1p", "box-cox"]


def panel_of(*series, ids=None):
    lengths = np.array([len(values) for values in series])
    return Panel(
        schema=Schema(shape="long", time="time", target=("y",), id="id", freq="1"),
        timeline=Timeline(freq="1"),
        ids=pd.Index(ids or [f"s{i}" for i in range(len(series))]),
        starts=np.zeros(len(series), np.int64),
        offsets=np.concatenate([[0], lengths.cumsum()]),
        ends=lengths,
        target=np.concatenate([np.asarray(values, float) for values in series])[:, None],
        past=np.zeros((lengths.sum(), 0)),
        future=np.zeros((lengths.sum(), 0)),
        static=np.zeros((len(series), 0)),
        past_codes=np.zeros((lengths.sum(), 0), np.int64),
        future_codes=np.zeros((lengths.sum(), 0), np.int64),
        static_codes=np.zeros((len(series), 0), np.int64),
    )


def growing(seed=0, length=120):
    """A series whose seasonal swing grows with its level."""
    rng = np.random.default_rng(seed)
    steps = np.arange(length)
    return np.exp(0.02 * steps + 0.3 * np.sin(steps * np.pi / 6) + 0.05 * rng.normal(size=length))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_transformed_comes_back(kind):
    panel = panel_of(growing(0), 1e6 * growing(1), [5.0, np.nan, 7.0])
    transform = learn_transform(kind, panel, season=12)
    target = transform.apply(panel).target
    for s in range(3):
        rows = slice(panel.offsets[s], panel.offsets[s + 1])
        back = transform.invert(target[rows][None, :, :, None], panel, np.array([s]))
        np.testing.assert_allclose(back[0, ..., 0], panel.target[rows], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8))
def test_levels_keep_their_order_and_stay_finite(kind, levels):
    panel = panel_of(growing())
    transform = learn_transform(kind, panel, lower=-5, upper=1e7, season=12)
    free = learn_transform(kind, panel, season=12)
    values = np.sort(levels)[None, None, None]
    for bounded in (transform, free):
        back = bounded.invert(values, panel, np.array([0]))
        assert np.isfinite(back).all() and (np.diff(back) >= 0).all()
    clipped = transform.invert(values, panel, np.array([0]))
    assert clipped.min() >= -5 and clipped.max() <= 1e7


def test_the_panel_is_left_alone_without_a_transform():
    panel = panel_of([1.0, -2.0])
    assert learn_transform("none", panel).apply(panel) is panel


@pytest.mark.parametrize(("kind", "value"), [("log1p", -1.0), ("box-cox", 0.0)])
def test_a_target_outside_the_domain_is_refused_by_series_and_value(kind, value):
    with pytest.raises(DataError, match=rf"(?s)s1.*{value:g}.*add a constant") as error:
        learn_transform(kind, panel_of([1.0, 2.0], [3.0, value, 4.0]))
    assert error.value.where["row"] == 1 and error.value.where["series"] == "s1"


@pytest.mark.parametrize("kind", ["log1p", "box-cox"])
def test_newer_data_outside_the_domain_is_refused_but_rows_after_the_end_are_not(kind):
    transform = learn_transform(kind, panel_of(growing()))
    newer = panel_of([1.0, 2.0, -7.0])
    with pytest.raises(DataError):
        transform.apply(newer)
    known = transform.apply(newer.cut(np.array([2]))).target[:, 0]
    assert np.isfinite(known[:2]).all() and np.isnan(known[2])


def test_rows_after_the_end_do_not_enter_the_power():
    values = growing()
    disturbed = np.where(np.arange(120) < 60, values, 1e9 - np.arange(120) ** 3)
    ends = np.array([60])
    found = [learn_transform("box-cox", panel_of(v).cut(ends), season=12).powers for v in (values, disturbed)]
    assert found[0] == found[1]


def test_the_power_is_the_one_with_the_least_varying_blocks():
    for seed in range(4):
        values = growing(seed, length=125) ** (seed + 1)
        blocks = values[-120:].reshape(10, 12)  # the incomplete first block is left out
        ratios = [blocks.std(axis=1, ddof=1) / blocks.mean(axis=1) ** (1 - p) for p in POWERS]
        expected = POWERS[np.argmin([ratio.std() / ratio.mean() for ratio in ratios])]
        assert learn_transform("box-cox", panel_of(values), season=12).powers["s0"] == expected


def test_box_cox_agrees_with_scipy():
    values = growing()
    panel = panel_of(values)
    for power in (0.0, 0.25, 1.0):
        transform = BoxCox(powers={"s0": power})
        np.testing.assert_allclose(transform.apply(panel).target[:, 0], stats.boxcox(values, power), rtol=1e-12)


def test_constant_and_short_series_are_not_bent():
    powers = learn_transform("box-cox", panel_of(np.full(40, 3.0), [2.0], growing()), season=12).powers
    assert powers["s0"] == powers["s1"] == 1.0 != powers["s2"]


def test_an_unseen_series_gets_the_median_power():
    transform = BoxCox(powers={"a": 0.0, "b": 0.5, "c": 1.0})
    panel = panel_of([4.0], [4.0], ids=["c", "new"])
    np.testing.assert_allclose(transform.apply(panel).target[:, 0], [3.0, 2.0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_transform_survives_json(kind):
    panel = panel_of(growing(0), growing(1))
    transform = learn_transform(kind, panel, lower=-1.0, upper=50.0, season=12)
    state, arrays = transform.state()
    again = restore_transform(json.loads(json.dumps(state)), arrays)
    values = np.linspace(0, 3, 24).reshape(2, 3, 1, 4)
    chosen = np.array([0, 1])
    np.testing.assert_array_equal(again.apply(panel).target, transform.apply(panel).target)
    np.testing.assert_array_equal(again.invert(values, panel, chosen), transform.invert(values, panel, chosen))


def test_crossed_bounds_and_unknown_kinds_are_refused():
    with pytest.raises(ConfigError, match="lower=3 is not below upper=2"):
        learn_transform("none", panel_of([1.0]), lower=3, upper=2)
    with pytest.raises(ConfigError, match="box-cox"):
        learn_transform("boxcox", panel_of([1.0]))
