"""What a stream takes, what it refuses, and that it is what it was when it has refused."""

import numpy as np
import pandas as pd
import polars
import pytest

from forecast import LSTMForecaster, TransformerForecaster, load
from forecast.errors import ConfigError, DataError, NotFittedError

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def hourly(data) -> pd.Series:
    return data.series()


@pytest.fixture(scope="module")
def model(fit, data, hourly):
    return fit("lstm", hourly[: data.FITTED], patch=3)


@pytest.fixture(scope="module")
def shops(fit, data):
    frame = data.covariates()[["shop", "when", "sold"]]
    roles = {name: data.ROLES[name] for name in ("time", "target", "id")}
    return fit(
        "hybrid-learned", data.known_at(data.covariates(), data.FITTED, 0)[["shop", "when", "sold"]], patch=3, **roles
    ), frame


# ---------------------------------------------------------------- many ways to say the same


def test_many_rows_at_once_say_what_they_say_one_by_one(model, hourly, data):
    first = data.FITTED
    one, other = model.stream(hourly[:first]), model.stream(hourly[:first])
    for chunk in (2, 3, 12, 1, 25, 10, 5):  # lookback 12: within an anchor, on one, over one and over two
        for step in range(first, first + chunk):
            wanted = one.update(hourly.iloc[step])
        rows = hourly[first : first + chunk]
        found = other.update(rows if rows.notna().iloc[-1] else rows.to_numpy())
        pd.testing.assert_series_equal(found, wanted, **CLOSE)
        assert one.age.tolist() == other.age.tolist()
        first += chunk


def test_numbers_mappings_and_frames_of_any_library_are_the_same(shops, data):
    model, frame = shops
    first = data.FITTED + 12
    before, rows = frame[frame["when"] < frame["when"][first]], frame[frame["when"] == frame["when"][first]]
    rows = rows.fillna({"sold": 9.0})
    wanted = model.stream(before).update(rows)
    mapping = {"sold": rows["sold"].tolist()}
    for given in (
        rows.sample(frac=1, random_state=1),
        polars.from_pandas(rows),
        rows["sold"].to_numpy(),
        rows["sold"].tolist(),
        rows[["sold"]].to_numpy().T,
        mapping,
        mapping | {"shop": ["a", "b", "c"], "when": rows["when"].iloc[0]},
        {name: values[::-1] for name, values in rows.to_dict("list").items()},
    ):
        pd.testing.assert_frame_equal(model.stream(before).update(given), wanted, **CLOSE)


def test_skipped_times_are_unobserved_steps(model, hourly, data):
    first = data.FITTED
    one, other = model.stream(hourly[:first]), model.stream(hourly[:first])
    one.update([np.nan, np.nan, 9.0])
    other.update(pd.Series([9.0], index=hourly.index[first + 2 : first + 3], name="load"))
    pd.testing.assert_series_equal(other.forecast(), one.forecast(), **CLOSE)
    gone = hourly[: first + 3].copy()
    gone.iloc[first : first + 3] = [np.nan, np.nan, 9.0]
    assert one.forecast().index.equals(model.predict(gone).index)


