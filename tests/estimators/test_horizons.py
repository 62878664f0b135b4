"""Shorter and longer horizons than the trained one, from own, newer and unseen data."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ConfigError, DataError

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def test_a_shorter_horizon_is_the_beginning(family, make, data):
    model = make(family).fit(data.long())
    whole, part = model.predict(), model.predict(horizon=3)
    first = whole[whole.groupby("shop").cumcount() < 3].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, first)


def test_a_horizon_that_no_machine_holds_is_refused(make, data):
    model = make("lstm").fit(data.wide())
    for horizon in (10**9, 10**30):
        with pytest.raises(ConfigError, match="too large"):
            model.predict(horizon=horizon)


def test_a_longer_horizon_goes_on_where_the_trained_one_ends(family, make, data):
    model = make(family).fit(data.wide())
    whole, part = model.predict(horizon=11), model.predict()
    assert list(whole["ds"]) == list(data.hours(101)[-11:])
    np.testing.assert_allclose(whole[["north", "south"]].iloc[:4], part[["north", "south"]], rtol=1e-5)
    assert np.isfinite(whole[["north", "south"]].to_numpy()).all()


def test_a_longer_horizon_begins_with_the_very_forecast_of_the_trained_one(family, make, data):
    flat = data.wide()
    flat.loc[flat.index[-20:], "south"] = 50.0  # its last steps alone tell little of its deviation
    model = make(family).fit(flat)
    whole, part = (model.predict(flat, horizon=steps, levels=LEVELS) for steps in (11, 4))
    first = whole[whole.groupby("series").cumcount() < 4].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, first, check_exact=True)


def test_levels_of_a_longer_horizon_never_cross_and_hold_the_forecast_in_the_middle(family, make, data):
    model = make(family, max_steps=20).fit(data.wide())
    answer = model.predict(horizon=15, levels=LEVELS)
    table = answer[[f"q{level:g}" for level in LEVELS]].to_numpy()
    assert (np.diff(table, axis=1) >= 0).all()
    np.testing.assert_allclose(answer["q0.5"], answer["forecast"], rtol=1e-6)
    np.testing.assert_allclose(answer["forecast"], model.predict(horizon=15).melt("ds")["value"], rtol=1e-6)


def test_levels_of_a_longer_horizon_widen_on_a_random_walk(make):
    walk = np.random.default_rng(3).normal(size=600).cumsum()
    model = make("lstm", season=1, lookback=24, patch=4, max_steps=200, hidden_size=16, levels=LEVELS).fit(walk)
    answer = model.predict(horizon=24, levels=LEVELS)
    width = (answer["q0.95"] - answer["q0.05"]).to_numpy().reshape(6, 4).mean(1)
    assert width[-1] > 1.5 * width[0]
    assert (np.diff(width) > -0.1 * width[:-1]).all()


def test_a_longer_horizon_reads_covariates_known_ahead_and_needs_them(family, make, data):
    model = make(family, **data.ROLES).fit(data.covariates())
    answer = model.predict(data.covariates(ahead=9), horizon=9, levels=(0.1, 0.9))
    assert len(answer) == 27 and answer.notna().all().all()
    with pytest.raises(DataError, match="the forecast needs 9"):
        model.predict(data.covariates(ahead=8), horizon=9)


@pytest.mark.parametrize("horizon", [0, -1, 2.5, "a", True])
def test_a_horizon_that_is_none_is_refused(make, data, horizon):
    model = make("lstm", **data.ROLES).fit(data.covariates(ahead=4))
    with pytest.raises(ConfigError, match="is not a whole number of at least 1"):
        model.predict(horizon=horizon)


@pytest.mark.parametrize("kind", ["series", "wide", "long", "covariates", "rows"])
def test_the_training_data_given_again_change_nothing(family, make, data, kind):
    roles = {"covariates": data.ROLES, "long": data.LONG, "rows": {**data.LONG, "freq": "rows"}}.get(kind, {})
    frame = {
        "covariates": lambda: data.covariates(ahead=4, gaps=True),
        "rows": lambda: data.long()[data.long()["when"].dt.hour < 10],
    }.get(kind, getattr(data, kind if kind != "rows" else "long"))()
    model = make(family, **roles).fit(frame)
    one, two = model.predict(levels=LEVELS), model.predict(frame, levels=LEVELS)
    pd.testing.assert_frame_equal(one, two, rtol=1e-4, atol=1e-4)


def test_a_series_that_ends_flat_is_forecast_alike_from_the_context_and_from_all_data(make, data):
    flat = data.series()
    flat.iloc[-20:] = 5.0
    model = make("lstm", max_steps=20).fit(flat)
    one, two = model.predict(levels=LEVELS), model.predict(flat, levels=LEVELS)
    pd.testing.assert_frame_equal(one, two, rtol=1e-4)
    long_one, long_two = (model.predict(given, horizon=9, levels=LEVELS) for given in (None, flat))
    pd.testing.assert_frame_equal(long_one, long_two, rtol=1e-4)


def test_newer_data_move_the_origin_without_a_new_fit(family, make, data):
    model = make(family).fit(data.series(90))
    moved = model.predict(data.series(100))
    assert moved.index[0] == data.hours(101)[-1]
    tail = model.predict(data.series(100).iloc[-30:])
    np.testing.assert_allclose(moved, tail, rtol=1e-3)
    assert list(model.predict().index) == list(data.hours(94)[-4:])  # what was learned stays


def test_unseen_series_are_forecast_beside_known_ones(family, make, data):
    model = make(family, **data.LONG, series_embedding=True).fit(data.long())
    newcomer = data.long(40)[lambda frame: frame["shop"] == "a"].assign(shop="new")
    newcomer["sold"] = newcomer["sold"] * 1000
    answer = model.predict(pd.concat([data.long(), newcomer]))
    assert answer["shop"].unique().tolist() == ["a", "b", "c", "new"]
    known = model.predict()
    np.testing.assert_allclose(answer["sold"].iloc[:12], known["sold"], rtol=1e-4)
    assert answer["sold"].iloc[12:].between(2000, 8000).all()


def test_a_series_much_shorter_than_the_lookback_is_forecast(family, make, data):
    frame = pd.concat([data.long(), data.long(2)[lambda f: f["shop"] == "a"].assign(shop="tiny")])
    model = make(family, **data.LONG).fit(frame)
    answer = model.predict(levels=LEVELS)
    assert answer.notna().all().all() and (answer["shop"] == "tiny").sum() == 4
    assert any("fewer than" in note["message"] for note in model.report_["notes"])


def test_a_lookback_beyond_all_data_is_told_with_the_longest_series(make, data):
    frame = data.long()
    for asked, told in ((90, 0), (120, 1)):
        notes = make("lstm", **data.LONG, lookback=asked).fit(frame).report_["notes"]
        found = [note for note in notes if note["topic"] == "lookback"]
        assert len(found) == told
    assert found[0]["message"].startswith("lookback=120 is longer than the longest series, of 90 steps")


def test_short_series_are_forecast_alike_alone_and_in_company(make, data):
    """Calendar features of the padding would tell where other series start."""
    short = data.long(8)[lambda f: f["shop"] == "a"].assign(shop="short")
    short["when"] = short["when"] + pd.Timedelta(hours=60)
    model = make("lstm", **data.LONG, max_steps=20).fit(data.long())
    alone = model.predict(short)
    company = model.predict(pd.concat([data.long(), short]))
    np.testing.assert_allclose(company["sold"].iloc[12:], alone["sold"], rtol=1e-5)
