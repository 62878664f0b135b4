"""The trials that one process runs, one after another, until as many as were asked for are begun."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forecast.tuning.beats import beating
from forecast.tuning.faults import is_storage_error
from forecast.tuning.interrupts import Stop, Stopped
from forecast.tuning.study import OpenStudy, begun, counts, give_back

if TYPE_CHECKING:
    from optuna import Trial

Objective = Callable[[Any], "float | tuple[float, ...]"]


def work(
    opened: OpenStudy, objective: Objective, *, total: int | None, stop: Stop, told: Callable[[int], object]
) -> None:
    """Run trials until ``total`` of the study are begun (None: until stopped) or ``stop`` says so.

    told: is called with the number of each trial that is over.  A trial that raises is a failed trial with its reason;
    one that is interrupted is given back.
    Raises what the storage raises when it gives out.
    """
    while not stop.why and (trial := claim(opened, total)) is not None:
        if _run(opened, objective, trial, stop):
            told(trial.number)


def claim(opened: OpenStudy, total: int | None) -> "Trial | None":
    """The next trial, one that waits in the queue first; None where all are begun.

    Workers of several commands may begin the last one at once: numbers are given once, so the later ones withdraw.
    """
    if total is not None and begun(opened.trials()) >= total:
        return None
    trial = opened.study.ask()
    *before, own = opened.trials()[: trial.number + 1]  # later ones are nothing to this one
    if total is not None and sum(map(counts, before)) >= total:
        queued = bool(own.params) or "fixed_params" in own.system_attrs
        give_back(opened, trial.number, "one more than was asked for", again=queued)
        return None
    opened.sample_for(own, before)
    return trial


def _run(opened: OpenStudy, objective: Objective, trial: "Trial", stop: Stop) -> bool:
    """Run a trial and keep its outcome; False where it was given back, or another worker has it now."""
    from optuna import TrialPruned
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    values, state, reason = None, TrialState.FAIL, ""
    try:
        with beating(trial, opened.storage), stop.interruptible():
            values = objective(trial)
        reason = _fault(values)
        state = TrialState.FAIL if reason else TrialState.COMPLETE
    except TrialPruned:
        state = TrialState.PRUNED
    except UpdateFinishedTrialError:  # it was taken for lost, and somebody else runs it again
        return False
    except Exception as error:
        if is_storage_error(error):
            raise
        reason = f"{type(error).__name__}: {error}"
    except BaseException as error:
        give_back(opened, trial.number, str(error) if isinstance(error, Stopped) else "interrupted")
        if isinstance(error, Stopped):
            return False
        raise
    return _keep(opened, trial, state, values, reason)


def _keep(opened: OpenStudy, trial: "Trial", state: Any, values: Any, reason: str) -> bool:
    """Record how a trial ended; False where it has been ended by another worker."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        if reason and "reason" not in trial.user_attrs:
            trial.set_user_attr("reason", reason)
        given = values if state == TrialState.COMPLETE else None
        told = opened.study.tell(trial, given, state=state, skip_if_finished=True)
    except UpdateFinishedTrialError:
        return False
    return counts(told)


def _fault(values: Any) -> str:
    """Why what an objective has returned is no value of a trial; empty where it is one."""
    for value in values if isinstance(values, tuple) else (values,):
        try:
            if math.isnan(float(value)):
                return "its value is not a number"
        except (TypeError, ValueError):
            return f"its value {value!r} is no number"
    return ""
