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


@pytest.fixture
def at_every_step(monkeypatch):
    """Checkpoints that cost nothing are written at every step."""
    monkeypatch.setattr(checkpoint, "_pause", lambda cost: 0.0)
    monkeypatch.setattr(checkpoint.os, "fsync", lambda handle: None)


def comparable(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """What a history says, but for the clock."""
    timeless = ("step", "loss", "validation")
    return [{name: entry[name] for name in timeless if name in entry} for entry in history]


def resumed_after(training, folder, step: int, **settings: object) -> Training:
    """A run that was killed after ``step`` steps and gone on with, whatever others drew in between."""
    torch.manual_seed(5)
    broken = training(folder=folder, **settings)
    torch.manual_seed(5)
    take = broken._step

    def killed(rate: float) -> None:
        if broken.progress.step == step:
            raise Killed
        take(rate)

    broken._step = killed
    with pytest.raises(Killed):
        broken.run()
    again = training(folder=folder, **settings)
    torch.manual_seed(99)
    again.run()
    return again


def undisturbed(training, **settings: object) -> Training:
    torch.manual_seed(5)
    run = training(**settings)
    torch.manual_seed(5)
    run.run()
    return run


@pytest.mark.parametrize("settings", [{}, {"validate": False}, {"patience": 1, "learning_rate": 0.3}])
def test_a_run_killed_at_any_step_resumes_to_the_weights_and_history_of_one_never_killed(
    training, tmp_path, at_every_step, settings
):
    whole = undisturbed(training, **settings)
    last = whole.progress.step - 1
    for step in sorted({1, 4, 5, 6, last, *np.random.default_rng(0).integers(1, last, 3).tolist()}):
        again = resumed_after(training, tmp_path / str(step), step, **settings)
        assert_identical(weights(whole), weights(again))
        assert comparable(again.progress.history) == comparable(whole.progress.history)
        told = ("step", "best_step", "best_loss", "stale", "windows", "landing", "stopped")
        assert [getattr(again.progress, name) for name in told] == [getattr(whole.progress, name) for name in told]


def test_a_run_killed_again_and_again_gets_there_however_seldom_it_is_written_down(training, tmp_path, monkeypatch):
    whole = undisturbed(training)
    rng = np.random.default_rng(3)
    monkeypatch.setattr(checkpoint.os, "fsync", lambda handle: None)
    monkeypatch.setattr(checkpoint.Cadence, "due", lambda self: rng.random() < 0.4)
    take, kills = Training._step, 0

    def perhaps_killed(self: Training, rate: float) -> None:
        if rng.random() < 0.1:
            raise Killed
        take(self, rate)

    monkeypatch.setattr(Training, "_step", perhaps_killed)
    while True:
        torch.manual_seed(5)
        run = training(folder=tmp_path)
        torch.manual_seed(5)
        try:
            run.run()
            break
        except Killed:
            kills += 1
    assert kills > 2
    assert_identical(weights(whole), weights(run))
    assert comparable(run.progress.history) == comparable(whole.progress.history)


def test_checkpoints_are_written_by_the_clock_and_never_for_more_than_a_share_of_the_time(
    training, tmp_path, monkeypatch
):
    clock, written = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    save = checkpoint.write_through

    def slow(*args: object, **kwargs: object) -> None:
        written.append(run.progress.step)
        clock[0] += 0.0625  # seconds for one checkpoint
        save(*args, **kwargs)

    monkeypatch.setattr(checkpoint, "write_through", slow)
    run = training(folder=tmp_path, max_steps=400, dropout=0.0)
    take = run._step

    def step(rate: float) -> None:
        clock[0] += 0.125
        take(rate)

    run._step = step
    run.run()
    assert written == [8, 108, 208, 308]  # 1 s to the first, then two hundred times its cost


def test_an_ended_run_is_not_done_again(training, tmp_path, at_every_step):
    whole = undisturbed(training, folder=tmp_path)
    seen = []
    again = training(folder=tmp_path, on_report=lambda step, seconds, losses: seen.append(step))
    again.run()
    assert_identical(weights(whole), weights(again))
    assert vars(again.progress) == {**vars(whole.progress), "seconds": again.progress.seconds}
    assert seen == []


def test_seconds_before_the_kill_count(training, tmp_path, monkeypatch, at_every_step):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    take = Training._step

    def step(self: Training, rate: float) -> None:
        clock[0] += 1.0
        take(self, rate)

    monkeypatch.setattr(Training, "_step", step)
    again = resumed_after(training, tmp_path, 7, max_steps=1000, max_time=20.0)
    assert (again.progress.stopped, again.progress.step) == ("time", 20)
    assert again.progress.history[-1]["seconds"] == 20.0
    assert again.budget.seconds() == 20.0


def test_a_checkpoint_of_another_fit_is_refused(training, tmp_path, at_every_step):
    training(folder=tmp_path, max_steps=5).run()
    with pytest.raises(ConfigError, match="other settings or data"):
        training(folder=tmp_path, identity={"settings": 2}).run()


def test_a_full_disk_stops_the_run_with_the_checkpoint_before_kept(training, tmp_path, monkeypatch, at_every_step):
    calls = []
    save = checkpoint.write_through

    def full_at_the_third(*args: object, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        save(*args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(ConfigError, match="No space left"):
        patch.setattr(checkpoint, "write_through", full_at_the_third)
        training(folder=tmp_path).run()
    _, state = checkpoint.read(tmp_path, {"settings": 1})
    assert state["progress"]["step"] == 2


def test_a_loss_that_turns_non_finite_says_when_and_keeps_the_last_good_weights(training, tmp_path, at_every_step):
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
    assert state["progress"]["step"] == 17  # the last one that was sound
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
