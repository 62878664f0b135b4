"""Measures of forecasts that are there already: the same as a backtest's own, whatever their frame looks like."""

import math

import numpy as np
import pandas as pd
import pytest

from forecast.baselines.naive import SeasonalNaiveForecaster
from forecast.errors import ConfigError, DataError
from forecast.evaluation import Backtest, backtest, evaluate, metrics

LEVELS = (0.1, 0.5, 0.9)


def daily(*, series: int = 3, days: int = 60) -> pd.DataFrame:
    """Series of different lengths with a missing target."""
    rng = np.random.default_rng(2)
    parts = [
        pd.DataFrame({"store": f"s{i}", "day": pd.date_range("2024-01-01", periods=days - 7 * i), "sold": 5.0})
        for i in range(series)
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["sold"] += rng.normal(size=len(frame)).round(2)
    frame.loc[days - 3, "sold"] = np.nan
    return frame


def judged(frame: pd.DataFrame, **options) -> Backtest:
    forecaster = SeasonalNaiveForecaster(horizon=4, season=7, target="sold", levels=LEVELS)
    return backtest(forecaster, frame, folds=5, step=2, **options)


def same(found: dict[str, float], expected: dict[str, float]) -> None:
    assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("gap", [0, 3])
def test_the_frame_of_a_backtest_has_the_measures_of_the_backtest(gap):
    data = daily()
    result = judged(data, gap=gap)
    again = Backtest.from_frame(result.frame(), data, target="sold", season=7)
    same(again.metrics(), result.metrics())
    for by in ("series", "step", "fold", "target"):
        pd.testing.assert_frame_equal(again.metrics(by), result.metrics(by))
    pd.testing.assert_frame_equal(again.frame(), result.frame())
    assert (again.horizon, again.gap, again.step, again.folds, again.fits) == (4, gap, 2, 5, 0)


def test_the_order_of_rows_and_columns_does_not_matter():
    data = daily()
    result = judged(data)
    shuffled = result.frame().sample(frac=1, random_state=1).sample(frac=1, random_state=1, axis=1)
    same(evaluate(shuffled, data, target="sold", season=7), result.metrics())


def test_forecasts_may_come_from_a_file(tmp_path):
    data = daily()
    result = judged(data)
    result.frame().to_csv(tmp_path / "forecasts.csv", index=False)
    data.to_csv(tmp_path / "data.csv", index=False)
    found = evaluate(tmp_path / "forecasts.csv", tmp_path / "data.csv", target="sold", season=7)
    assert found == pytest.approx(result.metrics(), rel=1e-9, nan_ok=True)


def test_without_the_data_the_actuals_beside_the_forecasts_count_and_nothing_is_scaled():
    result = judged(daily(), gap=2)
    found, expected = evaluate(result.frame()), result.metrics()
    scaled = {name for name in expected if name in ("mase", "rmsse") or name.startswith("msis")}
    assert all(math.isnan(found[name]) for name in scaled) and found["unscaled"] == found["count"]
    rest = set(expected) - scaled - {"unscaled"}
    same({name: found[name] for name in rest}, {name: expected[name] for name in rest})


HOURS = pd.date_range("2024-03-25", periods=100, freq="h", tz="Europe/Berlin")  # over a change of the clock
MONTHS = pd.date_range("2015-01-01", periods=50, freq="MS")


@pytest.mark.parametrize(
    ("data", "roles"),
    [
        (pd.DataFrame(np.random.default_rng(0).normal(size=(100, 3)), index=HOURS, columns=["a", "b", "c"]), {}),
        (pd.Series(np.random.default_rng(0).normal(size=100), index=HOURS.tz_localize(None), name="y"), {}),
        (np.random.default_rng(0).normal(size=(90, 2)), {}),
        (np.random.default_rng(0).normal(size=90), {}),
        (
            pd.DataFrame(
                {
                    "store": np.repeat([1, 2], 50),
                    "dept": np.repeat([7, 8], 50),
                    "month": [*MONTHS, *MONTHS],
                    "y": np.random.default_rng(0).normal(size=100),
                }
            ),
            {"id": "store,dept"},
        ),
    ],
    ids=["wide with a zone", "series", "array of two", "array of one", "id of two columns"],
)
def test_every_shape_of_data_makes_the_round_trip_through_a_file(data, roles, tmp_path):
    result = backtest(SeasonalNaiveForecaster(horizon=4, season=7, levels=LEVELS, **roles), data, folds=5, step=3)
    result.frame().to_csv(tmp_path / "folds.csv", index=False)
    for forecasts in (result.frame(), tmp_path / "folds.csv"):
        found = evaluate(forecasts, data, season=7, **roles)
        assert found == pytest.approx(result.metrics(), rel=1e-9, nan_ok=True)


def test_frames_of_other_libraries_name_their_columns_otherwise():
    """Nixtla's cross_validation: unique_id, ds, cutoff, y and a column per model."""
    data = daily().rename(columns={"store": "unique_id", "day": "ds", "sold": "y"})
    result = backtest(SeasonalNaiveForecaster(horizon=4, season=7, levels=()), data, folds=3)
    theirs = result.frame().rename(columns={"origin": "cutoff", "forecast": "SeasonalNaive"}).drop(columns="fold")
    again = Backtest.from_frame(theirs, data, forecast="SeasonalNaive", season=7)
    same(again.metrics(), result.metrics())
    assert again.name == "SeasonalNaive"


def test_forecasts_of_one_origin_need_neither_fold_nor_origin():
    data = daily()
    model = SeasonalNaiveForecaster(horizon=4, season=7, target="sold").fit(data[data.day < "2024-02-01"])
    found = evaluate(model.predict(levels=LEVELS), data, target="sold", season=7)
    frame = model.predict().merge(data, on=["store", "day"])
    assert found["mae"] == pytest.approx((frame.sold_x - frame.sold_y).abs().mean())
    scales = data[data.day < "2024-02-01"].groupby("store").sold.apply(lambda sold: sold.diff(7).abs().mean())
    scaled = (frame.sold_x - frame.sold_y).abs() / frame.store.map(scales)
    assert found["mase"] == pytest.approx(scaled.mean())


def test_several_targets_are_told_by_their_column():
    rng = np.random.default_rng(0)
    times = pd.date_range("2024", periods=50, freq="h")
    data = pd.DataFrame({"time": times, "a": rng.normal(size=50), "b": rng.normal(5, 1, size=50)})
    result = backtest(SeasonalNaiveForecaster(horizon=3, season=2, target=("a", "b"), levels=LEVELS), data, folds=4)
    same(evaluate(result.frame(), data, target=("a", "b"), season=2), result.metrics())
    alone = evaluate(result.frame(), by="target")
    np.testing.assert_allclose(alone.loc[["a", "b"], "mae"], result.metrics("target")["mae"])


def test_rows_without_a_regular_grid_are_found_by_their_times():
    rng = np.random.default_rng(0)
    times = pd.DatetimeIndex(np.sort(rng.choice(pd.date_range("2024", periods=400, freq="D"), 60, replace=False)))
    data = pd.DataFrame({"id": ["x"] * 60 + ["z"] * 60, "time": times.append(times + pd.Timedelta("1h"))})
    data["y"] = rng.normal(size=120)
    result = backtest(SeasonalNaiveForecaster(horizon=3, season=2, freq="rows"), data, folds=4)
    same(evaluate(result.frame(), data, freq="rows", season=2), result.metrics())


def test_steps_that_were_not_forecast_do_not_count():
    data = daily()
    frame = judged(data).frame()
    kept = frame.drop(index=[0, 7, 30])
    found = evaluate(kept, data, target="sold", season=7)
    assert found["count"] == kept.actual.notna().sum()
    assert found["mae"] == pytest.approx((kept.actual - kept.forecast).abs().mean())
    assert found["wql"] == pytest.approx(metrics.wql(kept.actual, kept[["q0.1", "q0.5", "q0.9"]], LEVELS))


def test_forecasts_whose_truth_has_not_come_yet_do_not_count():
    data = daily()
    frame = judged(data).frame()
    before = data[data.groupby("store").day.transform("max") - data.day >= pd.Timedelta("2D")]
    found = evaluate(frame, before, target="sold", season=7)
    assert 0 < found["count"] < frame.actual.notna().sum() and math.isfinite(found["mae"])
    with pytest.raises(DataError, match="no actual of any forecast has come yet"):
        last = frame[(frame.fold == 4) & (frame.store == "s0")]
        evaluate(last, data[data.day <= last.origin.iloc[0]], target="sold")


def test_windows_with_more_holes_than_forecasts_are_refused():
    days = pd.date_range("2024-01-01", periods=80_000, freq="D")
    data = pd.DataFrame({"day": days, "sold": np.arange(80_000.0)})
    frame = pd.DataFrame({"day": days[[5, -1]], "forecast": 1.0})
    with pytest.raises(DataError, match="some windows span 79,995 steps, on average they hold 2 forecasts"):
        evaluate(frame, data)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: f.drop(columns="forecast"), "no column 'forecast' for the forecast"),
        (lambda f: f.assign(forecast="many"), "column 'forecast' of the forecasts does not hold numbers"),
        (lambda f: f.drop(columns="day"), "no column 'day' for the time"),
        (lambda f: f.assign(store="s9"), "series 's9' of the forecasts is not among the actuals"),
        (lambda f: f.assign(day=f.day + pd.Timedelta("1h")), "not on the grid"),
        (lambda f: f.assign(day="soon"), "column 'day' of the forecasts does not hold times"),
        (lambda f: f.assign(day=f.origin), "not later than its origin"),
        (lambda f: pd.concat([f, f[:1]], ignore_index=True), r"row 60 forecasts a step that another row has"),
        (lambda f: f.drop(columns=["fold", "origin"]), "another row has forecast"),
        (lambda f: f.assign(fold=0), "several origins of one series"),
        (lambda f: f.assign(origin=f.origin - pd.Timedelta("90D")), "begin after an origin of its forecasts"),
        (lambda f: f.assign(day=f.day.where(f.index != 4)), "row 4 of the forecasts has no day"),
    ],
)
def test_frames_that_cannot_be_used_are_refused_with_the_place(spoil, says):
    data = daily()
    with pytest.raises(DataError, match=says):
        evaluate(spoil(judged(data).frame()), data, target="sold", season=7)


def test_an_unknown_role_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'target'"):
        evaluate(judged(daily()).frame(), daily(), taget="sold")
