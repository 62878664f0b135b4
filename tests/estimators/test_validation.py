"""What is held out, and what the fit then does with all of the data."""

import numpy as np
import pandas as pd
import pytest
import torch

from forecast.datasets.build import load_panel
from forecast.errors import ConfigError, DataError, TrainingError
from forecast.estimators import learning
from forecast.estimators.holdout import hold_out, only
from forecast.training.loop import Training
from forecast.training.schedule import Budget


def report(model: object, *names: str) -> list[object]:
    return [model.report_[name] for name in names]


def test_by_default_one_horizon_is_held_out(make, data):
    model = make("lstm").fit(data.long())
    assert model.report_["validation_loss"] > 0
    assert "validation" in model.report_["history"][0]
    assert set(model.fitted_ends_.values()) == {int(data.hours(90)[-1].timestamp() // 3600)}


@pytest.mark.parametrize("steps", [1, 3, 4, 20, np.int64(5)])
def test_as_many_steps_as_asked_for_are_held_out(make, data, steps):
    model = make("lstm").fit(data.series(), validation=steps)
    assert model.report_["validation_loss"] > 0


def test_nothing_is_held_out_when_asked(make, data):
    model = make("lstm").fit(data.series(), validation=0)
    assert report(model, "validation_loss", "best_step") == [None, 6]


@pytest.mark.parametrize("steps", [-1, 86, 1000])
def test_steps_that_cannot_be_held_out_are_refused(make, data, steps):
    with pytest.raises(ConfigError, match="cannot be held out"):
        make("lstm").fit(data.series(), validation=steps)


def test_held_out_targets_never_enter_training(make, data):
    """Two fits that differ in held-out targets alone train alike."""
    one, two = data.series(), data.series()
    two.iloc[-10:] = two.iloc[-10:] * 3 + 7
    fits = [make("lstm", patience=None, max_steps=10).fit(y, validation=10) for y in (one, two)]
    losses = [[h["loss"] for h in fit.report_["history"]] for fit in fits]
    assert losses[0] == losses[1]
    assert fits[0].report_["validation_loss"] != fits[1].report_["validation_loss"]


@pytest.mark.parametrize("scale", ["window", "series"])
def test_held_out_targets_never_enter_the_first_window_that_is_judged(make, data, monkeypatch, scale):
    windows = []

    class Watched(Training):
        def run(self):
            windows.append(self.validation[0].target[0])
            return super().run()

    monkeypatch.setattr(learning, "Training", Watched)
    for factor in (1, 3):
        values = data.series()
        values.iloc[-10:] *= factor
        make("lstm", scale=scale).fit(values, validation=10)
    torch.testing.assert_close(*windows, rtol=0, atol=1e-6 if scale == "series" else 1e-2)  # the floor may differ


def test_a_frame_that_continues_the_data_validates_like_the_same_steps_held_out(make, data):
    whole = data.series(100)
    settings = {"patience": None, "max_steps": 10}
    apart = make("lstm", **settings).fit(whole.iloc[:90], validation=whole.iloc[90:])
    overlapping = make("lstm", **settings).fit(whole.iloc[:90], validation=whole)
    held_out = make("lstm", **settings).fit(whole, validation=10)
    assert apart.report_["validation_loss"] == pytest.approx(held_out.report_["validation_loss"], rel=1e-4)
    assert overlapping.report_["validation_loss"] == pytest.approx(held_out.report_["validation_loss"], rel=1e-4)
    assert apart.predict().index[0] == whole.index[90]


def test_a_frame_of_row_steps_that_continues_the_data_validates(make, data):
    whole = data.long(130)[lambda frame: frame["when"].dt.hour < 10]
    split = data.hours(100)[-1]
    settings = {**data.LONG, "freq": "rows", "patience": None}
    first, last = whole[whole["when"] <= split], whole[whole["when"] > split]
    model = make("lstm", **settings).fit(first, validation=last)
    held = make("lstm", **settings).fit(whole, validation=len(last) // 3)
    assert model.report_["validation_loss"] == pytest.approx(held.report_["validation_loss"], rel=1e-3)


def test_other_series_may_validate(make, data):
    other = data.long()[lambda frame: frame["shop"] == "c"].assign(shop="z")
    model = make("lstm", **data.LONG).fit(data.long()[lambda frame: frame["shop"] != "c"], validation=other)
    assert model.report_["validation_loss"] > 0


def test_validation_data_that_neither_continue_nor_suffice_are_refused(make, data):
    whole = data.series(100)
    with pytest.raises(DataError, match="validation leaves no step to forecast"):
        make("lstm").fit(whole.iloc[:90], validation=whole.iloc[95:])
    with pytest.raises(DataError, match="validation leaves no step to forecast"):
        make("lstm").fit(whole.iloc[:90], validation=whole.iloc[:80])


def test_refit_trains_again_on_everything(make, data):
    settings = {"patience": None, "max_steps": 20}
    first = make("lstm", **settings).fit(data.series())
    again = make("lstm", **settings).fit(data.series(), refit=True)
    assert first.report_["best_step"] == again.report_["best_step"]
    assert not np.array_equal(first.predict(), again.predict())
    direct = make("lstm", **settings).set_params(max_steps=first.report_["best_step"])
    np.testing.assert_allclose(again.predict(), direct.fit(data.series(), validation=0).predict(), rtol=1e-6)


@pytest.mark.parametrize("late", [False, True])
def test_a_refit_for_which_no_time_is_left_keeps_the_weights_that_were_trained(make, data, monkeypatch, late):
    """New ones would not see a single step."""
    trained, train = [], learning.Learning.train

    def watched(self, panel, held_out, **options):
        trained.append(train(self, panel, held_out, **options))
        return trained[-1]

    monkeypatch.setattr(learning.Learning, "train", watched)
    model = make("lstm", patience=None, max_steps=20, max_time=30.0, threads=1)
    if late:
        monkeypatch.setattr(Budget, "seconds", lambda self: 31.0 if trained else 0.1)
    model.fit(data.series(), refit=True)
    assert len(trained) == (1 if late else 2)
    assert model.network_ is trained[-1].network
    assert trained[-1].progress.step > 0


def test_a_fit_without_time_for_a_single_step_says_so(make, data):
    model = make("lstm", max_time=1e-4).fit(data.series())
    assert any("untrained" in note["message"] for note in model.report_["notes"])


@pytest.mark.parametrize("family_", ["lstm", "encoder", "encoder-decoder", "hybrid"])
def test_series_with_gaps_everywhere_are_learned_and_validated(make, data, family_):
    values = data.series(600)
    values[np.random.default_rng(0).random(600) < 0.2] = np.nan
    values.iloc[-1] = 5.0
    model = make(family_, lookback=48, max_steps=60, patience=None).fit(values)
    history = model.report_["history"]
    assert all(h["loss"] > 0 and h["validation"] > 0 for h in history)
    assert history[-1]["loss"] < history[0]["loss"]
    assert np.isfinite(model.predict()).all()


def test_windows_that_cannot_teach_are_refused(make, data):
    with pytest.raises(ConfigError, match="no series is longer than"):
        make("lstm", patch=200, lookback=None).fit(data.series())


def test_a_validation_window_lies_after_the_rows_to_train_on(make, data):
    from forecast.datasets.build import load_panel

    for frame in (data.series(40), data.long(90), data.series(9)):
        panel = load_panel(frame)
        train, held = hold_out(panel, 4, None)
        if held is None:
            assert (panel.ends < 13).all()
            continue
        _, series, ends = held
        assert (ends >= train.ends[series]).all()
        assert (ends + 4 <= panel.ends[series]).all()
        assert (panel.ends - train.ends).sum() <= panel.ends.sum() // 3


def test_an_input_of_nonsense_scale_stops_with_the_cause(make, data):
    with pytest.raises(TrainingError, match="learning rate"):
        make("lstm", learning_rate=1e30, max_steps=20).fit(data.series())


def test_validation_frames_of_other_columns_are_refused(make, data):
    with pytest.raises(DataError):
        make("lstm", **data.LONG).fit(data.long(), validation=pd.DataFrame({"a": ["x", "y"]}))


@pytest.mark.parametrize("validation", [True, 0.2])
def test_validation_that_is_no_number_of_steps_is_refused(validation, make, data):
    with pytest.raises(ConfigError, match="validation="):
        make("lstm").fit(data.series(), validation=validation)


def test_a_few_series_are_judged_alone_as_among_all():
    panel = load_panel(np.random.default_rng(0).normal(size=(50, 9)))
    series = np.array([7, 2, 2, 7])
    few, numbers = only(panel, series)
    assert len(few) == 2
    assert few.ids[numbers].tolist() == panel.ids[series].tolist()
    for s, n in zip(series, numbers, strict=True):
        np.testing.assert_array_equal(few.series(n), panel.series(s))
    assert only(panel, np.arange(9))[0] is panel
    assert only(panel, np.zeros(0, np.int64))[0] is panel
