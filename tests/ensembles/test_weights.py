"""Weights of combinations against definitions, loops and a linear program."""

from dataclasses import replace

import numpy as np
import pytest

from forecast import ConfigError
from forecast.ensembles import Weights, combine, combined_backtest, split_folds, weigh
from forecast.ensembles.scaled import scaled
from forecast.ensembles.stacking import stack
from forecast.evaluation.metrics import seasonal_scales

HOWS = ("equal", "inverse-error", "greedy", "stacked")


def scaled_loss(result):
    """The mean over values and levels of twice the pinball loss over the scale of MASE, in a loop over levels."""
    panel = result.panel
    scale, _ = seasonal_scales(panel.target, panel.offsets, result.series, result.ends, season=result.season)
    losses = []
    for place, tau in enumerate(result.levels):
        error = (result.actual - result.values[..., 1 + place]) / scale[:, None]
        losses.append(np.nanmean(2 * np.where(error > 0, tau * error, (tau - 1) * error)))
    return np.mean(losses)


@pytest.mark.parametrize("measure", ["mase", "wql"])
@pytest.mark.parametrize("how", HOWS)
def test_weights_are_shares(how, measure, backtests):
    weights = weigh(backtests, how, measure=measure)
    assert weights.members == tuple(backtests) and weights.how in (how, "equal")
    table = np.concatenate([weights.points[None], weights.at((0.1, 0.2, 0.5, 0.9))])
    assert (table >= 0).all()
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-12)
    assert weights.as_mapping() == dict(zip(backtests, weights.points.tolist(), strict=True))


