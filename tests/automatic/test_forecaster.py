"""The automatic choice as a forecaster: what it promises whatever it chooses."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast import AutoForecaster, ConfigError, ConformalForecaster, DataError, create, load
from forecast.automatic import candidates, intervals, trials
from forecast.presets import name_of

QUICK: dict[str, Any] = {"hidden_size": 8, "max_steps": 5, "threads": 1}
ROLES: dict[str, Any] = {"time": "day", "id": "shop", "target": "sales"}


def shops(steps: int = 140, *, series: int = 3, noise: float = 0.5) -> pd.DataFrame:
    """Daily sales with a weekly cycle and a slow trend."""
    days, rng = np.arange(steps), np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "shop": f"shop {s}",
                "day": pd.date_range("2024-01-01", periods=steps),
                "sales": 20 + s + 0.02 * days + 5 * np.sin(days * 2 * np.pi / 7) + rng.normal(0, noise, steps),
            }
        )
        for s in range(series)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forecasters that take no time."""
    monkeypatch.setattr(candidates, "NETWORKS", ("gru",))
    monkeypatch.setattr(candidates, "BASELINES", ("naive", "seasonal-naive", "linear"))
    monkeypatch.setattr(candidates, "CHANGES", ())
    monkeypatch.setattr(candidates, "OTHERS", ())


def automatic(**settings: Any) -> AutoForecaster:
    return AutoForecaster(**{"horizon": 7, "max_time": 120, **ROLES, "settings": QUICK, **settings})


def test_what_was_done_and_why_is_reported(few: None) -> None:
    model = automatic().fit(shops())
    report = model.report_
    assert set(report["trials"]) >= {"naive", "seasonal-naive", "linear", "gru"}
    assert report["chosen"] in report["trials"]
    assert sum(report["weights"].values()) == pytest.approx(1)
    assert report["why"] and report["chosen"] in report["notes"][-1]["message"]
    errors = [row["mase"] for row in report["trials"].values()]
    assert errors == sorted(errors)


@pytest.mark.parametrize("names", [("naive", "seasonal-naive"), ("seasonal-naive", "linear", "theta")])
def test_it_comes_back_from_its_folder(few: None, names: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "BASELINES", names)
    monkeypatch.setattr(candidates, "NETWORKS", ())
    if "theta" in names:  # a combination, and calibrated whether it helps or not
        monkeypatch.setattr(intervals, "CLOSER", -1.0)
        monkeypatch.setattr(intervals, "WORSE", 9.0)
    frame = shops(series=6)
    model = automatic().fit(frame)
    assert model.report_["chosen"] == ("combined" if "theta" in names else "seasonal-naive")
    assert isinstance(model.chosen_, ConformalForecaster) == ("theta" in names)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, AutoForecaster) and again.get_params() == model.get_params()
    assert name_of(again) == "auto" and again.report_["why"] == model.report_["why"]
    levels = (0.1, 0.5, 0.9)
    pd.testing.assert_frame_equal(again.predict(levels=levels), model.predict(levels=levels))
    unseen = frame[frame["shop"] == "shop 0"].assign(shop="new")
    found = again.predict(unseen, levels=levels)
    pd.testing.assert_frame_equal(found, model.predict(unseen, levels=levels))
    assert len(found) == 7 and (np.diff(found[["q0.1", "q0.5", "q0.9"]].to_numpy()) >= 0).all()


def test_it_is_as_good_as_the_best_baseline_on_what_it_has_not_seen(few: None) -> None:
    frame = shops(steps=154)
    train, test = frame[frame["day"] < "2024-05-20"], frame[frame["day"] >= "2024-05-20"]
    baselines = [create(name, horizon=7, **ROLES).fit(train).score(test) for name in candidates.BASELINES]
    assert automatic().fit(train).score(test) > max(baselines) - 0.05


def test_forecasts_respect_bounds_and_transforms_are_undone(few: None) -> None:
    model = automatic(transform="log1p", lower=19.0).fit(shops())
    values = model.predict()["sales"]
    assert values.min() == pytest.approx(19.0) and 24 < values.max() < 40


