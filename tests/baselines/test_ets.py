"""ETS against statsmodels called directly."""

import warnings

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from forecast import create
from forecast.baselines.batches import Batch
from forecast.baselines.ets import ADDITIVE, ETS, RELATIVE, begin, count, descend, split
from forecast.baselines.smoothing import loss

SEASON, HORIZON = 4, 10
WORDS = {"A": "add", "M": "mul", "N": None}


def seasonal(length=60, seed=0, level=10.0):
    rng = np.random.default_rng(seed)
    steps = np.arange(length)
    return level + 0.05 * steps + 2 * np.sin(steps * np.pi / 2) + rng.normal(scale=0.5, size=length)


def reference(values, spec, **first):
    return ETSModel(
        values,
        error=WORDS[spec[0]],
        trend=WORDS[spec[1]],
        damped_trend="d" in spec,
        seasonal=WORDS[spec[-1]],
        seasonal_periods=SEASON if spec[-1] != "N" else None,
        **first,
    )


def fitted(values, spec):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return reference(values, spec, initialization_method="estimated").fit(disp=False)


def params_of(fit, spec):
    """What statsmodels found, as ETS keeps it."""
    trended, seasoned = spec[1] == "A", spec[-1] != "N"
    return np.array(
        [
            fit.smoothing_level,
            fit.smoothing_trend if trended else 0.0,
            fit.smoothing_seasonal if seasoned else 0.0,
            fit.damping_trend if "d" in spec else 1.0,
            fit.mse,
            fit.initial_level,
            fit.initial_trend if trended else 0.0,
            *(fit.initial_seasonal if seasoned else ()),
        ]
    )


def forecast(values, ends, spec, params, horizon=HORIZON):
    whole = [(spec, np.append(1.0, params))]
    [answer] = ETS.forecast([values], [np.array(ends)], learned=whole, season=SEASON, horizon=horizon)
    return answer


def likelihood_of(values, spec, params):
    """The log-likelihood of parameters as ETS keeps them, from the loss that ``Fit`` describes."""
    alpha, beta, gamma, phi = params[:4]
    parameters = np.array([alpha, beta / alpha, gamma / (1 - alpha), phi, *params[5:]])[:, None]
    batch = Batch.of([values])
    return concentrated(
        loss(spec[-1], batch.values, batch.seen, parameters, np.array([spec[0] == "M"]))[0], len(values)
    )


def concentrated(loss, length):
    return -length / 2 * (np.log(2 * np.pi * loss / length) + 1)


def by_the_book(values, spec, params):
    """Log-likelihood and forecasts of a model with a multiplicative season, step by step as the book's table 2.3."""
    (alpha, beta, gamma, phi), level, trend, season = params[:4], params[5], params[6], list(params[7:])
    errors, ahead = [], []
    for step, value in enumerate(values):
        onward = level + phi * trend
        ahead.append(onward * season[step])
        errors.append(value / ahead[-1] - 1)
        level, trend = onward * (1 + alpha * errors[-1]), phi * trend + beta * onward * errors[-1]
        season.append(season[step] * (1 + gamma * errors[-1]))
    length, damping = len(values), np.cumsum(phi ** np.arange(1, HORIZON + 1))
    mean = (level + trend * damping) * np.resize(season[-SEASON:], HORIZON)
    variance = np.mean(np.square(errors))
    return -length / 2 * (np.log(2 * np.pi * variance) + 1) - np.sum(np.log(ahead)), mean


@pytest.mark.parametrize("spec", [spec for spec in RELATIVE if spec[-1] == "M"])
def test_with_a_multiplicative_season_likelihood_and_forecasts_are_the_books(spec):
    values = seasonal(seed=2)
    beta, phi, trend = 0.1 * (spec[1] == "A"), 0.9 if "d" in spec else 1.0, 0.2 * (spec[1] == "A")
    params = np.array([0.4, beta, 0.2, phi, 1.0, 9.5, trend, 0.9, 1.2, 1.0, 0.9])
    expected, mean = by_the_book(values, spec, params)
    np.testing.assert_allclose(forecast(values, [60], spec, params)[0][0], mean, rtol=1e-10)
    assert likelihood_of(values, spec, params) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("spec", ADDITIVE + RELATIVE)
def test_forecasts_are_those_of_statsmodels_with_its_parameters(spec):
    # with a multiplicative season statsmodels divides by the level after the step, the book by that before it
    values = seasonal()
    fit = fitted(values, spec)
    mean, _ = forecast(values, [60], spec, params_of(fit, spec))
    np.testing.assert_allclose(mean[0], fit.forecast(HORIZON), rtol=1e-6 if spec[-1] == "M" else 1e-8)


@pytest.mark.parametrize("spec", [spec for spec in ADDITIVE + RELATIVE if spec[-1] != "M"])
def test_the_likelihood_of_given_parameters_is_that_of_statsmodels(spec):
    values = seasonal(seed=2)
    trended, seasoned, damped = spec[1] == "A", spec[-1] != "N", "d" in spec
    first, season = {"initial_level": 9.5}, [-0.1, 0.2, 0.0, -0.1]
    weights = np.array([0.4] + [0.1] * trended + [0.2] * seasoned + [0.9] * damped)
    if trended:
        first["initial_trend"] = 0.2
    if seasoned:
        first["initial_seasonal"] = season
    expected = reference(values, spec, initialization_method="known", **first).loglike(weights)
    params = [0.4, 0.1 * trended, 0.2 * seasoned, 0.9 if damped else 1.0, 1.0, 9.5, 0.2 * trended, *season * seasoned]
    assert likelihood_of(values, spec, np.array(params)) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("spec", ADDITIVE + RELATIVE)