def test_series_may_come_one_at_a_time(shops, data):
    model, frame = shops
    start = frame["when"].iloc[data.FITTED]
    before, after = frame[frame["when"] < start], frame[frame["when"] >= start].dropna()
    together = model.stream(before)
    rng = np.random.default_rng(0)
    came = {"a": 0, "b": 0, "c": 0}
    for name in rng.choice(["a", "b", "c"], 60, p=[0.6, 0.3, 0.1]):
        row = after[after["shop"] == name].iloc[came[name] : came[name] + 1]
        came[name] += 1
        found = together.update(row)
        assert found["shop"].unique().tolist() == [name]
    for name in came:
        alone = model.stream(before[before["shop"] == name])
        for step in range(came[name]):
            wanted = alone.update(after[after["shop"] == name].iloc[step : step + 1])
        found = together.forecast()
        found = found[found["shop"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, wanted, **CLOSE)


def test_an_id_of_several_columns_is_one(fit, data):
    frame = data.covariates()[["shop", "town", "when", "sold"]]
    nth = frame.groupby("shop").cumcount()
    model = fit("lstm", frame[nth < data.FITTED], patch=3, id="shop,town", target="sold", time="when")
    row = frame[(nth == data.FITTED) & (frame["shop"] == "b")].fillna({"sold": 9.0})
    wanted = model.stream().update(row)
    pd.testing.assert_frame_equal(model.stream().update(row.iloc[0].to_dict()), wanted, **CLOSE)
    assert wanted[["shop", "town"]].iloc[0].tolist() == ["b", "Bath"]


def test_every_shape_of_data_streams_in_its_own_shape(fit, data):
    values = np.stack([data.series().fillna(9.0), 2 * data.series().fillna(8.0)], axis=1)
    first, times = data.FITTED, data.series().index
    wide = pd.DataFrame(values, columns=["north", "south"], index=times)
    array = fit("lstm", values[:first], patch=3)
    flat = fit("lstm", values[:first, 0], patch=3)
    table = fit("lstm", wide[:first], patch=3)
    both = fit("lstm", data.channels()[:first], patch=3, target=("one", "two"), time="day")
    found = {
        name: model.stream() for name, model in (("array", array), ("flat", flat), ("wide", table), ("both", both))
    }
    for step in range(first, first + 12):
        answers = {
            "array": found["array"].update(values[step]),
            "flat": found["flat"].update(values[step, 0]),
            "wide": found["wide"].update(wide[step : step + 1]),
            "both": found["both"].update(data.channels().iloc[step][["one", "two"]].to_dict()),
        }
    np.testing.assert_allclose(answers["array"], array.predict(values[: first + 12]), **CLOSE)
    np.testing.assert_allclose(answers["flat"], flat.predict(values[: first + 12, 0]), **CLOSE)
    pd.testing.assert_frame_equal(answers["wide"], table.predict(wide[: first + 12]), **CLOSE)
    pd.testing.assert_frame_equal(answers["both"], both.predict(data.channels()[: first + 12]), **CLOSE)
    with pytest.raises(DataError, match="no value of any series"):
        found["wide"].update({})
    again = found["wide"].update(wide.iloc[first + 12])
    assert again.index[0] == times[first + 13]


@pytest.mark.parametrize("transform", ["log1p", "box-cox"])
def test_transforms_and_bounds_apply(fit, data, hourly, transform):
    first = data.FITTED
    model = fit("lstm", hourly[:first], patch=3, transform=transform, lower=9.0, upper=11.0)
    stream = model.stream(hourly[:first])
    for step in range(first, first + 12):
        found = stream.update(hourly.iloc[step], levels=(0.1, 0.9))
        assert found["q0.1"].min() >= 9 and found["q0.9"].max() <= 11
    wanted = model.predict(hourly[: first + 12], levels=(0.1, 0.9))
    pd.testing.assert_frame_equal(found, wanted, **CLOSE)


# ---------------------------------------------------------------- where it starts


def test_a_loaded_model_streams_from_the_end_of_its_training(model, hourly, data, tmp_path):
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    first = data.FITTED
    stream = loaded.stream()
    pd.testing.assert_series_equal(stream.forecast(), model.predict(), **CLOSE)
    other = model.stream(hourly[:first])
    for step in range(first, first + 20):
        found, wanted = stream.update(hourly.iloc[step]), other.update(hourly.iloc[step])
        pd.testing.assert_series_equal(found, wanted, rtol=1e-3)  # the whole of training is not known any more


def test_a_series_shorter_than_the_lookback_streams(model, hourly):
    short = hourly[48:55].fillna(9.0)
    stream = model.stream(short)
    pd.testing.assert_series_equal(stream.forecast(), model.predict(short), **CLOSE)
    for step in range(55, 67):
        found = stream.update(hourly.fillna(9.0).iloc[step])
    pd.testing.assert_series_equal(found, model.predict(hourly[48:67].fillna(9.0)), **CLOSE)


def test_a_series_that_starts_is_anchored_whenever_its_steps_have_doubled(fit, data):
    model = fit("lstm", data.series()[: data.FITTED], lookback=30, tokens="steps")
    values = data.series().ffill().bfill()
    stream = model.stream(values[:1])
    anchors = []
    for end in range(2, 62):
        found = stream.update(values.iloc[end - 1])
        if not stream.age[0]:
            anchors.append(end)
            pd.testing.assert_series_equal(found, model.predict(values[:end]), **CLOSE)
    assert anchors == [2, 4, 8, 16, 46]  # 16 is more than half of the lookback of 30


def test_after_an_outage_the_scale_is_that_of_what_comes_then(fit, data):
    model = fit("lstm", data.series()[: data.FITTED], patch=3)
    values = data.series().ffill()
    one, other = model.stream(values[: data.FITTED]), model.stream(values[: data.FITTED])
    for value in (*[np.nan] * 30, 5.0, 6.0, 7.0):
        found = one.update(value)
    pd.testing.assert_series_equal(other.update([*[np.nan] * 30, 5.0, 6.0, 7.0]), found, **CLOSE)
    history = pd.concat([values[: data.FITTED], values[data.FITTED : data.FITTED + 32] * np.nan])
    history.iloc[-2:] = [5.0, 6.0]
    stream = model.stream(history)
    assert stream.age.tolist() == [0] and one.age.tolist() == other.age.tolist() == [1]
    pd.testing.assert_series_equal(stream.update(7.0), found, **CLOSE)


def test_another_fit_does_not_change_a_stream(fit, hourly, data):
    model = fit("lstm", hourly[: data.FITTED], patch=3)
    one, other = model.stream(), model.stream()
    wanted = [one.update(value) for value in (9.0, 9.5)]
    other.update(9.0)
    with_others = dict(model.network_.named_parameters())
    model.fit(100 * hourly[: data.FITTED])
    for parameter in with_others.values():
        parameter.data.zero_()
    pd.testing.assert_series_equal(other.update(9.5), wanted[-1])


def test_it_holds_no_more_after_many_rows_than_after_some(fit, hourly, data):
    def numbers(stream) -> int:
        carried = [part.numel() for state in stream._phases.carried for part in state or ()]
        window = [part.numel() for part in vars(stream._segments.window).values() if part is not None]
        return sum(carried) + sum(window) + sum(part.size for part in stream._tape.columns.values())

    stream = fit("hybrid-learned", hourly[: data.FITTED], patch=3).stream()
    held = []
    for rows in (100, 400):
        for value in np.random.default_rng(0).normal(9, size=rows):
            stream.update(value)
        held.append(numbers(stream))
    assert held[0] == held[1]


# ---------------------------------------------------------------- what is refused


def rows(*times: str, name: str = "load") -> pd.Series:
    index = pd.DatetimeIndex(times).tz_localize("UTC")
    return pd.Series(9.0, index=index, name=name)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (rows("2024-01-03 11:00"), DataError, "not after its last one at 2024-01-03 11:00"),
        (rows("2024-01-03 11:00", "2024-01-03 12:00"), DataError, "not after its last one"),
        (rows("2023-12-31 11:00"), DataError, "not after its last one"),
        (rows("2124-01-03 12:00"), DataError, "876,576 steps after its last one"),
        (rows("2024-01-03 12:30"), DataError, "not on the stream's grid"),
        (rows("2024-01-03 12:00", "2024-01-03 12:00").mul([1, 2]), DataError, "stands 2 times"),
        (rows("2024-01-03 12:00") * np.inf, DataError, "infinite"),
        (rows("2024-01-03 12:00") * np.nan, DataError, "no value"),
        (np.inf, DataError, "the new row holds a value that is infinite"),
        ("nine", DataError, "nine"),
        (["nine"], DataError, "no number"),
        ([], ConfigError, "do not fit"),
        (np.ones((2, 2)), ConfigError, "do not fit"),
        ({}, DataError, "no 'load'"),
        ({"load": 9.0, "lod": 8.0}, ConfigError, "unknown column 'lod'"),
        ({"load": [9.0, 8.0]}, DataError, "2 values for 1 series"),
        ({"load": "nine"}, DataError, "no number"),
        (None, ConfigError, "no new rows"),
    ],
)
def test_a_refused_update_leaves_the_stream_as_it_was(model, hourly, data, given, error, said):
    one, other = model.stream(hourly[: data.FITTED]), model.stream(hourly[: data.FITTED])
    with pytest.raises(error, match=said):
        one.update(given)
    with pytest.raises(ConfigError, match="outside the trained levels"):
        one.update(9.0, levels=(0.001,))
    pd.testing.assert_series_equal(one.forecast(), other.forecast())
    for value in (9.1, 9.2, 9.3):
        pd.testing.assert_series_equal(one.update(value), other.update(value))


