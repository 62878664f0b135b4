"""Covariates of every kind reach the forecast; what is missing of them is refused by name."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import DataError


@pytest.mark.parametrize("gaps", [False, True])
def test_every_family_takes_covariates_of_every_kind(family, make, data, gaps):
    frame = data.covariates(ahead=4, gaps=gaps)
    model = make(family, **data.ROLES, series_embedding=True).fit(frame)
    answer = model.predict(levels=(0.1, 0.5, 0.9))
    assert len(answer) == 12 and answer.notna().all().all()
    expected = frame.groupby("shop")["when"].nth(slice(-4, None))
    assert sorted(answer["when"]) == sorted(expected)


def changed(frame: pd.DataFrame, name: str, rows: pd.Series) -> pd.DataFrame:
    other = frame.copy()
    if other[name].dtype.kind == "f":
        other.loc[rows, name] = other.loc[rows, name] + 3
    else:
        words = sorted(other[name].dropna().unique())
        other.loc[rows, name] = other.loc[rows, name].map(lambda word: words[(words.index(word) + 1) % len(words)])
    return other


def test_what_is_known_is_read_and_what_is_not_known_yet_is_not(family, make, data):
    frame = data.covariates(ahead=4)
    nth = frame.groupby("shop").cumcount()
    model = make(family, **data.ROLES, max_steps=20).fit(frame)
    base = model.predict(frame)["sold"].to_numpy()

    def moves(name: str, rows: pd.Series) -> bool:
        return not np.array_equal(model.predict(changed(frame, name, rows))["sold"].to_numpy(), base)

    before, ahead = (nth >= 84) & (nth < 90), nth >= 90
    for name in ("visits", "mood", "price", "offer"):
        assert moves(name, before), name
    for name in ("price", "offer"):
        assert moves(name, ahead), name
    for name in ("size", "town"):
        assert moves(name, nth >= 0), name
    frame["visits"] = frame["visits"].fillna(1e6)  # values of a past covariate after the origin are not read
    np.testing.assert_array_equal(model.predict(frame)["sold"], base)


def test_future_covariates_may_come_as_a_second_frame(make, data):
    whole = data.covariates(ahead=4)
    later = whole.groupby("shop").cumcount() >= 90
    model = make("hybrid", **data.ROLES).fit(whole[~later])
    expected = model.predict(whole)["sold"].to_numpy()
    ahead = whole.loc[later, ["shop", "when", "price", "offer"]]
    np.testing.assert_allclose(model.predict(future_data=ahead)["sold"], expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(whole[~later], future_data=ahead)["sold"], expected, rtol=1e-5)
    both = make("hybrid", **data.ROLES).fit(whole[~later], future_data=ahead)
    in_one = make("hybrid", **data.ROLES).fit(whole)
    np.testing.assert_allclose(both.predict()["sold"], in_one.predict()["sold"], rtol=1e-5)


def test_future_covariates_that_are_missing_or_too_short_are_refused(make, data):
    model = make("lstm", **data.ROLES).fit(data.covariates())
    for ask in (lambda: model.predict(), lambda: model.predict(data.covariates())):
        with pytest.raises(DataError, match="has 0 rows of price, offer after its last target, the forecast needs 4"):
            ask()
    with pytest.raises(DataError, match="has 2 rows of price, offer"):
        model.predict(data.covariates(ahead=2))
    with pytest.raises(DataError, match="the forecast needs 9") as caught:
        model.predict(data.covariates(ahead=4), horizon=9)
    assert "--future-data" in caught.value.remedy
    assert len(model.predict(data.covariates(ahead=1), horizon=1)) == 3


@pytest.mark.parametrize("name", ["visits", "mood", "price", "offer", "size", "town"])
def test_a_covariate_column_that_is_gone_is_refused_by_name(make, data, name):
    model = make("lstm", **data.ROLES).fit(data.covariates(ahead=4))
    with pytest.raises(DataError, match=name):
        model.predict(data.covariates(ahead=4).drop(columns=name))


def test_a_category_never_seen_before_is_unknown_not_an_error(make, data):
    model = make("lstm", **data.ROLES).fit(data.covariates(ahead=4))
    frame = data.covariates(ahead=4).assign(town="Oslo", offer="free")
    assert model.predict(frame)["sold"].notna().all()


def test_covariates_that_decide_the_target_are_learned(make, data):
    """The target is the future covariate of its own step: a forecaster that reads it halves the error."""
    rng = np.random.default_rng(0)
    price = rng.normal(size=404)
    frame = pd.DataFrame({"t": data.hours(404), "y": price * 2, "price": price})
    truth = frame["y"].iloc[-4:].to_numpy(copy=True)
    frame.loc[400:, "y"] = np.nan
    settings = {"max_steps": 150, "hidden_size": 16, "calendar": False}
    model = make("lstm", time="t", target="y", future=("price",), **settings).fit(frame)
    assert np.abs(model.predict()["y"] - truth).mean() < 0.4 * np.abs(truth).mean()
