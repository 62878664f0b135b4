"""Fine-tuning goes on from the fitted weights: better where the data changed, never worse, whole or not at all."""

import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecast import SeasonalNaiveForecaster, load
from forecast.errors import ConfigError, DataError, NotFittedError, TrainingError
from forecast.estimators.fine_tuning import NewRows
from forecast.estimators.holdout import gather_windows, hold_out
from forecast.training.loop import Training

OLD = Path(__file__).parents[1] / "data" / "models" / "v1-lstm"


def changed(steps: int = 240, *, seed: int = 0) -> pd.Series:
    """A wave that stands on its head from step 120 on."""
    rng = np.random.default_rng(seed)
    sign = np.where(np.arange(steps) < 120, 1.0, -1.0)
    shape = np.array([0.0, 3.0, 1.0, -1.0, -2.0, -1.0])[np.arange(steps) % 6]
    values = 5 + sign * shape * np.where(np.arange(steps) % 12 < 6, 1.0, 0.4) + 0.1 * rng.normal(size=steps)
    return pd.Series(values, index=pd.date_range("2024-01-01", periods=steps, freq="h"), name="load")


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.network_.state_dict().items()}


def same_weights(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], two[name]) for name in one)


def told(model: Any) -> dict[str, Any]:
    return model.report_["fine_tuned"][-1]


@pytest.fixture(scope="module")
def fitted(make) -> Any:
    """A forecaster of the wave before it changed; ``again(fitted)`` gives another one like it."""
    return make("lstm", max_steps=200, hidden_size=16).fit(changed()[:120])


def again(model: Any, folder: Any) -> Any:
    model.save(folder, force=True)
    return load(folder)


def test_fine_tuning_on_data_that_changed_improves_the_forecast_of_what_comes(make, tmp_path):
    """What used to stay begins to alternate: nothing in a window could have told."""
    noise, values = np.random.default_rng(0).normal(size=600), np.zeros(600)
    for t in range(1, 600):
        values[t] = (0.9 if t < 200 else -0.9) * values[t - 1] + noise[t]
    old = make("lstm", max_steps=100, dropout=0.0).fit(values[:200])
    model = again(old, tmp_path).fine_tune(values[200:500], max_steps=100, learning_rate=4e-3)
    assert told(model)["improved"] and told(model)["validation_after"] < 0.8 * told(model)["validation_before"]
    panel, origins = old._panel(values), np.arange(500, 597)
    before, after = (m.forecast_windows(panel, np.zeros(97, int), origins)[..., 0, 0] for m in (old, model))
    truth = np.lib.stride_tricks.sliding_window_view(values, 4)[500:]
    assert np.abs(after - truth).mean() < 0.85 * np.abs(before - truth).mean()  # 0.78 is the least there can be


def test_weights_that_do_not_improve_are_not_kept_bit_for_bit(fitted, tmp_path):
    model = again(fitted, tmp_path)
    before, seen = weights(model), []
    model.fine_tune(changed()[120:216], max_steps=9, learning_rate=1e-12, on_report=lambda *report: seen.append(report))
    assert [step for step, _, _ in seen] == [5, 9]  # it did train
    assert same_weights(before, weights(model)) or told(model)["improved"]
    spoiled = again(fitted, tmp_path)
    spoiled.fine_tune(changed()[100:180], max_steps=3, learning_rate=5.0)
    assert not told(spoiled)["improved"] and told(spoiled)["best_step"] == 0
    assert told(spoiled)["validation_after"] == told(spoiled)["validation_before"]
    assert same_weights(before, weights(spoiled))
    assert spoiled.predict().index[0] == changed().index[180]  # the end moved on all the same


def test_the_cost_is_a_tenth_of_the_fit_or_what_was_asked_for(fitted, tmp_path, monkeypatch):
    model = again(fitted, tmp_path)
    model.fine_tune(changed()[120:200], validation=0)
    assert told(model)["steps"] == 20 == fitted.resolved_.max_steps // 10
    model.fine_tune(changed()[200:220], max_steps=7, validation=0)
    assert told(model)["steps"] == 7
    assert [entry["new_steps"] for entry in model.report_["fine_tuned"]] == [80, 20]
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks) / 100)
    model.fine_tune(changed()[220:], max_steps=10**7, max_time=0.3, validation=0)
    assert told(model)["stopped"] == "time" and 1 <= told(model)["steps"] <= 30


