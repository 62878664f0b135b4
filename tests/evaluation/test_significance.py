"""Tests of equal accuracy: their p-values against independent references, their level and power by simulation."""

import numpy as np
import pytest
from scipy import stats

from forecast.errors import ConfigError
from forecast.evaluation.significance import diebold_mariano, fewest_origins, holm, origins_needed, wilcoxon

VARIANCES = ("cosine", "truncated", "bartlett")


def moving_averages(count, overlap, *, samples, seed=0):
    """Differences (samples, count) with mean 0 of which ``overlap`` neighbours share shocks."""
    shocks = np.random.default_rng(seed).normal(size=(samples, count + overlap - 1))
    return sum(shocks[:, k : k + count] for k in range(overlap)) / np.sqrt(overlap)


def rejected(differences, **settings):
    return float((diebold_mariano(differences, **settings).p < 0.05).mean())


@pytest.mark.parametrize(("variance", "kernel"), [("truncated", "uniform"), ("bartlett", "bartlett")])
@pytest.mark.parametrize("overlap", [1, 2, 5])
def test_p_is_that_of_a_regression_on_a_constant_with_the_small_sample_factor(variance, kernel, overlap):
    from statsmodels.regression.linear_model import OLS

    d = moving_averages(40, overlap, samples=1, seed=overlap)[0] + 0.3
    lags = {"maxlags": overlap - 1, "kernel": kernel, "use_correction": False}
    fitted = OLS(d, np.ones(40)).fit(cov_type="HAC", cov_kwds=lags)
    factor = np.sqrt((41 - 2 * overlap + overlap * (overlap - 1) / 40) / 40)
    found = diebold_mariano(d, overlap=overlap, variance=variance)
    assert found.statistic == pytest.approx(factor * fitted.tvalues[0], rel=1e-12)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(factor * fitted.tvalues[0]), 39), rel=1e-12)


def test_p_is_that_of_statsmodels_own_test():
    stattools = pytest.importorskip("statsmodels.tsa.stattools")
    if not hasattr(stattools, "diebold_mariano_test"):
        pytest.skip("this statsmodels has no such test")
    rng = np.random.default_rng(2)
    y, first, second = rng.normal(size=(3, 30))
    theirs = stattools.diebold_mariano_test(y, first, second, lags=2, harvey_adj=True, horizon=3)
    ours = diebold_mariano((y - first) ** 2 - (y - second) ** 2, overlap=3, variance="bartlett")
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-12)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-12)


@pytest.mark.parametrize("overlap", [2, 4])
def test_long_run_variances_are_those_of_a_loop(overlap):
    d = moving_averages(31, overlap, samples=1)[0]
    n, mean = len(d), sum(d) / len(d)
    waves = 30 // (2 * overlap - 1)
    cosine = 0.0
    for j in range(1, waves + 1):
        wave = sum(np.sqrt(2 / n) * d[t] * np.cos(np.pi * j * (t + 0.5) / n) for t in range(n))
        cosine += wave**2 / waves
    truncated = 0.0
    for k in range(1 - overlap, overlap):
        truncated += sum((d[t] - mean) * (d[t + abs(k)] - mean) for t in range(n - abs(k))) / n
    factor = (n + 1 - 2 * overlap + overlap * (overlap - 1) / n) / n
    assert diebold_mariano(d, overlap=overlap).deviation == pytest.approx(np.sqrt(cosine), rel=1e-12)
    found = diebold_mariano(d, overlap=overlap, variance="truncated")
    assert found.statistic == pytest.approx(mean / np.sqrt(truncated / n) * np.sqrt(factor), rel=1e-12)


@pytest.mark.parametrize("variance", VARIANCES)
def test_without_overlap_it_is_students_test_row_by_row(variance):
    d = np.random.default_rng(1).normal(0.4, 1, size=(3, 2, 9))
    theirs = stats.ttest_1samp(d, 0.0, axis=-1)
    ours = diebold_mariano(d, variance=variance)
    np.testing.assert_allclose(ours.statistic, theirs.statistic, rtol=1e-10)
    np.testing.assert_allclose(ours.p, theirs.pvalue, rtol=1e-10)


@pytest.mark.parametrize("count", [5, 12, 40])
def test_equals_are_told_apart_in_one_of_twenty_cases_where_folds_do_not_overlap(count):
    d = moving_averages(count, 1, samples=10_000)
    uncorrected = 2 * stats.norm.sf(np.abs(d.mean(axis=1) / d.std(axis=1) * np.sqrt(count)))
    assert rejected(d) == pytest.approx(0.05, abs=0.008)
    assert (uncorrected < 0.05).mean() > rejected(d) + 0.007


