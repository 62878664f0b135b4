"""What surrounds the fits of ETS, Theta and ARIMA: gaps, origins, seasons, what is kept, and failures."""

import json

import numpy as np
import pytest

from forecast.baselines import ARIMAForecaster, ETSForecaster, ThetaForecaster
from forecast.baselines.ets import ETS
from forecast.baselines.local import Task, solve
from forecast.baselines.processes import solve_all
from forecast.errors import ModelFormatError

KINDS = [ETSForecaster, ThetaForecaster, ARIMAForecaster]
SEASON, HORIZON = 4, 10


def seasonal(length=60, seed=0, level=10.0):
    rng = np.random.default_rng(seed)
    steps = np.arange(length)
    return level + 0.05 * steps + 2 * np.sin(steps * np.pi / 2) + rng.normal(scale=0.5, size=length)


def forecast(model, panel, series, ends, levels=(0.1, 0.9), horizon=HORIZON):
    return model._forecast(panel, np.asarray(series), np.asarray(ends), horizon=horizon, levels=levels)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_from_the_origin_on_do_not_matter(make_panel, learn, kind):
    panel = make_panel([seasonal(), seasonal(seed=1)])
    model = learn(kind(horizon=5, workers=1), panel.cut(np.array([40, 40])), season=SEASON)
    disturbed = panel.target.copy()
    disturbed[44:60], disturbed[105:] = 1e9, np.nan
    before = forecast(model, panel, [0, 1], [44, 45])
    np.testing.assert_array_equal(before, forecast(model, panel.with_target(disturbed), [0, 1], [44, 45]))