def test_the_likelihood_found_is_at_least_that_of_statsmodels(spec):
    gains = []
    for seed in range(2):
        values = seasonal(48, seed=seed) if seed else 10 + np.random.default_rng(5).random(48).cumsum()
        batch = Batch.of([values, seasonal(30, seed=9)])
        models = descend(batch, begin(batch, spec[-1], SEASON, np.array([True, True])), rounds=60, indices=True)
        place = models.specs.tolist().index(spec)
        assert models.series[place] == 0
        gains.append(concentrated(models.loss[place], 48) - fitted(values, spec).llf)
    assert min(gains) > -0.02


@pytest.mark.parametrize("spec", ADDITIVE)
def test_the_spread_with_additive_errors_is_statsmodels_exact_one(spec):
    values = pd.Series(seasonal(), index=pd.RangeIndex(60))  # intervals are made for pandas alone
    fit = fitted(values, spec)
    _, spread = forecast(values.to_numpy(), [60], spec, params_of(fit, spec))
    exact = fit.get_prediction(start=60, end=59 + HORIZON).forecast_variance
    np.testing.assert_allclose(spread[0] ** 2, exact, rtol=1e-6)


@pytest.mark.parametrize("spec", RELATIVE)
def test_the_spread_with_relative_errors_is_that_of_simulated_paths(spec):
    values = seasonal(level=20.0)
    fit = fitted(values, spec)
    _, spread = forecast(values, [60], spec, params_of(fit, spec))
    paths = fit.simulate(HORIZON, anchor="end", repetitions=20_000, rng=np.random.default_rng(0))
    np.testing.assert_allclose(spread[0], np.asarray(paths).std(axis=1), rtol=0.03)


def test_a_later_origin_smooths_on_with_the_same_parameters():
    values = seasonal(80)
    fit = fitted(values[:60], "AAdA")
    mean, _ = forecast(values, [60, 71], "AAdA", params_of(fit, "AAdA"), horizon=5)
    longer = reference(values[:71], "AAdA").smooth(fit.params)
    np.testing.assert_allclose(mean, [fit.forecast(5), longer.forecast(5)], rtol=1e-8)


def test_a_forecast_of_several_models_is_their_weighted_mixture():
    values = seasonal(seed=3)
    names = ["AAA", "ANN"]
    params = [params_of(fitted(values, spec), spec) for spec in names]
    joint = np.concatenate([[0.7], params[0], [0.3], params[1]])
    [(mean, spread)] = ETS.forecast(
        [values], [np.array([60])], learned=[("AAA|ANN", joint)], season=SEASON, horizon=HORIZON
    )
    one, other = (forecast(values, [60], spec, own) for spec, own in zip(names, params, strict=True))
    middle = 0.7 * one[0] + 0.3 * other[0]
    around = 0.7 * (one[1] ** 2 + one[0] ** 2) + 0.3 * (other[1] ** 2 + other[0] ** 2) - middle**2
    np.testing.assert_allclose(mean, middle, rtol=1e-9)
    np.testing.assert_allclose(spread**2, around, rtol=1e-6)


def test_series_of_a_batch_are_learned_as_if_alone():
    series = [seasonal(length, seed=length) for length in (40, 57, 23)]
    together = ETS.learn(series, season=SEASON, positive=[True, False, True])
    for values, positive, (spec, params) in zip(series, (True, False, True), together, strict=True):
        [(alone, expected)] = ETS.learn([values], season=SEASON, positive=[positive])
        assert alone == spec
        np.testing.assert_allclose(params, expected, rtol=1e-6)


def test_the_models_are_weighted_by_the_criterion_as_statsmodels_fits_them():
    values = seasonal(60, seed=4)
    [(specs, params)] = ETS.learn([values], season=SEASON, positive=[True])
    scores = {}
    for other in ADDITIVE + RELATIVE:
        free = count(other, SEASON)
        scores[other] = -2 * fitted(values, other).llf + 2 * free * 60 / (60 - free - 1)
    parts = split(specs, params, SEASON)
    assert scores[parts[0][0]] <= min(scores.values()) + 0.2
    expected = np.exp([-scores[spec] / 4 for spec, _ in parts])
    np.testing.assert_allclose([own[0] for _, own in parts], expected / expected.sum(), atol=0.03)


@pytest.mark.parametrize("length", [4, 5])
def test_where_every_series_is_too_short_for_a_model_none_is_found(length):
    (outcome,) = ETS.learn([seasonal(length)], season=1, positive=[True])
    assert isinstance(outcome, ValueError) and "no model could be fitted" in str(outcome)
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=length), "y": seasonal(length)})
    assert np.isfinite(create("ets", horizon=1).fit(frame).predict()["y"]).all()
