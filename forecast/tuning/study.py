"""A study: opened or begun, kept apart from others, and how many of its trials are done.

Of N trials that are asked for, N finish, whatever happens to workers: one that is lost or interrupted is *given back*.
It is marked as failed and dropped, does not count, and its settings wait in the queue for the next worker.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.random import SeedSequence

from forecast import __version__
from forecast.errors import ConfigError
from forecast.plain import to_plain
from forecast.tuning.faults import explained, quiet, shown
from forecast.tuning.storage import open_storage

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

DROPPED = "dropped"  # user attribute of a trial that does not count: why
IDENTITY, MADE_BY = "identity", "seqcast"  # user attributes of a study
ORIGIN = "forecast:origin"  # system attribute of a trial that is tried again: number of the first try
TRIES = 3  # of one trial, before it is given up
_RUNG = "completed_rung_"  # where Optuna's successive halving keeps how far a trial has come


class SamplerFor(Protocol):
    """Makes a sampler."""

    def __call__(self, *, seed: int) -> "BaseSampler": ...


@dataclass(kw_only=True)
class OpenStudy:
    """A study and the storage that it is in.

    address: by which other processes open it, None for memory.  resumed: whether it had trials when it was opened.
    sampler_for: gives the sampler of a trial by a seed, which follows from ``seed`` and how many trials came before it,
    those that were tried again counted once.  So a study that was interrupted goes on with the trials that it would
    have had, and no two workers, of whatever command, draw the same.
    """

    study: "Study"
    storage: "BaseStorage"
    address: str | None
    resumed: bool = False
    sampler_for: "SamplerFor | None" = None
    seed: int = 0

    @property
    def name(self) -> str:
        return self.study.study_name

    @property
    def place(self) -> str:
        """The address as it may be printed."""
        return shown(self.address)

    def close(self) -> None:
        """Let go of the storage's connections, and of the files beside a SQLite file; it may be used again."""
        if hasattr(self.storage, "close"):
            self.storage.close()

    def trials(self) -> tuple["FrozenTrial", ...]:
        """All trials as they are now, in order of their numbers; not to be changed."""
        if hasattr(self.storage, "read_at"):  # a thrifty one: see ``forecast.tuning.storage``
            self.storage.read_at.clear()
        return tuple(self.study.get_trials(deepcopy=False))

    def sample_for(self, trial: "FrozenTrial", before: "Sequence[FrozenTrial]") -> None:
        """Have settings drawn for this trial next.  before: all with a smaller number."""
        if self.sampler_for is not None:
            origin = trial.system_attrs.get(ORIGIN, trial.number)
            place = sum(ORIGIN not in other.system_attrs for other in before[:origin])
            self.study.sampler = self.sampler_for(seed=int(SeedSequence((self.seed, place)).generate_state(1)[0]))


def open_study(
    storage: str | Path | None,
    name: str | None = None,
    *,
    identity: Mapping[str, Any],
    directions: Sequence[str] = ("minimize",),
    sampler_for: "SamplerFor | None" = None,
    seed: int = 0,
    pruner: "BasePruner | None" = None,
) -> OpenStudy:
    """Begin a study, or go on with the one of this name.

    identity: all that trials must share to be compared (data, ranges, folds, …), as JSON can hold it.  name: from the
    identity when None, so that another search in the same storage is another study.  sampler_for: makes a sampler by a
    seed; picklable where workers are to have it.
    Raises ``ConfigError`` where the study of that name has another identity, saying what differs, and as
    ``open_storage`` does.
    """
    import optuna
    from optuna.study import StudyDirection

    wanted = json.loads(json.dumps(to_plain(dict(identity)), sort_keys=True))
    name = name or default_name(wanted)
    opened = open_storage(storage)
    with explained(storage), quiet():
        if name in optuna.get_all_study_names(opened):
            _require_same(optuna.load_study(study_name=name, storage=opened), wanted, directions, shown(storage))
        study = optuna.create_study(
            storage=opened,
            study_name=name,
            directions=[StudyDirection[direction.upper()] for direction in directions],
            load_if_exists=True,
            pruner=pruner,
        )
        if IDENTITY not in study.user_attrs:
            study.set_user_attr(MADE_BY, __version__)
            study.set_user_attr(IDENTITY, wanted)
        address = None if storage is None else str(storage)
        resumed = bool(study.get_trials(deepcopy=False))
    return OpenStudy(study=study, storage=opened, address=address, resumed=resumed, sampler_for=sampler_for, seed=seed)