@pytest.mark.parametrize("case", ["plain", "whole history", "overlap", "a file"])
def test_rows_that_were_trained_on_are_context_however_they_are_given(fitted, tmp_path, case):
    whole = changed()
    expected = again(fitted, tmp_path / "a").fine_tune(whole[120:200], max_steps=5, validation=10)
    given: Any = {"whole history": whole[:200], "overlap": whole[97:200]}.get(case, whole[120:200])
    if case == "a file":
        given = tmp_path / "new.csv"
        whole[:200].rename_axis("when").to_csv(given)
    model = again(fitted, tmp_path / "b").fine_tune(given, max_steps=5, validation=10)
    assert same_weights(weights(model), weights(expected))
    assert told(model)["new_steps"] == 80
    np.testing.assert_array_equal(model.predict(), expected.predict())
    np.testing.assert_allclose(model.predict(), model.predict(whole[:200]), rtol=1e-5)  # the stored context suffices


def test_steps_between_the_context_and_the_new_rows_are_unobserved_ones(fitted, tmp_path):
    whole = changed()[:200]
    after = {
        gap: NewRows.after(
            fitted.panel_, fitted._panel(whole[120 + gap :], schema=fitted.schema_), lookback=12, horizon=4
        )
        for gap in (4, 12, 13)
    }
    np.testing.assert_array_equal(after[4].panel.target[:17, 0], [*whole[108:120], *[np.nan] * 4, whole.iloc[124]])
    assert np.isnan(after[12].panel.target[4:16]).all()  # a window before the new rows sees nothing of the context
    assert [(new.known.tolist(), len(new.panel.target)) for new in after.values()] == [
        ([16], 92),
        ([16], 84),
        ([0], 67),
    ]
    model = again(fitted, tmp_path).fine_tune(whole[124:], max_steps=5)
    assert told(model)["new_steps"] == 76
    assert model.predict().index[0] == changed().index[200]


def test_it_is_repeatable_by_the_seed_and_leaves_torch_as_it_was(fitted, tmp_path):
    runs = [again(fitted, tmp_path) for _ in range(2)]
    state = torch.get_rng_state()
    for model in runs:
        model.fine_tune(changed()[120:200], max_steps=6)
    assert torch.equal(torch.get_rng_state(), state)
    assert same_weights(*map(weights, runs))
    other = again(fitted, tmp_path).set_params(seed=3).fine_tune(changed()[120:200], max_steps=6, validation=0)
    assert not same_weights(weights(runs[0]), weights(other))


def test_a_fine_tuned_forecaster_is_saved_and_loaded_like_any_other(fitted, tmp_path):
    model = again(fitted, tmp_path).fine_tune(changed()[120:200], max_steps=5)
    model.save(tmp_path / "new")
    loaded = load(tmp_path / "new")
    pd.testing.assert_frame_equal(loaded.predict(levels=(0.1, 0.9)), model.predict(levels=(0.1, 0.9)))
    assert loaded.report_["fine_tuned"] == model.report_["fine_tuned"]
    assert loaded.fitted_ends_ == model.fitted_ends_
    two = [m.fine_tune(changed()[200:], max_steps=5) for m in (model, loaded)]  # and goes on from there
    assert same_weights(*map(weights, two))
    assert len(loaded.report_["fine_tuned"]) == 2


def test_a_model_of_the_first_format_can_be_fine_tuned(tmp_path):
    model = load(OLD)
    newer = model.predict().assign(visitors=100.0, size=True)
    model.fine_tune(newer, max_steps=2, validation=0)
    assert model.predict()["month"].min() == pd.Timestamp("2024-04-01")
    model.save(tmp_path / "m")
    pd.testing.assert_frame_equal(load(tmp_path / "m").predict(), model.predict())


def long_frame(first: int, last: int, ids: str = "abc", **options: Any) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"shop": name, "when": changed().index[first:last], "sold": changed(seed=seed)[first:last]})
            for seed, name in enumerate(ids)
        ],
        ignore_index=True,
    )


