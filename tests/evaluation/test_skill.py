"""Errors of several forecasters window by window, their ranks, and skill with its bootstrap intervals."""

import numpy as np
import pytest
from scipy import stats

from forecast.errors import ConfigError
from forecast.evaluation.cells import WEIGHTS, Cells, cells
from forecast.evaluation.skill import block_counts, skill, skill_interval


def made(errors, *, overlap=1, root=False):
    """Cells of errors (M, F, S); windows with NaN in all of them are not there."""
    errors = np.asarray(errors, dtype=np.float64)
    fold, series = np.nonzero(~np.isnan(errors).all(axis=0))
    return Cells(
        names=tuple(f"m{i}" for i in range(len(errors))),
        measure="mae",
        sums=errors[:, fold, series],
        weight=np.ones(len(fold)),
        fold=fold,
        series=series,
        folds=errors.shape[1],
        count=errors.shape[2],
        overlap=overlap,
        root=root,
    )


def lognormal(folds, series, *, gain=0.0, overlap=1, seed=0):
    """Cells of a baseline and of a forecaster whose expected error is a share ``gain`` less."""
    rng = np.random.default_rng(seed)

    def shocks(*shape):
        each = rng.normal(size=(folds + overlap - 1, *shape))
        return sum(each[k : k + folds] for k in range(overlap)) / np.sqrt(overlap)

    errors = [np.exp(0.3 * shocks(series) + 0.3 * shocks(1)) for _ in range(2)]
    return made([errors[0], (1 - gain) * errors[1]], overlap=overlap)


def test_every_measure_is_the_same_by_window_as_in_the_tables(make_results):
    rng = np.random.default_rng(1)
    results = make_results({"a": rng.normal(size=(4, 3, 5)), "b": rng.normal(size=(4, 3, 5))}, levels=(0.1, 0.5, 0.9))
    results["a"].actual[2, 1:4] = results["b"].actual[2, 1:4] = np.nan
    names = [
        name for name in results["a"].windows() if name.partition("_")[0] in {w.partition("_")[0] for w in WEIGHTS}
    ]
    assert {"mase", "rmsse", "wql", "mape", "pinball_0.1"} <= set(names)
    for measure in names:
        found = cells(results, measure=measure)
        for m, result in enumerate(results.values()):
            np.testing.assert_allclose(found.by_fold[m], result.metrics("fold")[measure], rtol=1e-9)
            np.testing.assert_allclose(found.by_series[m], result.metrics("series")[measure], rtol=1e-9)
            assert found.overall[m] == pytest.approx(result.metrics()[measure], rel=1e-9)


def test_what_is_no_measure_of_error_is_refused(make_results):
    results = make_results({"a": np.ones((2, 2, 2)), "b": np.ones((2, 2, 2))}, levels=(0.1, 0.9))
    for measure in ("bias", "coverage_80", "width_80", "count", "nothing"):
        with pytest.raises(ConfigError, match="unknown measure of error"):
            cells(results, measure=measure)
    points = {"a": results["a"], "b": results["b"].with_levels(())}
    with pytest.raises(ConfigError, match="b gave no levels, of which 'wql' is made"):
        cells(points, measure="wql")


def test_ranks_are_means_over_windows_with_ties_shared():
    rng = np.random.default_rng(4)
    errors = rng.integers(0, 4, size=(5, 6, 7)).astype(float)
    expected = stats.rankdata(errors.reshape(5, -1), axis=0).mean(axis=1)
    np.testing.assert_allclose(made(errors).ranks, expected)
    errors[2] = np.nan
    assert made(errors).ranks[2] == 5.0  # no forecast ranks last


def test_skill_is_one_minus_the_geometric_mean_of_ratios_over_series():
    errors = np.random.default_rng(1).uniform(0.5, 2, size=(3, 4, 6))
    by_series = errors.mean(axis=1)
    expected = 1 - stats.gmean(by_series / by_series[1], axis=1)
    np.testing.assert_allclose(skill(made(errors), 1), expected)
    np.testing.assert_allclose(skill(made(errors, root=True), 1), 1 - np.sqrt(1 - expected))
    assert skill(made(errors), 1)[1] == 0


def test_series_without_errors_of_the_baseline_do_not_decide_alone():
    errors = np.array([[[0.0, 0.0, 1.0]], [[0.0, 2.0, 1.0]]])
    assert skill(made(errors), 0)[1] == pytest.approx(1 - (1 * 100 * 1) ** (1 / 3))
    assert skill(made(errors), 1)[0] == pytest.approx(1 - (1 * 0.01 * 1) ** (1 / 3))