def test_inverse_errors_weigh_by_one_over_mase(backtests):
    errors = np.array([result.metrics()["mase"] for result in backtests.values()])
    found = weigh(backtests, "inverse-error", measure="mase").points
    np.testing.assert_allclose(found, (1 / errors) / (1 / errors).sum(), rtol=1e-9)
    losses = np.array([scaled_loss(result) for result in backtests.values()])
    found = weigh(backtests, "inverse-error", measure="wql").points
    np.testing.assert_allclose(found, (1 / losses) / (1 / losses).sum(), rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_weights_are_never_worse_than_the_best_member_where_they_were_chosen(seed, make_waves, make_backtests):
    found = make_backtests(make_waves(seed=seed), folds=2)
    best = min(result.metrics()["mase"] for result in found.values())
    assert combined_backtest(found, weigh(found, "greedy", measure="mase")).metrics()["mase"] <= best * (1 + 1e-12)
    best = min(scaled_loss(result) for result in found.values())
    assert scaled_loss(combined_backtest(found, weigh(found, "greedy"))) <= best * (1 + 1e-12)


def test_greedy_weights_are_those_of_a_loop(backtests):
    """Caruana's selection, member by member and value by value."""
    panel = next(iter(backtests.values())).panel
    results = list(backtests.values())
    scale, _ = seasonal_scales(panel.target, panel.offsets, results[0].series, results[0].ends, season=6)

    def mase(points):
        return np.nanmean(np.abs(results[0].actual - points) / scale[:, None])

    picks, best, chosen = [], np.inf, []
    for _ in range(30):
        trials = [np.mean([results[p].values[..., 0] for p in [*picks, m]], axis=0) for m in range(len(results))]
        picks.append(int(np.argmin([mase(trial) for trial in trials])))
        error = mase(np.mean([results[p].values[..., 0] for p in picks], axis=0))
        if error < best * (1 - 1e-4):
            best, chosen = error, list(picks)
    expected = np.bincount(chosen, minlength=len(results)) / len(chosen)
    np.testing.assert_allclose(weigh(backtests, "greedy", measure="mase").points, expected)


@pytest.mark.parametrize("place", [0, 2, 4])
def test_stacked_weights_come_close_to_the_optimum_of_a_linear_program(place, backtests):
    from scipy.optimize import linprog

    found = scaled(backtests, levels=True)
    many = replace(found, windows=10**9)  # nothing is drawn towards the simple weights
    weights = stack(many, np.full(4, 0.25))[place]
    errors, tau = found.errors[:, :, place].T, found.levels[place]  # (N, M)
    count, members = errors.shape
    cost = np.r_[np.zeros(members), np.full(count, tau / count), np.full(count, (1 - tau) / count)]
    split = np.c_[errors, -np.eye(count), np.eye(count)]  # combined error = positive part less negative part
    total = np.r_[np.ones(members), np.zeros(2 * count)][None]
    best = linprog(cost, A_eq=np.r_[split, total], b_eq=np.r_[np.zeros(count), 1.0])
    combined = errors @ weights
    assert np.maximum(tau * combined, (tau - 1) * combined).mean() <= best.fun * 1.01


def test_stacked_weights_of_few_windows_stay_near_those_of_inverse_errors(make_waves, make_backtests):
    simple = weigh(make_backtests(make_waves(), folds=1), "inverse-error").points

    def distance(folds):
        return np.abs(weigh(make_backtests(make_waves(steps=300), folds=folds), "stacked").points - simple).sum()

    assert distance(1) < distance(30)


@pytest.mark.parametrize("how", HOWS)
def test_a_combination_of_equal_members_is_the_member(how, backtests):
    one = backtests["seasonal-naive"]
    twins = {"first": one, "second": one, "third": one}
    weights = weigh(twins, how)
    np.testing.assert_allclose(combined_backtest(twins, weights).values, one.values, rtol=1e-12)


def test_levels_of_weights_of_their_own_are_sorted():
    weights = Weights(
        members=("a", "b"), points=np.array([0.5, 0.5]), levels=(0.1, 0.9), by_level=np.array([[0.0, 1.0], [1.0, 0.0]])
    )
    low = np.array([5.0, 0.0, 4.0])  # points, 0.1, 0.9
    high = np.array([7.0, 6.0, 9.0])
    found = combine([low.reshape(1, 1, 1, 3), high.reshape(1, 1, 1, 3)], weights, (0.1, 0.9))
    np.testing.assert_array_equal(found.ravel(), [6.0, 4.0, 6.0])


def test_levels_between_those_of_the_weights_have_weights_between():
    weights = Weights(
        members=("a", "b"), points=np.array([0.5, 0.5]), levels=(0.1, 0.9), by_level=np.array([[0.0, 1.0], [1.0, 0.0]])
    )
    np.testing.assert_allclose(weights.at((0.05, 0.3, 0.5, 0.95))[:, 0], [0.0, 0.25, 0.5, 1.0])


def test_a_member_without_weight_may_be_undefined():
    weights = Weights(members=("a", "b"), points=np.array([1.0, 0.0]))
    undefined = np.full((1, 2, 1, 1), np.nan)
    np.testing.assert_array_equal(combine([np.ones((1, 2, 1, 1)), undefined], weights), np.ones((1, 2, 1, 1)))
    assert weights.used().members == ("a",)


def test_weights_of_earlier_folds_are_judged_on_later_ones(backtests):
    parts = {name: split_folds(result, 4) for name, result in backtests.items()}
    weights = weigh({name: earlier for name, (earlier, _) in parts.items()}, "greedy")
    judged = combined_backtest({name: later for name, (_, later) in parts.items()}, weights)
    assert judged.folds == 2 and set(judged.fold) == {0, 1} and judged.ends.min() > 0
    whole = combined_backtest(backtests, weights)
    np.testing.assert_array_equal(judged.values, whole.values[whole.fold >= 4])
    changed = {
        name: replace(result, values=np.where((result.fold >= 4)[:, None, None, None], 1e6, result.values))
        for name, result in backtests.items()
    }
    again = weigh({name: split_folds(result, 4)[0] for name, result in changed.items()}, "greedy")
    np.testing.assert_array_equal(again.points, weights.points)
    with pytest.raises(ConfigError, match="6 folds cannot be split before fold 6"):
        split_folds(backtests["naive"], 6)


def test_points_alone_are_weighed_by_their_mase(make_waves, make_backtests):
    found = make_backtests(make_waves(), levels=())
    for how in HOWS:
        weights = weigh(found, how)
        assert weights.by_level is None
        assert combined_backtest(found, weights).values.shape[-1] == 1
    np.testing.assert_array_equal(weigh(found, "greedy").points, weigh(found, "greedy", measure="mase").points)


def test_a_perfect_member_gets_all_the_weight(backtests):
    one = backtests["naive"]
    exact = replace(one, values=np.repeat(np.nan_to_num(one.actual)[..., None], 6, axis=-1))
    assert weigh({**backtests, "exact": exact}, "inverse-error").as_mapping()["exact"] == 1
    assert weigh({**backtests, "exact": exact}, "greedy").as_mapping()["exact"] == 1


def test_series_without_a_scale_are_weighed_as_they_are(make_backtests, make_waves):
    frame = make_waves(series=1).assign(y=4.0)
    weights = weigh(make_backtests(frame), "inverse-error")
    assert weights.points.sum() == pytest.approx(1)


def test_other_windows_and_unknown_names_are_refused(backtests, make_backtests, make_waves):
    other = make_backtests(make_waves(), folds=5)["naive"]
    with pytest.raises(ConfigError, match="naive and other were not tested on the same windows"):
        weigh({"naive": backtests["naive"], "other": other}, "greedy")
    with pytest.raises(ConfigError, match="unknown weighting 'gready'"):
        weigh(backtests, "gready")
    with pytest.raises(ConfigError, match="unknown measure"):
        weigh(backtests, "greedy", measure="mae")
    with pytest.raises(ConfigError, match="at least one"):
        weigh({})
    with pytest.raises(ConfigError, match="no backtest of lstm"):
        combined_backtest(backtests, Weights(members=("lstm",), points=np.ones(1)))
