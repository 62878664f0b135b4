"""The linear map against scikit-learn's ridge regression on windows cut one by one."""

import json

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from forecast.baselines import LinearForecaster

LOOKBACK, HORIZON = 8, 3


def wave(length=120, seed=0):
    steps = np.arange(length)
    return np.sin(steps * np.pi / 2) + 0.01 * steps + np.random.default_rng(seed).normal(scale=0.1, size=length)


def forecast(model, panel, series, ends, levels=(0.1, 0.9), horizon=HORIZON):
    return model._forecast(panel, np.asarray(series), np.asarray(ends), horizon=horizon, levels=levels)


def build(**settings):
    return LinearForecaster(**{"horizon": HORIZON, "lookback": LOOKBACK, **settings})


def test_the_map_is_that_of_ridge_regression_on_normalised_windows(make_panel, learn):
    series = [wave(60), 100 * wave(80, seed=1)]
    panel = make_panel(series)
    model = learn(build(ridge=0.1), panel)
    inputs, answers = [], []
    for values in series:
        for end in range(LOOKBACK, len(values) - HORIZON + 1):
            window = values[end - LOOKBACK : end]
            inputs.append((window - window.mean()) / window.std())
            answers.append((values[end : end + HORIZON] - window.mean()) / window.std())
    x = np.column_stack([np.array(inputs), np.ones(len(inputs))])
    reference = Ridge(alpha=0.1 * len(inputs), fit_intercept=False).fit(x, np.array(answers))
    np.testing.assert_allclose(model.weights_, reference.coef_.T, rtol=1e-6, atol=1e-9)
    window = series[1][-LOOKBACK:]
    expected = reference.predict([[*((window - window.mean()) / window.std()), 1.0]])[0] * window.std() + window.mean()
    np.testing.assert_allclose(forecast(model, panel, [1], [80])[0, :, 0, 0], expected, rtol=1e-9)


def test_a_seasonal_series_is_learned(make_panel, learn):
    values = wave(200)
    panel = make_panel([values])
    model = learn(build(), panel.cut(np.array([180])))
    result = forecast(model, panel, [0] * 15, np.arange(180, 195))
    truth = np.stack([values[end : end + HORIZON] for end in range(180, 195)])
    assert np.abs(result[:, :, 0, 0] - truth).mean() < 0.15
    assert (np.diff(result[..., [1, 0, 2]]) > 0).all()


@pytest.mark.parametrize("size", [1.0, 1e6])
def test_shift_and_unit_of_a_series_carry_over(make_panel, learn, size):
    panel, moved = make_panel([wave()]), make_panel([wave() * size + 1e9])
    expected = forecast(learn(build(), panel), panel, [0], [120]) * size
    result = forecast(learn(build(), moved), moved, [0], [120]) - 1e9
    np.testing.assert_allclose(result, expected, atol=1e-4 * size)


def test_rows_from_the_origin_on_do_not_matter(make_panel, learn):
    panel = make_panel([wave(60), wave(60, seed=1)])
    model = learn(build(), panel.cut(np.array([40, 40])))
    disturbed = panel.target.copy()
    disturbed[45:60], disturbed[110:] = 1e9, np.nan
    before = forecast(model, panel, [0, 1], [45, 50])
    np.testing.assert_array_equal(before, forecast(model, panel.with_target(disturbed), [0, 1], [45, 50]))


def test_held_out_targets_are_no_training_targets(make_panel):
    model = build()
    model.lookback_ = LOOKBACK
    panel = make_panel([wave(60), wave(17), wave(9)])
    _, train, held = model._split(panel)
    for s in range(3):
        ends = held[1][held[0] == s]
        if len(ends):
            assert (train[1][train[0] == s] + HORIZON).max() <= ends.min()
            assert (ends + HORIZON).max() == panel.ends[s]
    assert len(held[0]) > 5


def test_gaps_take_the_last_observed_value(make_panel, learn):
    values = wave(60)
    values[[30, 55, 56]] = np.nan
    filled = values.copy()
    filled[[30, 55, 56]] = values[29], values[54], values[54]
    panel, whole = make_panel([values]), make_panel([filled])
    model = learn(build(ridge=0.1), panel)
    result, expected = forecast(model, panel, [0], [60]), forecast(model, whole, [0], [60])
    np.testing.assert_allclose(result, expected, rtol=1e-9)
    assert np.isfinite(result).all()


def test_constant_short_and_unseen_series_get_finite_forecasts(make_panel, learn):
    panel = make_panel([np.full(30, 5.0), [3.0], wave(40), [1.0, 2.0]])
    model = learn(build(), panel)
    result = forecast(model, panel, range(4), panel.ends)
    assert np.isfinite(result).all()
    np.testing.assert_allclose(result[1, :, 0, 0], 3.0, atol=1.0)
    alone = make_panel([np.full(30, 5.0)])
    np.testing.assert_allclose(forecast(learn(build(), alone), alone, [0], [30]), 5.0)


def test_a_longer_horizon_feeds_forecasts_back(make_panel, learn):
    panel = make_panel([wave()])
    model = learn(build(), panel)
    short, longer = forecast(model, panel, [0], [120]), forecast(model, panel, [0], [120], horizon=7)
    np.testing.assert_allclose(longer[:, :HORIZON], short, rtol=1e-9)
    widths = np.diff(longer[0, :, 0, 1:]).ravel()
    assert (np.diff(widths[HORIZON - 1 :]) > 0).all()
    assert forecast(model, panel, [0], [120], horizon=2, levels=()).shape == (1, 2, 1, 1)


def test_the_lookback_follows_the_cycle_and_leaves_room(make_panel, learn):
    hourly = make_panel([np.sin(np.arange(600) * np.pi / 12) + wave(600) * 0.1], freq="h")
    assert learn(LinearForecaster(horizon=6), hourly, season=24).lookback_ == 48
    short = make_panel([wave(21)])
    assert learn(LinearForecaster(horizon=10), short).lookback_ <= 6


def test_what_was_learned_survives_json_and_arrays(make_panel, learn):
    panel = make_panel([np.stack([wave(), wave(seed=1)], axis=1)])
    model = learn(build(), panel)
    state, arrays = model._state()
    again = build()
    again._restore(json.loads(json.dumps(state)), arrays)
    np.testing.assert_array_equal(forecast(again, panel, [0], [120]), forecast(model, panel, [0], [120]))


def test_many_windows_are_drawn_evenly_and_alike_for_one_seed(make_panel, learn):
    panel = make_panel([wave(300), wave(300, seed=1)])
    first, second = (learn(build(max_windows=100), panel) for _ in range(2))
    np.testing.assert_array_equal(first.weights_, second.weights_)
    assert first.report_["windows"] == 100
