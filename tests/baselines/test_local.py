"""ETS, Theta and ARIMA against statsmodels called directly, and what surrounds their fits."""

import json

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecast.baselines import ARIMAForecaster, ETSForecaster, ThetaForecaster
from forecast.baselines.arima import ARIMA, Orders
from forecast.baselines.ets import ADDITIVE, ETS, MULTIPLICATIVE, _model, _params
from forecast.baselines.local import Task, solve, solve_all
from forecast.baselines.theta import THETA

KINDS = [ETSForecaster, ThetaForecaster, ARIMAForecaster]
SEASON, HORIZON = 4, 10


def seasonal(length=60, seed=0, level=10.0):
    rng = np.random.default_rng(seed)
    steps = np.arange(length)
    return level + 0.05 * steps + 2 * np.sin(steps * np.pi / 2) + rng.normal(scale=0.5, size=length)


def forecast(model, panel, series, ends, levels=(0.1, 0.9), horizon=HORIZON):
    return model._forecast(panel, np.asarray(series), np.asarray(ends), horizon=horizon, levels=levels)


# ---------------------------------------------------------------------- the models themselves


@pytest.mark.parametrize("spec", ADDITIVE + MULTIPLICATIVE)
def test_ets_forecasts_what_statsmodels_forecasts_from_its_own_fit(spec):
    values = seasonal()
    fit = _model(values, spec, SEASON, initialization_method="estimated").fit(disp=False)
    params = _params(fit, spec, SEASON)
    mean, _ = ETS.forecast(values, np.array([60]), spec=spec, params=params, season=SEASON, horizon=HORIZON)
    np.testing.assert_allclose(mean[0], fit.forecast(HORIZON), rtol=1e-6)


@pytest.mark.parametrize("spec", ADDITIVE)
def test_ets_spread_with_additive_errors_is_statsmodels_exact_one(spec):
    values = pd.Series(seasonal(), index=pd.RangeIndex(60))  # intervals are made for pandas alone
    fit = _model(values, spec, SEASON, initialization_method="estimated").fit(disp=False)
    params = _params(fit, spec, SEASON)
    plain, end = values.to_numpy(), np.array([60])
    _, spread = ETS.forecast(plain, end, spec=spec, params=params, season=SEASON, horizon=HORIZON)
    exact = fit.get_prediction(start=60, end=59 + HORIZON).forecast_variance
    np.testing.assert_allclose(spread[0] ** 2 / params[4], exact / fit.mse, rtol=1e-6)


@pytest.mark.parametrize("spec", MULTIPLICATIVE)
def test_ets_spread_with_multiplicative_errors_is_that_of_simulated_paths(spec):
    values = seasonal(level=20.0)
    fit = _model(values, spec, SEASON, initialization_method="estimated").fit(disp=False)
    params = _params(fit, spec, SEASON)
    params[4] = fit.mse
    _, spread = ETS.forecast(values, np.array([60]), spec=spec, params=params, season=SEASON, horizon=HORIZON)
    paths = fit.simulate(HORIZON, anchor="end", repetitions=20_000, rng=np.random.default_rng(0))
    np.testing.assert_allclose(spread[0], np.asarray(paths).std(axis=1), rtol=0.03)


def test_ets_at_a_later_origin_smooths_on_with_the_same_parameters():
    values = seasonal(80)
    fit = _model(values[:60], "AAdA", SEASON, initialization_method="estimated").fit(disp=False)
    params = _params(fit, "AAdA", SEASON)
    mean, _ = ETS.forecast(values, np.array([60, 71]), spec="AAdA", params=params, season=SEASON, horizon=5)
    longer = ETSModel(
        values[:71], error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=SEASON
    ).smooth(fit.params)
    np.testing.assert_allclose(mean, [fit.forecast(5), longer.forecast(5)], rtol=1e-6)


def test_theta_with_the_classical_share_is_statsmodels_theta():
    values = seasonal(61)
    reference = ThetaModel(values, deseasonalize=False).fit()
    params = np.array([reference.params["alpha"], values[0], 0.5, 1.0])
    mean, _ = THETA.forecast(values, np.array([61]), spec="theta", params=params, season=1, horizon=HORIZON)
    np.testing.assert_allclose(mean[0], reference.forecast(HORIZON), rtol=1e-9)


