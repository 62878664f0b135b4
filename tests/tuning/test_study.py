"""Studies do not mix, and N trials are N whatever happens to those who run them."""

import pytest

from forecast.errors import ConfigError
from forecast.tuning.beats import WORKER, Watch, has_ended, mark
from forecast.tuning.study import (
    ORIGIN,
    TRIES,
    begun,
    default_name,
    finished,
    give_back,
    open_study,
)

IDENTITY = {"data": "ab12", "folds": 5, "space": {"lstm": {"hidden_size": [16, 128]}}}


def test_a_study_whose_ranges_differ_is_refused_and_says_where(tmp_path):
    path = tmp_path / "study.db"
    open_study(path, "mine", identity=IDENTITY)
    assert not open_study(path, "mine", identity=IDENTITY).resumed
    other = {"data": "ab12", "folds": 10, "space": {"lstm": {"hidden_size": [16, 256]}}}
    with pytest.raises(ConfigError) as caught:
        open_study(path, "mine", identity=other)
    assert "'mine'" in caught.value.cause
    assert "folds (was 5, is 10)" in caught.value.cause
    assert "space.lstm.hidden_size (was [16, 128], is [16, 256])" in caught.value.cause
    assert "data" not in caught.value.cause.replace(str(path), "")
    with pytest.raises(ConfigError, match="directions"):
        open_study(path, "mine", identity=IDENTITY, directions=("minimize", "minimize"))


def test_searches_without_a_name_keep_apart_in_one_storage(tmp_path):
    path = tmp_path / "study.db"
    first = open_study(path, identity=IDENTITY)
    second = open_study(path, identity=IDENTITY | {"folds": 6})
    again = open_study(path, identity=dict(reversed(IDENTITY.items())))
    assert first.name == again.name == default_name(IDENTITY) != second.name
    first.study.ask()
    assert (len(again.trials()), len(second.trials())) == (1, 0)


def test_a_study_of_somebody_else_is_refused(tmp_path):
    import optuna

    address = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(storage=address, study_name="mine").ask()
    with pytest.raises(ConfigError, match="not made by"):
        open_study(address, "mine", identity=IDENTITY)
    assert "identity" not in optuna.load_study(storage=address, study_name="mine").user_attrs


@pytest.mark.parametrize("kind", ["memory", "sqlite", "journal"])
def test_a_trial_that_is_given_back_does_not_count_and_waits_with_its_settings(tmp_path, kind):
    address = {"memory": None, "sqlite": tmp_path / "a.db", "journal": f"journal:{tmp_path / 'a.log'}"}[kind]
    opened = open_study(address, "a", identity={})
    trial = opened.study.ask()
    x = trial.suggest_float("x", 0, 1)
    trial.report(1.0, 1)
    assert give_back(opened, 0, "interrupted")
    assert not give_back(opened, 0, "interrupted")  # as a second command would that noticed the same
    dropped, waiting = opened.trials()
    assert (dropped.state.name, dropped.user_attrs["dropped"]) == ("FAIL", "interrupted")
    assert (waiting.state.name, waiting.params, waiting.system_attrs[ORIGIN]) == ("WAITING", {"x": x}, 0)
    assert not waiting.intermediate_values
    assert (begun(opened.trials()), finished(opened.trials())) == (0, [])
    again = opened.study.ask()
    assert (again.number, again.suggest_float("x", 0, 1)) == (1, x)
    opened.study.tell(again, 0.5)
    assert [found.number for found in finished(opened.trials())] == [1]
    assert not give_back(opened, 1, "too late")
    assert opened.trials()[1].value == 0.5


def test_a_trial_that_loses_its_worker_again_and_again_is_a_failed_one():
    opened = open_study(None, "a", identity={})
    for number in range(TRIES):
        opened.study.ask().suggest_float("x", 0, 1)
        assert give_back(opened, number, "its worker was killed", lost=True)
    assert len(opened.trials()) == TRIES
    (last,) = finished(opened.trials())
    assert last.user_attrs["reason"] == f"its worker was killed, {TRIES} times"


def test_interruptions_do_not_use_up_the_tries():
    opened = open_study(None, "a", identity={})
    for number in range(TRIES + 2):
        opened.study.ask()
        assert give_back(opened, number, "interrupted")
    assert opened.trials()[-1].state.name == "WAITING"


def test_what_successive_halving_had_noted_of_the_first_try_is_forgotten():
    opened = open_study(None, "a", identity={})
    trial = opened.study.ask()
    opened.storage.set_trial_system_attr(trial._trial_id, "completed_rung_0", 0.5)
    opened.storage.set_trial_system_attr(trial._trial_id, "grid_id", 3)
    give_back(opened, 0, "interrupted")
    assert "completed_rung_0" not in opened.trials()[1].system_attrs
    assert opened.trials()[1].system_attrs["grid_id"] == 3


# ---------------------------------------------------------------------- whether a worker is alive


def test_a_process_of_this_machine_is_known_to_be_alive_or_to_have_ended():
    own = mark()
    assert not has_ended(own | {"beat": 3})
    assert has_ended(own | {"process": 2**22 + 1})
    assert has_ended(own | {"began": "1"})  # another process has its number now
    assert not has_ended(own | {"process": 2**22 + 1, "machine": "another"})
    assert not has_ended(None)


def test_a_trial_is_lost_when_its_mark_stands_still(monkeypatch):
    now = 0.0
    monkeypatch.setattr("forecast.tuning.beats.time.monotonic", lambda: now)
    opened = open_study(None, "a", identity={})
    silent, beating, unmarked = (opened.study.ask() for _ in range(3))
    elsewhere = mark() | {"machine": "another"}
    silent.set_user_attr(WORKER, elsewhere | {"beat": 0})
    watch, found = Watch(grace=60), []
    for now in (0.0, 30.0, 59.0, 61.0):
        beating.set_user_attr(WORKER, elsewhere | {"beat": now})
        found.append([trial.number for trial in watch.lost(opened.trials())])
    assert found == [[], [], [], [silent.number, unmarked.number]]
