"""Pretraining is part of the fit: of its budget, its report, its checkpoints; and it sees nothing held out."""

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from forecast.training import checkpoint, loop
from forecast.training.schedule import Budget

SETTINGS = {"max_steps": 40, "lookback": 24, "dropout": 0.2, "pretrain": 0.3}


class Killed(BaseException):
    """Nothing in the package may catch it."""


def kill_at(count: int):
    """A report that ends the process when it is called for the ``count``-th time, and what it saw."""
    seen: list[dict[str, float]] = []

    def report(step: int, seconds: float, losses: dict[str, float]) -> None:
        seen.append({"step": step, **losses})
        if len(seen) == count:
            raise Killed

    return report, seen


def assert_identical(one: object, two: object) -> None:
    first, second = one.network_.state_dict(), two.network_.state_dict()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.fixture
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_pause", lambda cost: 0.0)
    monkeypatch.setattr(checkpoint.os, "fsync", lambda handle: None)


def test_a_share_of_the_steps_is_pretraining_and_the_report_says_what_it_came_to(make, data):
    model = make("encoder", **SETTINGS).fit(data.series())
    told = model.report_["pretraining"]
    assert told["steps"] == 12 and model.report_["steps"] == 28
    assert told["history"][-1]["step"] == 12
    assert told["history"][-1]["loss"] < told["history"][0]["loss"]
    assert all("validation" not in entry for entry in told["history"])
    assert "pretraining" not in make("encoder").fit(data.series()).report_


def test_it_changes_where_the_training_starts_and_the_same_seed_gives_the_same(make, data):
    one, two = (make("encoder", **SETTINGS).fit(data.series()) for _ in range(2))
    assert_identical(one, two)
    without = make("encoder", **SETTINGS | {"pretrain": 0.0, "max_steps": 28}).fit(data.series())
    assert not torch.equal(one.network_.tokens.project.weight, without.network_.tokens.project.weight)


def test_nothing_held_out_is_seen(make, data):
    """Other values in the steps held out leave the pretraining, to the digit, as it was."""
    frame = data.series()
    other = frame.copy()
    other.iloc[-8:] = np.linspace(50, 90, 8)
    told = [make("encoder", **SETTINGS).fit(rows, validation=8).report_["pretraining"] for rows in (frame, other)]
    assert [entry["loss"] for entry in told[0]["history"]] == [entry["loss"] for entry in told[1]["history"]]


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("reports", [5, 12, 14, 30, 36, 45])
def test_a_fit_that_broke_off_in_any_of_its_trainings_ends_with_the_same_weights(
    reports, refit, make, data, tmp_path, at_every_step
):
    watch, whole_seen = kill_at(0)
    whole = make("encoder", **SETTINGS).fit(data.series(), refit=refit, on_report=watch)
    kill, _ = kill_at(reports)
    if reports >= len(whole_seen):
        pytest.skip("the fit has fewer reports")
    with pytest.raises(Killed):
        make("encoder", **SETTINGS).fit(data.series(), refit=refit, checkpoint=tmp_path, on_report=kill)
    watch, resumed = kill_at(0)
    again = make("encoder", **SETTINGS).fit(data.series(), refit=refit, checkpoint=tmp_path, on_report=watch)
    assert_identical(whole, again)
    for key in ("best_step", "steps"):
        assert again.report_[key] == whole.report_[key]
    losses = [[entry["loss"] for entry in m.report_["pretraining"]["history"]] for m in (whole, again)]
    assert losses[0] == losses[1]
    assert len(resumed) <= len(whole_seen) - reports + 1  # what was done is not done again
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ended", [1, 2, 3])
def test_a_kill_between_two_trainings_loses_neither(ended, make, data, tmp_path, monkeypatch, at_every_step):
    whole = make("encoder", **SETTINGS).fit(data.series(), refit=True)
    write, ends = checkpoint.write, []

    def write_and_die(folder: Path, tensors: object, state: dict[str, object]) -> None:
        write(folder, tensors, state)
        ends.extend([1] * bool(state["ended"]))
        if len(ends) == ended:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoint, "write", write_and_die)
        make("encoder", **SETTINGS).fit(data.series(), refit=True, checkpoint=tmp_path)
    again = make("encoder", **SETTINGS).fit(data.series(), refit=True, checkpoint=tmp_path)
    assert_identical(whole, again)


@pytest.mark.parametrize("refit", [False, True])
def test_the_clock_ends_the_fit_as_a_whole(make, data, refit):
    began = time.perf_counter()
    settings = SETTINGS | {"max_steps": 10**6, "max_time": 1.5, "patience": None}
    model = make("encoder", **settings).fit(data.series(), refit=refit)
    assert time.perf_counter() - began < 3.5
    steps = model.report_["pretraining"]["steps"]
    assert steps > 0 and model.report_["steps"] > 0
    assert 0.1 < steps / (steps + model.report_["steps"]) < 0.6


@pytest.mark.parametrize(("pretrain", "trainings"), [(0.0, 2), (0.3, 4)])
def test_each_training_of_a_fit_by_the_clock_goes_through_the_whole_cycle_of_the_rate(
    pretrain, trainings, make, data, monkeypatch
):
    """A refit that counted from the start of the fit would begin its cycle where the first training ended it."""
    ticks, told = itertools.count(), []
    rate = loop.learning_rate
    monkeypatch.setattr(Budget, "seconds", lambda self: 0.002 * next(ticks))
    monkeypatch.setattr(loop, "learning_rate", lambda done, *rest: told.append(done) or rate(done, *rest))
    settings = {"pretrain": pretrain, "max_steps": 10**6, "max_time": 1.0, "patience": None}
    make("encoder", **settings).fit(data.series(), refit=True)
    ends = [place for place, (one, two) in enumerate(itertools.pairwise(told)) if two < one]
    starts = [0, *(place + 1 for place in ends)]
    assert len(starts) == trainings
    assert max(told[place] for place in starts) < 0.1
    assert min(told[place] for place in [*ends, -1]) > 0.9


def test_who_stops_the_pretraining_stops_the_fit(make, data):
    model = make("encoder", **SETTINGS).fit(data.series(), on_report=lambda step, seconds, losses: True)
    assert model.report_["stopped"] == "report"
    assert model.report_["steps"] == 0


def test_a_pretrained_model_is_saved_without_what_only_pretraining_needed(make, data, tmp_path):
    model = make("encoder", **SETTINGS).fit(data.series())
    plain = make("encoder").fit(data.series())
    assert model.network_.state_dict().keys() == plain.network_.state_dict().keys()


def test_a_window_of_one_patch_leaves_nothing_to_fill_in(make, data):
    model = make("encoder", **SETTINGS | {"lookback": 6, "patch": 6}).fit(data.series())
    assert "pretraining" not in model.report_
    assert model.report_["steps"] == 40