def test_series_without_a_measure_are_left_out_and_missing_forecasts_are_not():
    errors = np.ones((2, 2, 3))
    errors[1] = 0.5
    errors[:, :, 2] = np.nan
    assert skill(made(errors), 0).tolist() == [0.0, 0.5]
    errors[1, 0, 0] = np.nan
    assert np.isnan(skill(made(errors), 0)[1])
    assert np.isnan(skill(made(np.full((2, 2, 3), np.nan)), 0)).all()
    assert np.isnan(skill_interval(made(np.full((2, 2, 3), np.nan)), 0)).all()


def test_blocks_have_the_length_asked_for_and_every_item_the_same_chance():
    counts = block_counts(12, 4000, block=4, generator=np.random.default_rng(0))
    assert (counts.sum(axis=1) == 12).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.06)
    alone = block_counts(12, 4000, block=1, generator=np.random.default_rng(0))
    np.testing.assert_allclose(alone.var(axis=0), 11 / 12, atol=0.08)  # multinomial
    neighbours = [float(np.corrcoef(drawn[:, 3], drawn[:, 4])[0, 1]) for drawn in (counts, alone)]
    assert neighbours[0] > 0.4 and neighbours[1] < 0


@pytest.mark.parametrize("over", ["fold", "series", "both"])
def test_intervals_are_those_of_a_loop_over_the_same_draws(over):
    errors = np.random.default_rng(1).uniform(0.5, 2, size=(2, 6, 5))
    errors[:, :4, 0] = np.nan  # a short series, in the last folds only
    low, high = skill_interval(made(errors, overlap=1), 1, over=over, resamples=200, seed=3)
    generator, drawn = np.random.default_rng(3), []
    folds = series = None
    if over != "series":
        folds = block_counts(6, 200, block=1, generator=generator)
    if over != "fold":
        series = block_counts(5, 200, block=1, generator=generator)
    for b in range(200):
        logs = []
        for s in range(5):
            sums = [0.0, 0.0]
            for f in range(6):
                for m in range(2):
                    sums[m] += (1 if folds is None else folds[b, f]) * np.nan_to_num(errors[m, f, s])
            if sums[1] > 0:
                logs += [np.log(sums[0] / sums[1])] * (1 if series is None else int(series[b, s]))
        drawn.append(np.mean(logs))
    middle = np.log(1 - skill(made(errors), 1)[0])
    count = {"fold": 6, "series": 5, "both": 5}[over]
    wider = stats.t.isf(0.025, count - 1) / stats.norm.isf(0.025) * np.sqrt(count / (count - 1))
    ends = 1 - np.exp(middle + wider * (np.quantile(drawn, [0.975, 0.025]) - middle))
    np.testing.assert_allclose([low[0], high[0]], ends, rtol=1e-9)


@pytest.mark.parametrize(
    ("folds", "series", "overlap"), [(5, 1, 1), (12, 20, 1), (24, 1, 2), (40, 5, 4)], ids=lambda value: str(value)
)
def test_intervals_hold_the_true_skill_about_as_often_as_they_say(folds, series, overlap):
    held = []
    for seed in range(300):
        low, high = skill_interval(
            lognormal(folds, series, gain=0.1, overlap=overlap, seed=seed), 0, resamples=200, seed=seed
        )
        held.append(low[1] <= 0.1 <= high[1])
    assert 0.89 <= np.mean(held) <= 0.985


def test_intervals_over_series_hold_the_true_skill_about_as_often_as_they_say():
    ends = [
        skill_interval(lognormal(1, 30, seed=seed), 0, over="series", resamples=200, seed=seed) for seed in range(300)
    ]
    # the fold has a shock of its own, which another draw of series does not change: the truth given that shock
    truths = [_shock(seed) for seed in range(300)]
    held = [low[1] <= truth <= high[1] for (low, high), truth in zip(ends, truths, strict=True)]
    assert 0.91 <= np.mean(held) <= 0.985


def _shock(seed):
    rng = np.random.default_rng(seed)
    common = []
    for _ in range(2):
        rng.normal(size=(1, 30))
        common.append(0.3 * rng.normal(size=(1, 1))[0, 0])
    return 1 - np.exp(common[1] - common[0])


def test_the_same_seed_gives_the_same_interval_and_a_single_fold_none():
    one = lognormal(10, 4, gain=0.2)
    assert np.array_equal(skill_interval(one, 0, seed=1), skill_interval(one, 0, seed=1))
    assert not np.array_equal(skill_interval(one, 0, seed=1), skill_interval(one, 0, seed=2))
    assert np.isnan(skill_interval(lognormal(1, 4), 0)).all()
    width = {over: np.subtract(*skill_interval(one, 0, over=over)[::-1])[1] for over in ("fold", "series", "both")}
    assert width["both"] > max(width["fold"], width["series"])
    with pytest.raises(ConfigError, match="unknown over"):
        skill_interval(one, 0, over="folds")