def test_theta_learns_at_least_as_small_errors_as_the_classical_share():
    from forecast.baselines.theta import _errors, _slopes

    values = seasonal(90, seed=3)
    _, params = THETA.learn(values, season=1, positive=True)
    slope = _slopes(values)[-1]
    np.testing.assert_allclose(slope, np.polyfit(np.arange(90), values, 1)[0], rtol=1e-9)
    alpha = ThetaModel(values, deseasonalize=False).fit().params["alpha"]
    ours, classical = params[:3], (alpha, values[0], 0.5)
    assert np.sum(_errors(values, slope, *ours) ** 2) <= np.sum(_errors(values, slope, *classical) ** 2)


@pytest.mark.parametrize(
    "orders", [Orders(2, 1, 1), Orders(1, 0, 1, 1, 0, 1), Orders(0, 1, 1, 0, 1, 1), Orders(1, 0, 0)]
)
def test_arima_forecasts_what_the_full_state_space_model_forecasts(orders):
    values = seasonal(80) - 12.0
    full = SARIMAX(
        values,
        order=(orders.p, orders.d, orders.q),
        seasonal_order=(orders.P, orders.D, orders.Q, SEASON),
        initialization="approximate_diffuse" if orders.d + orders.D == 0 else None,
    )
    coefficients = {(2, 1): [0.4, 0.2, -0.5], (1, 1): [0.5, 0.3, 0.4, -0.2], (0, 1): [-0.4, -0.3], (1, 0): [0.6]}
    chosen = np.array(coefficients[orders.p, orders.q])
    params = np.array([0.0, 0.25, *chosen])
    mean, spread = ARIMA.forecast(
        values, np.array([70, 80]), spec=str(orders), params=params, season=SEASON, horizon=HORIZON
    )
    for end, row, width in zip((70, 80), mean, spread, strict=True):
        reference = full.clone(values[:end]).filter([*chosen, 0.25]).get_forecast(HORIZON)
        np.testing.assert_allclose(row, reference.predicted_mean, atol=2e-3)
        np.testing.assert_allclose(width, reference.se_mean, rtol=2e-3)


def test_arima_finds_the_orders_and_coefficients_of_a_simulated_process():
    rng = np.random.default_rng(5)
    noise = rng.normal(size=600)
    values = np.zeros(600)
    for t in range(2, 600):
        values[t] = 1.2 * values[t - 1] - 0.5 * values[t - 2] + noise[t]
    spec, params = ARIMA.learn(values[100:], season=1, positive=False)
    orders = Orders.parse(spec)
    assert (orders.d, orders.D, orders.P, orders.Q) == (0, 0, 0, 0)
    ahead = ARIMA.forecast(values[100:], np.array([500]), spec=spec, params=params, season=1, horizon=1)[0][0, 0]
    assert ahead == pytest.approx(1.2 * values[-1] - 0.5 * values[-2], abs=0.25)
    assert params[1] == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("text", ["(1,1,2)(0,1,1)", "(0,0,0)(0,0,0)+mean"])
def test_orders_are_read_back_as_they_are_written(text):
    assert str(Orders.parse(text)) == text


# ---------------------------------------------------------------------- around them


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
    np.testing.assert_array_equal(forecast(model, both, [0], [60])[:, :, 1], expected[:, :, 0])


def test_a_long_season_is_taken_out_and_put_back(make_panel, learn):
    steps = np.arange(400)
    values = 100 + 10 * np.sin(2 * np.pi * steps / 48) + np.random.default_rng(0).normal(scale=0.5, size=400)
    panel = make_panel([values])
    for kind in KINDS:
        model = learn(kind(horizon=48, workers=1), panel.cut(np.array([350])), season=48)
        result = forecast(model, panel, [0], [352], horizon=48)
        assert np.abs(result[0, :, 0, 0] - values[352:400]).mean() < 1.0, kind.name


def test_a_series_whose_fit_fails_gets_the_seasonal_naive_forecast_and_is_counted(make_panel, learn, monkeypatch):
    def broken(values, *, season, positive):
        raise np.linalg.LinAlgError("singular")

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
    alone = [solve(task) for task in tasks]
    monkeypatch.setattr("forecast.baselines.local.STARTUP_SECONDS", 0.0)
    for one, other in zip(alone, solve_all(tasks, workers=2), strict=True):
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-9)


def test_the_estimate_of_seconds_grows_with_series(make_panel):
    few, many = make_panel([seasonal()]), make_panel([seasonal(seed=s) for s in range(40)])
    model = ETSForecaster(horizon=4, season=SEASON, workers=1)
    assert 0 < model.estimate_seconds(few, 1) < model.estimate_seconds(many, 40)