LONG = {"time": "when", "target": "sold", "id": "shop"}


@pytest.mark.parametrize("embedded", [False, True])
def test_unseen_series_are_learned_from_and_join_the_forecast(make, tmp_path, embedded):
    model = make("lstm", **LONG, series_embedding=embedded).fit(long_frame(0, 120))
    later = pd.concat([long_frame(120, 180, "ab"), long_frame(60, 160).assign(shop="new")[:100]])
    model.fine_tune(later, max_steps=5)
    assert (told(model)["series"], told(model)["unseen"]) == (3, 1)
    forecast = model.predict()
    starts = forecast.groupby("shop", sort=False)["when"].first()
    index = changed().index
    assert starts.to_dict() == {"a": index[180], "b": index[180], "c": index[120], "new": index[160]}
    assert list(model.fitted_ends_) == ["a", "b", "c", "new"]
    model.save(tmp_path / "m")
    pd.testing.assert_frame_equal(load(tmp_path / "m").predict(), forecast)


def test_covariates_of_every_kind_and_what_was_learned_of_them_stay(make, data):
    frame = data.covariates(120, ahead=4)
    row = frame.groupby("shop").cumcount()
    first = frame[row < 90].copy()
    model = make("lstm", **data.ROLES).fit(first)
    learned = model.covariates_
    newer = frame[row >= 90].assign(town="Rome", offer="new")
    newer["price"] *= 100
    model.fine_tune(newer, max_steps=5)
    assert model.covariates_ is learned
    assert told(model)["new_steps"] == 90
    forecast = model.predict(levels=(0.1, 0.5, 0.9))  # the rows after the last target hold what is known ahead
    assert len(forecast) == 12
    assert (forecast["q0.1"] <= forecast["q0.9"]).all()


def test_a_transform_and_points_without_levels_stay(make, tmp_path):
    whole = changed()
    model = make("hybrid", transform="box-cox", levels=None, lower=0.5).fit(whole[:120])
    model.fine_tune(whole[120:180], max_steps=5)
    assert model.predict().between(0.5, 20).all()
    again(model, tmp_path).fine_tune(whole[180:], max_steps=2)
    with pytest.raises(DataError, match="box-cox"):
        model.fine_tune(whole[180:] - 100)


@pytest.mark.parametrize("freq", ["rows", "D"])
def test_row_times_and_days_are_continued(make, freq):
    days = pd.date_range("2024-01-01", periods=200, freq="B" if freq == "rows" else "D")
    series = pd.Series(changed()[:200].to_numpy(), index=days)
    model = make("lstm", freq=freq, season=6).fit(series[:120])
    model.fine_tune(series[110:190], max_steps=3)
    assert told(model)["new_steps"] == 70
    assert model.predict().index[0] == days[190]


def test_arrays_go_on_where_training_ended(make):
    values = changed().to_numpy()
    model = make("lstm").fit(values[:120])
    model.fine_tune(values[120:180], max_steps=3)
    assert told(model)["new_steps"] == 60
    assert model.fitted_ends_ == {next(iter(model.fitted_ends_)): 179}


def test_several_channels_are_fine_tuned_together(make):
    frame = pd.DataFrame({"t": changed().index, "x": changed().to_numpy(), "y": changed(seed=1).to_numpy()})
    model = make("lstm", target=("x", "y")).fit(frame[:120])
    model.fine_tune(frame[120:180], max_steps=3)
    assert model.predict().shape[0] == 4


def test_a_validation_frame_judges_it(fitted, tmp_path):
    whole = changed()
    model = again(fitted, tmp_path).fine_tune(whole[120:180], max_steps=40, validation=whole[180:200])
    assert told(model)["validation_before"] is not None
    assert model.predict().index[0] == whole.index[180]