def test_a_value_outside_the_transform_is_refused(fit, hourly, data):
    model = fit("lstm", hourly[: data.FITTED], patch=3, transform="box-cox")
    stream = model.stream()
    with pytest.raises(DataError, match="targets above 0"):
        stream.update(-1.0)
    pd.testing.assert_series_equal(stream.forecast(), model.predict(), **CLOSE)


def test_unknown_series_and_contradictions_are_refused(fit, data):
    frame, first = data.covariates(), data.FITTED
    model = fit("lstm", data.known_at(frame, first, 4), patch=3, **data.ROLES)
    stream = model.stream()
    wanted = stream.forecast()
    row = data.known_at(frame, first + 1, 4).groupby("shop").nth(first).fillna({"sold": 9.0})
    for change, said in (
        ({"shop": "z"}, "'z' is not in this stream"),
        ({"price": 77.0}, "contradict what was given before of 'price'"),
        ({"size": 9.0}, "contradict what was given before of 'size'"),
    ):
        with pytest.raises(DataError, match=said):
            stream.update(row.iloc[:1].assign(**change))
    with pytest.raises(DataError, match="3 rows of price, offer after its last target, the forecast needs 4"):
        stream.update(row)
    with pytest.raises(DataError, match="no 'visits'"):
        stream.update({"sold": [9.0] * 3, "mood": ["good"] * 3})
    with pytest.raises(DataError, match="contradict what was given before of 'town'"):
        stream.update({"shop": "a", "sold": 9.0, "visits": 1.0, "mood": "good", "town": "Bath"})
    with pytest.raises(ConfigError, match="past covariates"):
        stream.update([9.0] * 3)
    with pytest.raises(DataError, match="which of 3 series"):
        stream.update({"sold": 9.0, "visits": 1.0, "mood": "good"})
    pd.testing.assert_frame_equal(stream.forecast(), wanted)


