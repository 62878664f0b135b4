"""Who is better: the words, and how far they can be trusted."""

from dataclasses import replace

import numpy as np
import pytest

from forecast.errors import ConfigError
from forecast.evaluation import compare, contest


def noise(shape, size=1.0, seed=0):
    return np.random.default_rng(seed).normal(size=shape) * size


def test_a_clear_difference_is_better_one_way_and_worse_the_other(make_results):
    results = make_results({"good": noise((12, 3, 4), 0.5), "bad": noise((12, 3, 4), 1.5, seed=1)})
    good, bad = results["good"], results["bad"]
    found, back = compare(good, bad), compare(bad, good)
    assert (found.word, back.word) == ("better", "worse")
    assert found.difference < 0 < found.low < found.skill < found.high < 1
    assert found.p == back.p == found.adjusted and found.pairs == 12 and found.by == "fold"
    assert found.difference == pytest.approx(
        (good.metrics("fold")["mase"] - bad.metrics("fold")["mase"]).mean(), rel=1e-12
    )
    assert str(found) == "better: p < .001 on 12 folds"
    assert compare(good, bad, measure="rmse", test="wilcoxon").word == "better"


def test_equals_and_the_same_forecasts_cannot_be_told_apart(make_results):
    results = make_results({"one": noise((12, 2, 4)), "other": noise((12, 2, 4), seed=1)})
    found = compare(results["one"], results["other"])
    assert found.word == "cannot tell" and found.low < 0 < found.high and found.needed > 12
    assert str(found) == f"cannot tell: p = {found.p:.3f} on 12 folds, about {found.needed:,} would be needed".replace(
        "0.", ".", 1
    )
    same = compare(results["one"], results["one"])
    assert same.p == 1.0 and same.skill == 0.0 and str(same).endswith("too alike for any number of them")


def test_too_few_folds_say_how_many_a_test_needs(make_results):
    errors = {"good": noise((4, 3, 6), 0.1), "bad": noise((4, 3, 6), 2.0)}
    found = compare(*make_results(errors).values())
    assert found.word == "cannot tell" and np.isnan(found.p) and np.isnan(found.low) and found.skill > 0.9
    assert str(found) == "cannot tell: 4 folds, a test needs 5"
    overlapping = compare(*make_results(errors, step=2).values())
    assert overlapping.needed == 4 * 5 + 1  # three successive folds share rows
    assert compare(*make_results(errors).values(), test="wilcoxon").word == "cannot tell"
    assert compare(*make_results(errors).values(), overlap=2).needed == 4 * 3 + 1  # as if two erred alike
    assert contest(make_results(errors), reference="bad", overlap=2).against_reference["good"].needed == 13


def test_many_series_are_tested_where_the_folds_are_too_few(make_results):
    results = make_results({"good": noise((2, 30, 4), 0.5), "bad": noise((2, 30, 4), 1.5, seed=1)})
    found = compare(*results.values())
    assert (found.by, found.pairs, found.word) == ("series", 30, "better")
    assert str(found) == "better: p < .001 on 30 series"
    assert compare(*results.values(), by="fold").word == "cannot tell"
    few = make_results({"good": noise((2, 9, 4), 0.5), "bad": noise((2, 9, 4), 1.5, seed=1)})
    assert str(compare(*few.values(), by="series")) == "cannot tell: 9 series, a test needs 10"


def test_skill_of_the_usual_series_is_told_from_the_mean_error_that_few_series_make(make_results):
    errors = {"first": np.abs(noise((1, 60, 4), 0.25)), "second": np.abs(noise((1, 60, 4), seed=1))}
    errors["first"][0, :2] += 20.0
    found = compare(*make_results(errors).values())
    assert found.word == "cannot tell" and found.difference > 0 < found.low
    assert found.sentence().startswith("first against second: cannot tell: p = ")
    assert found.sentence().endswith("): of the usual series, not of the mean error")


def test_a_shock_that_hits_all_series_at_once_is_no_evidence_by_fold(make_results):
    shocks = np.exp(noise((2, 5, 1, 1), seed=5))
    results = make_results(
        {"one": shocks[0] + noise((5, 400, 4), 0.1), "other": shocks[1] + noise((5, 400, 4), 0.1, 1)}
    )
    assert compare(*results.values(), by="series").word != "cannot tell"
    assert compare(*results.values(), by="fold").word == "cannot tell"


