"""Conformal intervals against their definition, their theory and loops."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import ConfigError
from forecast.evaluation.metrics import seasonal_scales
from forecast.intervals import Calibration, calibrate
from forecast.intervals.bands import bands_of
from forecast.intervals.scales import recent_scales, scale_steps

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)


def gaussian_values(shape, spread):
    """Point forecasts of 0 with normal levels: (W, H, C, 1 + Q)."""
    scores = np.array([0.0, *(NormalDist().inv_cdf(level) for level in LEVELS)])
    return np.broadcast_to(spread * scores, (*shape, len(scores))).copy()


@pytest.mark.parametrize("own", [False, True], ids=["points", "levels"])
def test_the_next_exchangeable_window_is_covered_as_often_as_theory_says(own, make_backtest):
    """Over draws of n scores the coverage of the k-th smallest has the mean k / (n + 1), in [c, c + 1 / (n + 1)]."""
    rng, windows, draws = np.random.default_rng(0), 60, 400
    made = make_backtest(
        np.zeros((windows, 1, 1)),
        values=gaussian_values((windows, 1, 1), 0.3) if own else None,  # far too narrow
        levels=LEVELS if own else (),
    )
    covered = []
    for _ in range(draws):
        found = calibrate(replace(made, actual=rng.normal(size=(windows, 1, 1))), levels=LEVELS)
        edges = found.apply(gaussian_values((1, 1, 1), 0.3), LEVELS, np.ones((1, 1)))[0, 0, 0, [1, 2, 4, 5]]
        below = [NormalDist().cdf(edge) for edge in edges]
        covered.append([below[3] - below[0], below[2] - below[1]])
    for share, coverage in zip(np.mean(covered, axis=0), (0.9, 0.8), strict=True):
        expected = np.ceil((windows + 1) * coverage) / (windows + 1)
        noise = np.sqrt(expected * (1 - expected) / (windows + 2) / draws)
        assert abs(share - expected) < 4 * noise
        assert coverage - 4 * noise < share < coverage + 1 / (windows + 1) + 4 * noise


def test_thresholds_are_the_ranks_of_the_definition(make_backtest):
    rng = np.random.default_rng(1)
    actual = rng.normal(size=(130, 3, 1)) * np.array([1.0, 2.0, 3.0])[:, None]
    values = gaussian_values(actual.shape, 1.0) + rng.normal(size=(130, 3, 1, 1))
    found = calibrate(make_backtest(actual, values=values, levels=LEVELS))
    for place, (low, high, coverage) in enumerate(((0.05, 0.95, 0.9), (0.1, 0.9, 0.8))):
        for step in range(3):
            edges = values[:, step, 0, 1 + LEVELS.index(low)], values[:, step, 0, 1 + LEVELS.index(high)]
            scores = np.sort(np.maximum(edges[0] - actual[:, step, 0], actual[:, step, 0] - edges[1]))
            assert found.thresholds[step, place] == pytest.approx(scores[int(np.ceil(131 * coverage)) - 1])
    np.testing.assert_array_equal(found.scores, 130)
    assert found.too_few == ()


def test_around_points_the_interval_is_the_point_and_the_quantile_of_absolute_errors(make_backtest):
    actual = np.random.default_rng(2).normal(size=(200, 1, 1))
    found = calibrate(make_backtest(actual), levels=LEVELS)
    assert found.points
    reach = np.sort(np.abs(actual.ravel()))[int(np.ceil(201 * 0.9)) - 1]
    answer = found.apply(np.full((1, 1, 1, 6), 7.0), LEVELS, np.full((1, 1), 2.0)).ravel()
    np.testing.assert_allclose(answer[[0, 1, 3, 5]], [7, 7 - 2 * reach, 7, 7 + 2 * reach])


def test_series_of_any_size_pool(make_backtest):
    rng = np.random.default_rng(3)
    actual = rng.normal(size=(150, 2, 1))
    sizes = 10.0 ** rng.integers(-3, 7, 150)
    one = calibrate(make_backtest(actual), levels=LEVELS)
    two = calibrate(make_backtest(actual * sizes[:, None, None], sizes=sizes), levels=LEVELS)
    np.testing.assert_allclose(two.thresholds, one.thresholds)


def test_steps_with_few_scores_take_in_those_beside_them(make_backtest):
    actual = np.random.default_rng(4).normal(size=(30, 12, 1)) * np.arange(1, 13)[:, None]
    found = calibrate(make_backtest(actual), levels=(0.1, 0.9))
    np.testing.assert_array_equal(found.scores[1:-1], [120, *[150] * 8, 120][: len(found.scores[1:-1])])
    pooled = np.sort(np.abs(actual[:, 3:8]).ravel())  # step 5, two to either side
    assert found.thresholds[5, 0] == pytest.approx(pooled[int(np.ceil(151 * 0.8)) - 1])
    assert found.thresholds[0, 0] < found.thresholds[5, 0] < found.thresholds[11, 0]


def test_what_was_not_observed_does_not_count(make_backtest):
    rng = np.random.default_rng(5)
    actual = rng.normal(size=(240, 2, 2))
    actual[:120, :, 1] = np.nan
    actual[120:, :, 0] = np.nan
    seen = np.where(np.isnan(actual[..., :1]), actual[..., 1:], actual[..., :1])
    found, expected = calibrate(make_backtest(actual)), calibrate(make_backtest(seen))
    np.testing.assert_allclose(found.thresholds, expected.thresholds)
    nothing = calibrate(make_backtest(np.full((3, 2, 1), np.nan)))
    assert not nothing.thresholds.any() and len(nothing.too_few) == len(nothing.bands)


def test_too_few_scores_for_a_coverage_reach_to_the_largest_and_say_so(make_backtest):
    actual = np.arange(1.0, 9.0).reshape(1, 8, 1)  # one window of one series
    found = calibrate(make_backtest(actual), levels=LEVELS)
    assert found.too_few == (0.9,)
    np.testing.assert_array_equal(found.thresholds[:, 0], 8.0)


def test_a_series_without_a_scale_keeps_its_levels(make_backtest):
    found = calibrate(make_backtest(np.ones((5, 2, 1))), levels=LEVELS)
    values = gaussian_values((1, 2, 1), 1.0)
    assert not found.apply(values, LEVELS, np.zeros((1, 1))).any()  # around points, which are 0
    own = replace(found, points=False)
    np.testing.assert_array_equal(own.apply(values, LEVELS, np.zeros((1, 1))), values)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_levels_stay_in_order_and_points_where_they_are(data):
    levels = tuple(
        sorted(data.draw(st.sets(st.sampled_from([0.01, 0.05, 0.2, 0.5, 0.7, 0.8, 0.95, 0.99]), min_size=1)))
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    bands = len(bands_of(levels))
    found = Calibration(
        kind="adaptive",
        levels=levels,
        points=data.draw(st.booleans()),
        thresholds=rng.normal(size=(3, bands)),
        spread=rng.random((3, bands)),
        shift=rng.normal(size=bands),
        scores=np.full(3, 9),
        season=1,
    )
    values = np.sort(rng.normal(size=(4, 5, 2, 1 + len(levels))), axis=-1)
    values[..., 0] = values[..., 1 + len(levels) // 2]
    answer = found.apply(values, levels, rng.random((4, 2)))
    np.testing.assert_array_equal(answer[..., 0], values[..., 0])
    assert (np.diff(answer[..., 1:], axis=-1) >= 0).all()


def test_levels_between_calibrated_ones_have_corrections_between(make_backtest):
    actual = np.random.default_rng(6).normal(size=(300, 1, 1))
    found = calibrate(make_backtest(actual), levels=LEVELS)
    asked = (0.05, 0.075, 0.3, 0.95)
    low, between, third, high = found.apply(np.zeros((1, 1, 1, 5)), asked, np.ones((1, 1))).ravel()[1:]
    inner = found.apply(np.zeros((1, 1, 1, 2)), (0.1,), np.ones((1, 1))).ravel()[1]
    assert between == pytest.approx((low + inner) / 2)
    assert third == pytest.approx(inner / 2)
    assert high == -low
    with pytest.raises(
        ConfigError, match=r"level 0.99 lies outside of the calibrated ones \(0.05, 0.1, 0.5, 0.9, 0.95"
    ):
        found.apply(np.zeros((1, 1, 1, 2)), (0.99,), np.ones((1, 1)))


def test_a_level_without_a_counterpart_is_calibrated_by_its_own_side(make_backtest):
    actual = np.random.default_rng(7).exponential(size=(400, 1, 1))
    found = calibrate(make_backtest(actual), levels=(0.8,))
    edge = found.apply(np.zeros((1, 1, 1, 2)), (0.8,), np.ones((1, 1))).ravel()[1]
    assert edge == np.sort(actual.ravel())[int(np.ceil(401 * 0.8)) - 1]


def test_steps_beyond_the_calibrated_ones_are_corrected_as_the_last(make_backtest):
    actual = np.random.default_rng(8).normal(size=(200, 2, 1)) * np.array([1, 3])[:, None]
    found = calibrate(make_backtest(actual), levels=LEVELS)
    answer = found.apply(np.zeros((1, 4, 1, 6)), LEVELS, np.ones((1, 1)))[0, :, 0, 5]
    assert answer[0] < answer[1] == answer[2] == answer[3]


def test_steps_before_the_first_that_was_scored_are_corrected_as_it(make_backtest):
    actual = np.random.default_rng(9).normal(size=(200, 2, 1)) * np.array([1, 3])[:, None]
    plain, late = (calibrate(replace(make_backtest(actual), gap=gap), "adaptive", levels=LEVELS) for gap in (0, 2))
    np.testing.assert_array_equal(late.thresholds, plain.thresholds[[0, 0, 0, 1]])
    np.testing.assert_array_equal(late.shift, plain.shift)


def test_adaptive_thresholds_follow_the_share_of_misses(make_backtest):
    rng = np.random.default_rng(10)
    made = make_backtest(rng.normal(size=(200, 2, 1)), fold=np.repeat(np.arange(4), 50))
    split, adaptive = (calibrate(made, kind, levels=(0.1, 0.9)) for kind in ("split", "adaptive"))
    np.testing.assert_array_equal(split.shift, 0)
    new = np.full((10, 2, 1), 0.0)
    new[:4] = 50.0  # four windows in ten are missed, two should be
    ones, points = np.ones((10, 1)), np.zeros((10, 2, 1, 3))
    moved = adaptive.updated(points, (0.1, 0.9), new, ones)
    pace = 0.1 * (1 + 2 * abs(adaptive.shift[0]))
    assert moved.shift[0] - adaptive.shift[0] == pytest.approx(pace * (0.4 - 0.2))
    assert split.updated(points, (0.1, 0.9), new, ones) is split
    unseen = adaptive.updated(points, (0.1, 0.9), np.full_like(new, np.nan), ones)
    np.testing.assert_array_equal(unseen.shift, adaptive.shift)


def test_an_adaptive_calibration_has_gone_through_the_folds_in_order(make_backtest):
    rng = np.random.default_rng(11)
    fold = np.repeat(np.arange(5), 40)
    actual = rng.normal(size=(200, 1, 1)) * (1 + fold)[:, None, None]
    split, adaptive = (
        calibrate(make_backtest(actual, fold=fold), kind, levels=(0.1, 0.9)) for kind in ("split", "adaptive")
    )
    by_hand = replace(split, kind="adaptive")
    for number in range(5):
        part = actual[fold == number]
        by_hand = by_hand.updated(np.zeros((*part.shape, 3)), (0.1, 0.9), part, np.ones((40, 1)))
    np.testing.assert_allclose(adaptive.shift, by_hand.shift)
    assert adaptive.shift[0] > 0  # the last folds were missed most


def test_a_calibration_comes_back_from_its_state(make_backtest):
    actual = np.random.default_rng(12).normal(size=(50, 3, 1))
    found = calibrate(make_backtest(actual), "adaptive")
    again = Calibration.restored(*found.state())
    values = gaussian_values((2, 3, 1), 1.0)
    ones = np.ones((2, 1))
    np.testing.assert_array_equal(again.apply(values, LEVELS, ones), found.apply(values, LEVELS, ones))
    state, arrays = found.state()
    for broken in ({"shift": np.zeros(3)}, {"thresholds": np.zeros((3, 1))}):
        with pytest.raises(ValueError):
            Calibration.restored(state, arrays | broken)


def test_an_unknown_kind_is_refused(make_backtest):
    with pytest.raises(ConfigError, match="unknown kind of calibration 'splitt'"):
        calibrate(make_backtest(np.ones((3, 2, 1))), "splitt")
    with pytest.raises(ConfigError, match="no level beside the middle"):
        calibrate(make_backtest(np.ones((3, 2, 1))), levels=(0.5,))


@pytest.mark.parametrize("season", [1, 5, 40])
def test_scales_are_those_of_mase_over_the_last_rows(season, make_backtest):
    rng = np.random.default_rng(13)
    panel = make_backtest(rng.normal(size=(4, 200, 2))).panel
    panel.target[rng.random(panel.target.shape) < 0.3] = np.nan
    series = rng.integers(0, 4, 30)
    ends = rng.integers(0, 212, 30)
    found = recent_scales(panel, series, ends, season=season)
    for w in range(30):
        recent = panel.series(series[w])[: ends[w]][-scale_steps(season) :]
        one, zero = np.array([len(recent)]), np.array([0])
        expected, _ = (
            seasonal_scales(recent, np.append(0, one), zero, one, season=season) if len(recent) else ([[0, 0]], 0)
        )
        np.testing.assert_allclose(found[w], np.nan_to_num(expected)[0])