def test_what_is_known_ahead_comes_alone_too(fit, data):
    frame, first = data.covariates(), data.FITTED
    known = data.known_at(frame, first, 4)
    model = fit("lstm", known, patch=3, **data.ROLES)
    stream = model.stream(known[known["sold"].notna() | (known["when"] < frame["when"][first])])
    with pytest.raises(DataError, match="0 rows of price, offer"):
        stream.forecast()
    ahead = known.groupby("shop").tail(4)[["shop", "when", "price", "offer"]]
    pd.testing.assert_frame_equal(stream.update(future_data=ahead), model.predict(), **CLOSE)
    year = data.covariates(400).groupby("shop").tail(400 - first)[["shop", "when", "price", "offer"]]
    model.stream(known[known["when"] < frame["when"][first]]).update(future_data=year)  # more than any anchor needs


def test_networks_that_read_both_ways_are_refused(fit, hourly, data):
    model = TransformerForecaster(horizon=4, season=6, hidden_size=8, heads=2, max_steps=1, architecture="encoder")
    with pytest.raises(NotFittedError):
        model.stream()
    with pytest.raises(ConfigError, match="in both directions"):
        model.fit(hourly[: data.FITTED]).stream()


def test_rows_without_a_calendar_are_refused(data):
    frame = data.series().dropna().iloc[::2]
    model = LSTMForecaster(horizon=4, season=6, hidden_size=8, max_steps=1, freq="rows").fit(frame)
    with pytest.raises(ConfigError, match="freq='rows'"):
        model.stream()


# ---------------------------------------------------------------- calendars


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2010-01-31", periods=80, freq="ME"),
        pd.date_range("2010-03-31", periods=80, freq="QE"),
        pd.date_range("2024-01-02", periods=80, freq="B"),
        pd.date_range("2024-01-07 09:00", periods=80, freq="W"),
        pd.date_range("2024-03-28", periods=80, freq="h", tz="Europe/Berlin"),
        pd.date_range("2024-02-28", periods=80, freq="D", tz="Europe/Berlin"),
        pd.Index(range(1950, 2030)),
    ],
    ids=["months", "quarters", "business", "weeks", "summer-time-hours", "summer-time-days", "integers"],
)
def test_times_go_on_as_they_do_in_predict(fit, data, times):
    frame = pd.DataFrame({"at": times, "sold": data.series(80).fillna(9.0).to_numpy()})
    model = fit("lstm", frame[: data.FITTED], patch=3, time="at", target="sold")
    one, other = model.stream(frame[: data.FITTED]), model.stream(frame[: data.FITTED])
    for step in range(data.FITTED, data.FITTED + 12):
        found = one.update(frame[step : step + 1])
        named = other.update({"at": times[step], "sold": frame["sold"][step]})
        pd.testing.assert_frame_equal(found, named)
        with pytest.raises(DataError, match="not after its last one"):
            other.update(frame.iloc[step])
    pd.testing.assert_frame_equal(found, model.predict(frame[: data.FITTED + 12]), **CLOSE)