@pytest.mark.parametrize(("overlap", "count"), [(2, 13), (2, 40), (4, 29), (4, 60), (12, 120)])
def test_equals_are_told_apart_in_one_of_twenty_cases_where_folds_overlap(overlap, count):
    d = moving_averages(count, overlap, samples=10_000)
    assert rejected(d, overlap=overlap) == pytest.approx(0.06, abs=0.012)
    white = moving_averages(count, 1, samples=10_000, seed=1)
    assert rejected(white, overlap=overlap) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(("overlap", "count"), [(2, 12), (3, 24), (6, 60)])
def test_the_small_sample_correction_brings_the_level_nearer(overlap, count):
    d = moving_averages(count, overlap, samples=10_000)
    corrected = diebold_mariano(d, overlap=overlap, variance="truncated")
    factor = np.sqrt((count + 1 - 2 * overlap + overlap * (overlap - 1) / count) / count)
    uncorrected = 2 * stats.norm.sf(np.abs(corrected.statistic) / factor)
    too_often = float((corrected.p < 0.05).mean()) - 0.05
    assert 0 < too_often < 0.6 * ((uncorrected < 0.05).mean() - 0.05)
    assert rejected(d, overlap=overlap) - 0.05 < too_often  # by cosines, the default, it is nearer still
    assert rejected(d) > 0.15  # as if nothing overlapped


@pytest.mark.parametrize("overlap", [1, 4])
def test_the_origins_needed_show_the_difference_in_four_of_five_cases(overlap):
    needed = int(origins_needed(0.5, np.sqrt(overlap), overlap=overlap))
    d = moving_averages(needed, overlap, samples=4000) + 0.5
    assert rejected(d, overlap=overlap) == pytest.approx(0.8, abs=0.04)
    assert origins_needed(0.5, 1.0, level=0.005) > needed / overlap
    assert origins_needed(9.0, 1.0, overlap=overlap) == fewest_origins(overlap)
    np.testing.assert_array_equal(origins_needed([0.0, 1.0, 1.0], [1.0, 0.0, 1.0]), [100_000, 5, 10])


def test_equal_and_constant_differences_have_a_p():
    found = diebold_mariano([[0.0] * 7, [0.1] * 7, [-0.1] * 7])
    assert found.p.tolist() == [1.0, 0.0, 0.0]
    assert found.statistic.tolist() == [0.0, np.inf, -np.inf]


def test_an_undefined_difference_has_no_p_and_leaves_the_others_alone():
    d = np.random.default_rng(1).normal(size=(2, 8))
    d[0, 3] = np.nan
    found = diebold_mariano(d, overlap=2, variance="truncated")
    assert np.isnan(found.p[0]) and found.p[1] == diebold_mariano(d[1], overlap=2, variance="truncated").p


@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize(("count", "overlap"), [(0, 1), (1, 1), (3, 3)])
def test_too_few_origins_give_no_p(count, overlap, variance):
    found = diebold_mariano(np.ones((2, count)), overlap=overlap, variance=variance)
    assert np.isnan(found.p).all() and found.freedom == 0


def test_a_variance_that_is_not_positive_gives_way_to_bartletts():
    d = np.array([1.0, -1.0] * 5)  # neighbours cancel: γ0 + 2 γ1 is negative
    truncated, bartlett = (diebold_mariano(d + 0.1, overlap=2, variance=kind) for kind in VARIANCES[1:])
    assert truncated.p == bartlett.p and np.isfinite(truncated.p)


def test_what_is_not_known_is_refused():
    with pytest.raises(ConfigError, match="overlap=0 is not at least 1"):
        diebold_mariano([1.0, 2.0], overlap=0)
    with pytest.raises(ConfigError, match="Did you mean 'bartlett'"):
        diebold_mariano([1.0, 2.0], variance="bartlet")


def test_p_values_are_adjusted_as_statsmodels_does():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(3).uniform(0, 0.2, size=12)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)
    with_gap = holm([0.01, np.nan, 0.04])
    np.testing.assert_allclose(with_gap, [0.02, np.nan, 0.04])
    assert holm([]).shape == (0,)


def test_signed_ranks_are_scipys_and_equals_are_no_evidence():
    d = np.random.default_rng(1).normal(0.5, 1, size=15)
    assert wilcoxon(d) == stats.wilcoxon(d).pvalue
    assert wilcoxon(np.zeros(5)) == 1.0