def default_name(identity: Mapping[str, Any]) -> str:
    """The name of a study that was given none: the same for the same identity, another for another."""
    text = json.dumps(to_plain(dict(identity)), sort_keys=True)
    return f"forecast-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _require_same(study: "Study", wanted: Any, directions: Sequence[str], where: str) -> None:
    """``ConfigError`` where a study of that name is another one."""
    remedy = "Give another name (--study) or storage (--storage), or ask for the same again."
    before = study.user_attrs.get(IDENTITY)
    if before is None:
        if study.get_trials(deepcopy=False):
            raise ConfigError(f"the study {study.study_name!r} in {where} was not made by forecast tune", remedy)
        return
    changes = _differences(before, wanted)
    now = [direction.name.lower() for direction in study.directions]
    if not changes and now != list(directions):
        changes = [f"directions (was {now}, is {list(directions)})"]
    if changes:
        listed = ", ".join(changes[:3]) + (f" and {len(changes) - 3} more" if len(changes) > 3 else "")
        cause = f"the study {study.study_name!r} in {where} was begun with another {listed}"
        raise ConfigError(cause, remedy, study=study.study_name)


def _differences(before: Any, now: Any, path: str = "") -> list[str]:
    """Where two JSON values differ, each with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted({*before, *now})
        return [
            d for key in keys for d in _differences(before.get(key), now.get(key), f"{path}.{key}" if path else key)
        ]
    return [] if before == now else [f"{path} (was {_brief(before)}, is {_brief(now)})"]


def _brief(value: Any) -> str:
    text = "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


# ---------------------------------------------------------------------- trials that count


def counts(trial: "FrozenTrial") -> bool:
    """Whether a trial is one of those that were asked for; one that was given back is not."""
    return DROPPED not in trial.user_attrs or trial.state.name != "FAIL"


def begun(trials: Iterable["FrozenTrial"]) -> int:
    """Trials that count and were finished or are running."""
    return sum(counts(trial) and trial.state.name != "WAITING" for trial in trials)


def finished(trials: Iterable["FrozenTrial"]) -> list["FrozenTrial"]:
    """Trials that count and came to an end, failed ones included."""
    return [trial for trial in trials if counts(trial) and trial.state.is_finished()]


def running(trials: Iterable["FrozenTrial"]) -> list["FrozenTrial"]:
    """Trials that somebody runs, or did when last heard of."""
    return [trial for trial in trials if trial.state.name == "RUNNING"]


def give_back(opened: OpenStudy, number: int, why: str, *, lost: bool = False, again: bool = True) -> bool:
    """Drop a trial that is marked as running, and queue its settings; False where it has been finished meanwhile.

    lost: its worker was, for which the trial itself may be the reason: after ``TRIES`` it counts as failed instead.
    again: queue its settings.
    """
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState, create_trial

    trial = opened.trials()[number]
    history = [*trial.system_attrs.get("retry_history", ()), *([number] if lost else ())]
    final = len(history) >= TRIES
    reason = f"{why}, {TRIES} times" if final else why
    try:
        opened.storage.set_trial_user_attr(trial._trial_id, "reason" if final else DROPPED, reason)
        opened.study.tell(number, state=TrialState.FAIL)
    except (UpdateFinishedTrialError, ValueError):  # somebody else came first
        return False
    if again and not final:
        kept = {key: value for key, value in trial.system_attrs.items() if not key.startswith(_RUNG)}
        first = {"failed_trial": history[0]} if history else {}  # as Optuna's own retries are recorded
        opened.study.add_trial(
            create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                system_attrs={ORIGIN: number, **kept, **first, "retry_history": history},
            )
        )
    return True
