"""What a run of the training loop promises: repeatable, resumable, bounded, honest about failure."""

import itertools
import time

import numpy as np
import pytest
import torch

from forecast.errors import ConfigError, TrainingError
from forecast.training import checkpoint
from forecast.training.loop import Training


def weights(training: Training) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in training.network.state_dict().items()}


def assert_identical(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    assert one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


def test_training_lowers_the_loss(training):
    run = training(dropout=0.0, max_steps=200)
    progress = run.run()
    assert progress.history[-1]["validation"] < 0.7 * progress.history[0]["validation"]
    assert progress.step == 200 and progress.stopped == "steps"


def test_one_seed_gives_the_same_weights_and_another_seed_others(training):
    runs = [training(seed=seed) for seed in (3, 3, 4)]
    for seed, run in zip((3, 3, 4), runs, strict=True):
        torch.manual_seed(seed)  # dropout draws from torch's own state
        run.run()
    assert_identical(weights(runs[0]), weights(runs[1]))
    assert not torch.equal(*(weights(run)["decoder.output.weight"] for run in runs[1:]))


class Killed(BaseException):
    """Nothing in the package may catch it, like a kill."""


@pytest.mark.parametrize("report", [1, 4, 8])
def test_a_killed_run_resumes_to_the_weights_of_one_never_killed(training, tmp_path, report):
    torch.manual_seed(5)
    whole = training()
    torch.manual_seed(5)
    expected = whole.run()
    seen = []

    def kill(step: int, seconds: float, losses: dict[str, float]) -> None:
        seen.append(step)
        if len(seen) == report:
            raise Killed

    torch.manual_seed(5)
    broken = training(folder=tmp_path, on_report=kill)
    torch.manual_seed(5)
    with pytest.raises(Killed):
        broken.run()
    again = training(folder=tmp_path, seed=0)
    torch.manual_seed(99)
    found = again.run()
    assert_identical(weights(whole), weights(again))
    assert found.step == expected.step and found.best_step == expected.best_step
    assert [h["loss"] for h in found.history] == [h["loss"] for h in expected.history]


def test_a_kill_between_reports_resumes_from_the_last_one(training, tmp_path, monkeypatch):
    torch.manual_seed(5)
    whole = training()
    torch.manual_seed(5)
    whole.run()
    broken = training(folder=tmp_path)
    torch.manual_seed(5)
    step = Training._step

    def killed_at_23(self: Training, rate: float) -> None:
        if self.progress.step == 23:
            raise Killed
        step(self, rate)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Training, "_step", killed_at_23)
        broken.run()
    again = training(folder=tmp_path)
    again.run()
    assert_identical(weights(whole), weights(again))


def test_a_checkpoint_of_another_fit_is_refused(training, tmp_path):
    training(folder=tmp_path, max_steps=5).run()
    with pytest.raises(ConfigError, match="other settings or data"):
        training(folder=tmp_path, identity={"settings": 2}).run()


def test_a_full_disk_stops_the_run_with_the_checkpoint_before_kept(training, tmp_path, monkeypatch):
    calls = []
    save = checkpoint.save_file

    def full_at_the_third(*args: object, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        save(*args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(ConfigError, match="No space left"):
        patch.setattr(checkpoint, "save_file", full_at_the_third)
        training(folder=tmp_path).run()
    _, state = checkpoint.read(tmp_path, {"settings": 1})
    assert state["progress"]["step"] == 10


def test_a_loss_that_turns_non_finite_says_when_and_keeps_the_last_good_weights(training, tmp_path):
    run = training(folder=tmp_path, dropout=0.0)
    step, best = Training._step, {}

    def broken(rate: float) -> None:
        if run.progress.step == 17:
            with torch.no_grad():
                next(run.network.parameters()).fill_(float("nan"))
        step(run, rate)
        if run.progress.step == 15:
            best.update(run.best)

    run._step = broken
    with pytest.raises(TrainingError, match="non-finite at step 18") as caught:
        run.run()
    assert "Lower learning_rate" in caught.value.remedy
    assert caught.value.where["step"] == 18
    assert all(torch.isfinite(value).all() for value in weights(run).values())
    tensors, state = checkpoint.read(tmp_path, {"settings": 1})
    assert state["progress"]["step"] == 15
    assert all(torch.isfinite(value.float()).all() for value in tensors.values())


def test_a_learning_rate_that_is_far_too_high_is_named_as_the_cause(training):
    with pytest.raises(TrainingError, match="learning rate"):
        training(learning_rate=1e30, dropout=0.0).run()


def test_weights_that_the_last_step_spoiled_are_noticed_without_validation(training):
    with pytest.raises(TrainingError, match="Lower learning_rate"):
        training(learning_rate=1e38, max_steps=1, validate=False, dropout=0.0).run()


def test_data_too_sparse_to_learn_from_are_an_error_not_a_loss_of_0(training, windows):
    sparse = np.full(160, np.nan)
    sparse[::40] = sparse[-1] = 1.0
    with pytest.raises(TrainingError, match="no training window holds enough observed steps"):
        training(windows=windows(sparse)).run()


def test_time_ends_a_run_as_soon_as_it_is_over(training, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks) / 100)  # each look at the clock takes a hundredth
    progress = training(max_steps=10_000_000, max_time=0.3).run()
    assert progress.stopped == "time"
    assert 1 <= progress.step <= 30
    assert len(progress.history) <= 9


def test_the_report_may_stop_the_run(training):
    progress = training(on_report=lambda step, seconds, losses: step >= 10).run()
    assert progress.step == 10 and progress.stopped == "report"


def test_reports_come_evenly_with_losses_and_speed(training):
    seen = []
    training(on_report=lambda step, seconds, losses: seen.append((step, seconds, losses))).run()
    assert [step for step, _, _ in seen] == [5, 10, 15, 20, 25, 30, 35, 40]
    assert all(losses.keys() == {"loss", "validation", "windows_per_second"} for _, _, losses in seen)
    assert np.all(np.diff([seconds for _, seconds, _ in seen]) >= 0)


def test_the_best_weights_are_kept_and_a_run_without_progress_stops_early(training):
    run = training(patience=2, learning_rate=1.0, max_steps=400, reports=100, dropout=0.0)
    progress = run.run()
    assert progress.stopped == "early" and progress.step < 400
    assert run.validate() == pytest.approx(progress.best_loss, rel=1e-6)
    assert progress.best_loss == min(h["validation"] for h in progress.history)
    assert progress.best_step == min(progress.history, key=lambda h: h["validation"])["step"]


def test_without_validation_the_last_weights_are_kept(training):
    run = training(validate=False, dropout=0.0)
    progress = run.run()
    assert progress.best_step == progress.step == 40
    assert "validation" not in progress.history[-1]


def test_a_single_step_is_a_run(training):
    progress = training(max_steps=1).run()
    assert progress.step == 1 and len(progress.history) == 1