def test_each_is_held_against_the_reference_and_the_winner_against_each(make_results):
    sizes = {"seasonal-naive": 1.0, "good": 0.5, "twin": 0.5, "bad": 2.0}
    results = make_results({name: noise((20, 3, 4), size, seed) for seed, (name, size) in enumerate(sizes.items())})
    found = contest(results)
    assert found.reference == "seasonal-naive" and found.measure == "mase" and found.by == "fold"
    words = {name: made.word for name, made in found.against_reference.items()}
    assert words == {"good": "better", "twin": "better", "bad": "worse"}
    (loser,) = {"good", "twin"} - {found.winner}
    assert {name: made.word for name, made in found.of_winner.items()} == {
        "seasonal-naive": "better",
        loser: "cannot tell",
        "bad": "better",
    }
    for made in found.of_winner.values():
        assert made.first == found.winner and made.low < made.skill < made.high
    direct, back = found.of_winner["seasonal-naive"], found.against_reference[found.winner]
    assert direct.p == back.p and direct.skill == pytest.approx(back.skill)
    assert direct.adjusted >= back.adjusted  # one of six pairs rather than of three
    assert (direct.low, direct.high) == pytest.approx((back.low, back.high))


def test_adjusted_p_values_are_holms_over_the_reference_and_over_all_pairs(make_results):
    from statsmodels.stats.multitest import multipletests

    names = ("seasonal-naive", "a", "b", "c")
    results = make_results({name: noise((9, 2, 3), 1 - 0.1 * seed, seed) for seed, name in enumerate(names)})
    found = contest(results, resamples=0)
    base = [compare(results[name], results["seasonal-naive"]).p for name in names[1:]]
    adjusted = [found.against_reference[name].adjusted for name in names[1:]]
    np.testing.assert_allclose(adjusted, multipletests(base, method="holm")[1])
    pairs = {(one, two): compare(results[one], results[two]).p for one in names for two in names if one < two}
    whole = dict(zip(pairs, multipletests(list(pairs.values()), method="holm")[1], strict=True))
    for name, made in found.of_winner.items():
        assert made.adjusted == pytest.approx(whole[min(name, found.winner), max(name, found.winner)])
        assert np.isnan(made.low)


def test_of_five_equals_any_is_called_better_in_at_most_one_of_twenty_backtests(make_results):
    names = ("seasonal-naive", "a", "b", "c", "d")
    claims, blank = [], make_results({"any": np.zeros((12, 2, 3))})["any"]
    for trial in range(200):
        errors = np.abs(noise((5, 24, 3, 1, 1), seed=trial))
        results = [replace(blank, values=blank.values - each) for each in errors]
        found = contest(dict(zip(names, results, strict=True)), resamples=0)
        claims.append(
            [
                any(made.word != "cannot tell" for made in family.values())
                for family in (found.against_reference, found.of_winner)
            ]
        )
    assert (np.mean(claims, axis=0) <= 0.085).all()  # 5 % and two standard errors
    assert np.mean(claims, axis=0)[0] >= 0.01


def test_another_reference_may_be_named_and_none_is_needed(make_results):
    results = make_results({name: noise((8, 2, 3), seed=seed) for seed, name in enumerate("abc")})
    assert contest(results).reference is None and not contest(results).against_reference
    assert set(contest(results, reference="b").against_reference) == {"a", "c"}
    with pytest.raises(ConfigError, match="unknown reference 'd'"):
        contest(results, reference="d")
    alone = contest({"a": results["a"]})
    assert alone.winner == "a" and not alone.of_winner


def test_missing_forecasts_leave_the_other_comparisons_alone(make_results):
    results = make_results({"a": noise((8, 2, 3), 0.5), "b": noise((8, 2, 3), 2.0, 1), "c": noise((8, 2, 3))})
    results["c"].values[3] = np.nan
    found = contest(results, reference="b")
    assert found.winner == "a" and found.against_reference["a"].word == "better"
    assert found.against_reference["c"].word == "cannot tell" and np.isnan(found.against_reference["c"].p)


def test_what_is_not_known_is_refused(make_results):
    one, other = make_results({"one": noise((4, 2, 3)), "other": noise((4, 2, 3), seed=1)}).values()
    with pytest.raises(ConfigError, match="Did you mean 'mase'"):
        compare(one, other, measure="masse")
    with pytest.raises(ConfigError, match="unknown test"):
        compare(one, other, test="f")
    with pytest.raises(ConfigError, match="overlap=0 is not at least 1"):
        compare(one, other, overlap=0)
    with pytest.raises(ConfigError, match="unknown pairing"):
        compare(one, other, by="step")
    (third,) = make_results({"third": noise((5, 2, 3))}).values()
    with pytest.raises(ConfigError, match="first and second were not tested on the same windows"):
        compare(one, third)