def test_other_settings_of_what_is_tried_are_passed_on(few: None) -> None:
    model = automatic(settings={**QUICK, "lookback": 21}, levels=(0.2, 0.8)).fit(shops())
    assert model.report_["trials"]["linear"]["mase"] > 0
    assert list(model.predict(levels=(0.2, 0.8)).columns[-2:]) == ["q0.2", "q0.8"]
    with pytest.raises(ConfigError, match="lookback"):
        automatic(settings={"lookback": -3}).fit(shops())
    with pytest.raises(ConfigError, match="unknown setting of what is tried 'hiden_size'\nDid you mean 'hidden_size'"):
        automatic(settings={"hiden_size": 8}).fit(shops())
    with pytest.raises(ConfigError, match="settings='fast' is no mapping"):
        automatic(settings="fast").fit(shops())


def test_a_year_is_tried_where_the_calendar_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "NETWORKS", ())
    monkeypatch.setattr(candidates, "BASELINES", ("naive", "seasonal-naive", "linear"))
    weeks, rng = np.arange(120), np.random.default_rng(0)
    shape = rng.normal(0, 10, 52)
    sales = 100 + shape[weeks % 52] + rng.normal(0, 1, 120)
    series = pd.Series(sales, index=pd.date_range("2022-01-07", periods=120, freq="W-FRI"), name="sales")
    model = AutoForecaster(horizon=8, max_time=60, season=1).fit(series[:-8])
    assert "seasonal-naive season=52" in model.report_["weights"]
    assert np.abs(model.predict() - series[-8:]).mean() < 4


def test_data_too_short_for_a_fold_are_forecast_all_the_same(few: None) -> None:
    model = automatic(horizon=1).fit(shops(steps=3))
    assert model.report_["chosen"] == "seasonal-naive" and "too short" in model.report_["why"][0]
    assert len(model.predict()) == 3


def test_folds_that_do_not_fit_are_refused_with_how_many_would(few: None) -> None:
    with pytest.raises(DataError, match="at most 17 folds"):
        automatic(folds=40).fit(shops())


def test_it_is_cloned_and_backtested_as_any_other(few: None) -> None:
    model = automatic(max_time=60)
    assert model.clone().get_params() == model.get_params()
    result = model.backtest(shops(), folds=2)
    assert result.name == "auto" and result.fits == 1 and np.isfinite(result.metrics()["mase"])


def test_a_validation_set_that_it_would_not_heed_is_refused(few: None) -> None:
    with pytest.raises(ConfigError, match="folds of its own"):
        automatic().fit(shops(), validation=7)


def test_the_leading_network_is_tried_with_other_settings(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "WANTED_SECONDS", 1.0)
    monkeypatch.setattr(trials, "BEHIND", 1e9)
    monkeypatch.setattr(candidates, "CHANGES", (("location", "last"), ("calendar", False)))
    monkeypatch.setattr(candidates, "OTHERS", ())
    tried = set(automatic().fit(shops(steps=100)).report_["trials"])
    assert "gru location=last" in tried
    assert tried & {"gru calendar=False", "gru location=last calendar=False"}


def test_networks_far_behind_the_baselines_get_no_more_time(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "WANTED_SECONDS", 1.0)
    monkeypatch.setattr(trials, "BEHIND", 0.0)
    assert not [label for label in automatic().fit(shops()).report_["trials"] if label.startswith("gru ")]


def test_a_network_behind_that_was_still_learning_gets_one_longer_trial(
    few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[float] = []
    usual = trials._try_network

    def spy(candidate: Any, panel: Any, found: Any, settings: Any, share: float, watcher: Any) -> None:
        shares.append(share)
        usual(candidate, panel, found, settings, share, watcher)

    monkeypatch.setattr(trials, "_try_network", spy)
    monkeypatch.setattr(trials, "WANTED_SECONDS", 1.0)
    monkeypatch.setattr(trials, "BEHIND", 0.0)
    monkeypatch.setattr(trials, "LEARNING", 0.0)
    automatic().fit(shops())
    assert len(shares) == 2 and shares[1] > 2 * shares[0]


def test_a_listener_may_follow_and_is_told_the_losses(few: None) -> None:
    heard: list[dict[str, float]] = []

    def listen(step: int, seconds: float, losses: dict[str, float]) -> None:
        heard.append(losses)

    automatic().fit(shops(), on_report=listen)
    assert heard and all("loss" in losses for losses in heard)