@pytest.mark.parametrize(("new", "held", "windows"), [(6, 2, 3), (12, 4, 1), (30, 10, 7)])
def test_held_out_targets_meet_every_step_of_the_horizon_and_no_others_count(fitted, new, held, windows):
    panel = fitted._panel(changed()[: 120 + new], schema=fitted.schema_)
    train, (whole, series, ends) = hold_out(panel, 4, None, known=np.array([120]))
    assert train.ends.tolist() == [120 + new - held] and whole.ends.tolist() == [120 + new]
    seen = fitted._windows(whole, torch.device("cpu"), min_context=1)
    gathered = gather_windows(seen, series, ends, size=2, judged=train.ends)
    counted = torch.cat([window.counted for window in gathered])[:, 0, :, 0].numpy()  # (W, H)
    rows = ends[:, None] + np.arange(4)
    np.testing.assert_array_equal(counted, (rows >= train.ends[0]) & (rows < whole.ends[0]))
    assert len(counted) == windows and counted.any(0).all()


def test_very_few_new_rows_are_taken_without_validation(fitted, tmp_path):
    before = weights(fitted)
    model = again(fitted, tmp_path).fine_tune(changed()[120:122], max_steps=2)
    assert told(model)["validation_before"] is None and told(model)["improved"]
    assert not same_weights(before, weights(model))
    assert model.predict().index[0] == changed().index[122]


def state_of(model: Any) -> dict[str, Any]:
    return {**vars(model), "network_": weights(model), "spans_": model.spans_.copy()}


def assert_untouched(before: dict[str, Any], model: Any) -> None:
    after = state_of(model)
    assert same_weights(before.pop("network_"), after.pop("network_"))
    np.testing.assert_array_equal(before.pop("spans_"), after.pop("spans_"))
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] is not after[name] and before[name] != after[name]] == []


@pytest.mark.parametrize(
    ("given", "options", "error", "told"),
    [
        (slice(0, 120), {}, DataError, "no row is newer"),
        (slice(50, 100), {}, DataError, "no row is newer"),
        (slice(120, 180), {"max_steps": 0, "max_time": -1}, ConfigError, "max_steps=0.*; max_time=-1"),
        (slice(120, 180), {"learning_rate": "fast"}, ConfigError, "learning_rate='fast' is not a number"),
        (slice(120, 180), {"learning_rate": float("nan")}, ConfigError, "learning_rate=nan"),
        (slice(120, 180), {"validation": 0.2}, ConfigError, "validation=0.2 is neither"),
        (slice(120, 180), {"validation": 60}, ConfigError, "cannot be held out of at most 60 new ones"),
        (slice(120, 180), {"learning_rate": 1e35}, TrainingError, "non-finite"),
    ],
)
def test_what_cannot_be_done_is_a_clear_error_and_changes_nothing(fitted, given, options, error, told):
    before = state_of(fitted)
    with pytest.raises(error, match=told) as caught:
        fitted.fine_tune(changed()[given], **options)
    assert caught.value.remedy
    assert_untouched(before, fitted)


def test_an_interruption_changes_nothing(fitted, monkeypatch):
    before = state_of(fitted)

    def interrupt(step: int, seconds: float, losses: dict[str, float]) -> None:
        if step > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted.fine_tune(changed()[120:180], on_report=interrupt)
    assert_untouched(dict(before), fitted)
    monkeypatch.setattr(Training, "validate", lambda self: float("nan"))
    with pytest.raises(TrainingError):
        fitted.fine_tune(changed()[120:180])
    assert_untouched(before, fitted)


def test_other_columns_or_another_frequency_are_refused_as_by_predict(fitted):
    daily = pd.Series(changed().to_numpy(), index=pd.date_range("2024-01-01", periods=240, freq="D"), name="load")
    with pytest.raises(DataError):
        fitted.fine_tune(daily)
    with pytest.raises(DataError):
        fitted.fine_tune(changed()[120:180].astype(str) + "x")


def test_unseen_series_too_short_for_a_window_say_so(make):
    model = make("lstm", **LONG, lookback=48).fit(long_frame(0, 240))
    assert model.resolved_.min_context > 8
    with pytest.raises(DataError, match="no new row has the"):
        model.fine_tune(long_frame(0, 8, "a").assign(shop="new"))


def test_only_what_was_fitted_and_has_weights_can_be_fine_tuned(make):
    with pytest.raises(NotFittedError):
        make("lstm").fine_tune(changed())
    assert not hasattr(SeasonalNaiveForecaster(horizon=4), "fine_tune")