@pytest.mark.parametrize("kind", KINDS)
def test_windows_of_one_series_together_are_the_windows_one_by_one(make_panel, learn, kind):
    values = seasonal(70)
    values[[20, 21, 44, 45, 46]] = np.nan  # an origin inside a gap must not see how the gap is closed
    panel = make_panel([values])
    model = learn(kind(horizon=5, workers=1), panel.cut(np.array([40])), season=SEASON)
    ends = [40, 46, 60, 70]
    together = forecast(model, panel, [0] * 4, ends)
    for row, end in zip(together, ends, strict=True):
        np.testing.assert_allclose(row, forecast(model, panel, [0], [end])[0], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_forecast_after_a_gap_starts_from_the_last_observed_value(make_panel, learn, kind):
    values = seasonal(60)
    panel = make_panel([np.append(values, [np.nan] * 3 + [1.0])])
    model = learn(kind(horizon=5, workers=1), panel.cut(np.array([60])), season=SEASON)
    later, sooner = forecast(model, panel, [0], [63], horizon=4), forecast(model, panel, [0], [60], horizon=7)
    np.testing.assert_allclose(later, sooner[:, 3:], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_offset_only_shifts_the_forecast(make_panel, learn, kind):
    values = seasonal() - 11.0
    results = []
    for shift in (0.0, 1e9):
        panel = make_panel([values + shift])
        results.append(forecast(learn(kind(horizon=6, workers=1), panel, season=SEASON), panel, [0], [60]) - shift)
    np.testing.assert_allclose(results[0], results[1], atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_constant_and_very_short_series_are_forecast_without_a_model(make_panel, learn, kind):
    panel = make_panel([np.full(30, 5.0), [3.0], [1.0, 2.0], np.arange(7.0), [np.nan, np.nan]])
    model = learn(kind(horizon=3, workers=1), panel, season=SEASON)
    result = forecast(model, panel, range(5), panel.ends, horizon=3)
    np.testing.assert_array_equal(result[0], np.full((3, 1, 3), 5.0))
    np.testing.assert_array_equal(result[1], np.full((3, 1, 3), 3.0))
    assert np.isfinite(result[:4]).all() and np.isnan(result[4, ..., 0]).all()
    assert "fallbacks" not in model.report_


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_learned_survives_json_and_arrays(make_panel, learn, kind):
    panel = make_panel([seasonal(), np.full(9, 2.0), np.stack([seasonal(seed=2)]).ravel()], ids=[1, 2, 7])
    model = learn(kind(horizon=4, workers=1), panel, season=SEASON)
    state, arrays = model._state()
    again = kind(horizon=4, workers=1)
    again.season_, again.report_ = SEASON, {}
    again._restore(json.loads(json.dumps(state)), {name: array.copy() for name, array in arrays.items()})
    window = (range(3), panel.ends)
    np.testing.assert_array_equal(forecast(again, panel, *window), forecast(model, panel, *window))


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_that_is_no_longer_read_is_refused_with_what_to_do(make_panel, learn, kind):
    state, arrays = learn(kind(horizon=4, workers=1), make_panel([seasonal()]), season=SEASON)._state()
    del arrays["stretch"]
    with pytest.raises(ModelFormatError, match="earlier version") as told:
        kind(horizon=4)._restore(state, arrays)
    assert "Fit it again" in told.value.remedy


@pytest.mark.parametrize("kind", KINDS)
def test_another_series_under_a_known_id_is_fitted_by_itself(make_panel, learn, kind):
    known, other = make_panel([seasonal()]), make_panel([50 - 3 * seasonal(seed=9)])
    model = learn(kind(horizon=4, workers=1), known, season=SEASON)
    alone = learn(kind(horizon=4, workers=1), other, season=SEASON)
    np.testing.assert_array_equal(forecast(model, other, [0], [60]), forecast(alone, other, [0], [60]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_tail_long_enough_gives_the_same_forecast(make_panel, learn, kind):
    panel = make_panel([seasonal(90)])
    model = learn(kind(horizon=4, workers=1, context=50), panel, season=SEASON)
    tail = panel.tail(model._context_steps())
    np.testing.assert_array_equal(forecast(model, tail, [0], tail.ends), forecast(model, panel, [0], panel.ends))


@pytest.mark.parametrize("kind", KINDS)
def test_every_channel_is_a_series_of_its_own(make_panel, learn, kind):
    first, second = seasonal(), seasonal(seed=4, level=50.0)
    both, alone = make_panel([np.stack([first, second], axis=1)]), make_panel([second])
    model = learn(kind(horizon=4, workers=1), both, season=SEASON)
    expected = forecast(learn(kind(horizon=4, workers=1), alone, season=SEASON), alone, [0], [60])
    np.testing.assert_allclose(forecast(model, both, [0], [60])[:, :, 1], expected[:, :, 0], rtol=1e-4)


def test_a_long_season_is_taken_out_and_put_back(make_panel, learn):
    steps = np.arange(400)
    values = 100 + 10 * np.sin(2 * np.pi * steps / 48) + np.random.default_rng(0).normal(scale=0.5, size=400)
    panel = make_panel([values])
    for kind in KINDS:
        model = learn(kind(horizon=48, workers=1), panel.cut(np.array([350])), season=48)
        result = forecast(model, panel, [0], [352], horizon=48)
        assert np.abs(result[0, :, 0, 0] - values[352:400]).mean() < 1.0, kind.name


def test_a_series_whose_fit_fails_gets_the_seasonal_naive_forecast_and_is_counted(make_panel, learn, monkeypatch):
    def broken(series, *, season, positive):
        return [np.linalg.LinAlgError("singular") for _ in series]

    monkeypatch.setattr(ETS, "learn", broken)
    panel = make_panel([seasonal()])
    model = learn(ETSForecaster(horizon=8, workers=1), panel, season=SEASON)
    assert model.report_["fallbacks"] == {"LinAlgError: singular": 1}
    np.testing.assert_array_equal(forecast(model, panel, [0], [60], horizon=8)[0, :, 0, 0], np.tile(seasonal()[-4:], 2))


def test_worker_processes_give_what_this_process_gives(monkeypatch):
    tasks = [
        Task(
            method="theta", values=seasonal(seed=s), start=0, ends=np.array([60]), season=SEASON, horizon=3, context=500
        )
        for s in range(6)
    ]
    alone = solve(tasks)
    monkeypatch.setattr("forecast.baselines.processes.STARTUP_SECONDS", 0.0)
    for one, other in zip(alone, solve_all(tasks, workers=2), strict=True):
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-9)


def test_the_estimate_of_seconds_grows_with_series(make_panel):
    few, many = make_panel([seasonal()]), make_panel([seasonal(seed=s) for s in range(40)])
    model = ETSForecaster(horizon=4, season=SEASON, workers=1)
    assert 0 < model.estimate_seconds(few, 1) < model.estimate_seconds(many, 40)


def test_the_search_for_orders_ends_where_nothing_around_white_noise_is_better():
    from forecast.baselines.arima import search

    for seed in range(8):
        orders, coefficients = search(np.random.default_rng(seed).normal(size=12), 2, 0, 1)
        assert (orders.d, orders.D) == (2, 0) and len(coefficients) == orders.count


def test_levels_are_as_wide_as_the_errors_over_the_history_ask_for(make_panel, learn):
    rng = np.random.default_rng(3)
    trends = [rng.normal(scale=0.3, size=70).cumsum().cumsum() + 50 for _ in range(60)]  # that turn all the time
    steady = [10 + rng.normal(size=70) for _ in range(60)]
    inside = {}
    for name, series in {"trends": trends, "steady": steady}.items():
        panel = make_panel(series)
        model = learn(ThetaForecaster(horizon=8, workers=1), panel.cut(panel.ends - 8), season=1)
        assert (np.diff(model.stretch_) >= 0).all() and (model.stretch_ >= 1).all()
        truth = np.stack(series)[:, -8:]
        for kind, stretch in (("stretched", model.stretch_), ("plain", np.ones(1))):
            model.stretch_ = stretch
            result = forecast(model, panel, range(60), panel.ends - 8, levels=(0.05, 0.95), horizon=8)[:, :, 0]
            inside[name, kind] = np.mean((truth >= result[..., 1]) & (truth <= result[..., 2]))
    assert inside["trends", "stretched"] > inside["trends", "plain"] + 0.1
    assert 0.82 < inside["steady", "stretched"] < 0.97


@pytest.mark.parametrize("kind", [ETSForecaster, ThetaForecaster])
@pytest.mark.parametrize("season", [1, 4, 12])
def test_awkward_series_get_finite_ordered_levels_next_to_each_other(make_panel, learn, kind, season):
    rng = np.random.default_rng(0)
    gap = seasonal(60)
    gap[20:30] = np.nan
    awkward = [
        np.zeros(40),
        np.where(rng.random(40) < 0.2, rng.random(40) * 9, 0.0),
        -np.abs(rng.normal(size=40)) * 5 - 3,
        1e12 + 1e9 * rng.normal(size=40).cumsum(),
        1e-9 * np.exp(rng.normal(size=40)),
        np.arange(50.0),
        np.exp(np.arange(60) * 0.3),
        np.tile([1.0, 2.0, 3.0, 4.0], 15),
        np.repeat([1.0, 1e6], 30),
        gap,
        [4.0],
    ]
    panel = make_panel(awkward)
    model = learn(kind(horizon=6, workers=1), panel, season=season)
    result = forecast(model, panel, range(len(awkward)), panel.ends, levels=(0.1, 0.5, 0.9), horizon=6)[:, :, 0, 1:]
    assert np.isfinite(result).all() and (np.diff(result, axis=-1) >= 0).all()
    np.testing.assert_allclose(result[5, :, 1], np.arange(50.0, 56.0), atol=0.05)
    if season in (1, 4):
        assert "fallbacks" not in model.report_
