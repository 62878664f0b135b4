"""Calibration: what share of the actuals the levels and intervals held, and how sure that is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from forecast.errors import ConfigError
from forecast.evaluation.calibration import calibration, coverage_by_step

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of uniform errors in −1 … 1 the quantiles of ``make_results`` are exact


def uniform(shape, *, alike=0.0, seed=0):
    """Errors (F, S, H) uniform in −1 … 1, of which those of one fold share ``alike`` of their variance."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(shape[0], 1, 1))
    return 2 * stats.norm.cdf(np.sqrt(alike) * shared + np.sqrt(1 - alike) * rng.normal(size=shape)) - 1


@pytest.fixture
def make(make_results):
    def make(shape, levels=LEVELS, step=None, **settings):
        return make_results({"a": uniform(shape, **settings)}, levels=levels, step=step)["a"]

    return make


def test_shares_are_those_of_a_loop_and_of_the_other_tables(make):
    result = make((6, 3, 4))
    result.actual[4, 1:] = np.nan
    table = calibration(result)
    for place, level in enumerate(LEVELS):
        q = result.values[..., 1 + place]
        pairs = [(y, at) for y, at in zip(result.actual.ravel(), q.ravel(), strict=True) if not np.isnan(y)]
        assert table.loc[level, "observed"] == pytest.approx(np.mean([y <= at for y, at in pairs]))
        assert table.loc[level, "count"] == len(pairs) == 69
    steps = coverage_by_step(result)
    for name in ("90", "50"):
        np.testing.assert_allclose(steps.loc[name, "observed"], result.metrics("step")[f"coverage_{name}"])
        assert steps.loc[name, "nominal"].iloc[0] == pytest.approx(float(name) / 100)
    assert steps.loc["90", "count"].tolist() == [18, 17, 17, 17]
    assert steps.loc["90"].index.tolist() == [1, 2, 3, 4]
    assert table.attrs["band"] == steps.attrs["band"] == "fold"


def test_bands_of_independent_values_are_wilsons(make):
    from statsmodels.stats.proportion import proportion_confint

    result = make((3, 4, 5))  # too few folds, too few series
    table, steps = calibration(result), coverage_by_step(result)
    assert table.attrs["band"] == steps.attrs["band"] == "independent"
    held = np.round(table["observed"] * 60)
    np.testing.assert_allclose(table[["low", "high"]].T, proportion_confint(held, 60, method="wilson"))
    held = np.round(steps["observed"] * 12)
    np.testing.assert_allclose(steps[["low", "high"]].T, proportion_confint(held, 12, method="wilson"))


@pytest.mark.parametrize("alike", [0.0, 0.3])
@pytest.mark.parametrize(("shape", "step"), [((12, 4, 6), None), ((40, 2, 6), 3)], ids=["apart", "overlapping"])
def test_bands_hold_the_level_of_calibrated_forecasts_about_as_often_as_they_say(make, alike, shape, step):
    blank, held, by_step = make(shape, step=step), [], []
    away = np.array([0.0, *(2 * level - 1 for level in LEVELS)])
    for seed in range(150):
        points = blank.actual - uniform(shape, alike=alike, seed=seed).reshape(-1, 6, 1)
        result = replace(blank, values=points[..., None] + away)
        table, steps = calibration(result), coverage_by_step(result)
        held.append((table["low"] <= table.index) & (table.index <= table["high"]))
        by_step.append((steps["low"] <= steps["nominal"]) & (steps["nominal"] <= steps["high"]))
    assert 0.91 <= np.mean(held) <= 0.995
    assert 0.91 <= np.mean(by_step) <= 0.995


def test_values_of_a_fold_that_err_alike_widen_the_band(make):
    together, apart = (calibration(make((12, 20, 6), alike=alike)) for alike in (0.5, 0.0))
    width = {name: (t["high"] - t["low"])[0.5] for name, t in (("together", together), ("apart", apart))}
    wilson = 2 * 1.96 * 0.5 / np.sqrt(12 * 20 * 6)
    assert width["together"] > 3 * wilson
    assert width["apart"] < 1.6 * wilson


def test_series_take_the_place_of_too_few_folds(make):
    assert calibration(make((2, 12, 4))).attrs["band"] == "series"
    assert calibration(make((13, 12, 4), step=2)).attrs["band"] == "fold"
    assert calibration(make((12, 12, 4), step=2)).attrs["band"] == "series"


def test_intervals_that_hold_everything_are_no_more_certain_than_the_folds_are_many(make_results):
    result = make_results({"a": np.zeros((10, 4, 6))}, levels=(0.05, 0.95))["a"]
    from statsmodels.stats.proportion import proportion_confint

    low = coverage_by_step(result)["low"]
    assert (coverage_by_step(result)["observed"] == 1).all()
    assert (low < proportion_confint(10, 10, method="wilson")[0] + 1e-9).all() and (low > 0.5).all()


def test_where_actuals_and_quantiles_coincide_both_shares_are_told(make_results):
    errors = np.repeat([[[-1.0, 0.0, 0.0, 1.0]]], 6, axis=0)
    table = calibration(make_results({"a": errors}, levels=(0.5,))["a"])
    assert table.loc[0.5, "below"] == 0.25 and table.loc[0.5, "observed"] == 0.75


def test_steps_that_were_never_observed_have_no_share(make):
    result = make((6, 3, 4))
    result.actual[:, 2] = np.nan
    steps = coverage_by_step(result).loc["90"]
    assert steps["observed"].isna().tolist() == steps["low"].isna().tolist() == [False, False, True, False]
    assert np.isfinite(calibration(result)["low"]).all()


def test_points_and_levels_that_make_no_interval_are_refused(make):
    with pytest.raises(ConfigError, match="points only"):
        calibration(make((6, 2, 3), levels=()))
    with pytest.raises(ConfigError, match="make an interval"):
        coverage_by_step(make((6, 2, 3), levels=(0.1, 0.5)))
