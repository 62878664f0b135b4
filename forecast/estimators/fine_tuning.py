"""Going on with training from the fitted weights, as new rows come, at a small share of the cost of a fit.

Dimension key: S series.
"""

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.datasets.arrays import Ints
from forecast.datasets.fingerprint import fingerprint
from forecast.datasets.joining import behind, continued, renewed
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, DataError
from forecast.estimators.base import OnReport
from forecast.estimators.holdout import HeldOut, gather_windows, hold_out, rows_before
from forecast.networks.base import Network
from forecast.training.device import borrowed, find_precision, seeded, tune_process
from forecast.training.loop import Plan, Training
from forecast.training.schedule import Budget

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster

# MASE of what comes after the new rows, as the model was, fine-tuned (share, rate) and fitted anew.  ETTh1, 96 ahead,
# fitted on a year, two to four newer months: 1.161; 1.114 (.1, .05), 1.125 (.1, .1), 1.133 (.2, .1); 1.120.
# M4 Hourly, 48 newer hours: .936; .913 (.1, .05), .927 (.1, .1), .896 (.2, .1); .884.
# The run always goes to its end: weights from the middle of it, at a high rate, look better than they are (M4: .953).
SHARE = 0.1  # of the steps of the fit
RATE = 0.05  # of the learning rate of the fit
FEWEST_STEPS = 20
STEPS_PER_REPORT = 4  # or more: a validation may cost as much as several steps


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one call of ``fine_tune`` asks for; what is None follows from the fit.  began: when it was called."""

    max_steps: int | None
    max_time: float | None
    learning_rate: float | None
    validation: Any
    on_report: OnReport | None
    began: float

    @property
    def holds_out(self) -> bool:
        """Whether the new rows themselves are held out in part, rather than data given for that."""
        return self.validation is None or isinstance(self.validation, int | np.integer)

    def check(self) -> None:
        """Raise one ``ConfigError`` that names every value which cannot be used."""
        faults = list(self._faults())
        if faults:
            raise ConfigError("; ".join(faults), "Leave it out for the default, or correct it.")

    def _faults(self) -> Iterator[str]:
        steps = self.max_steps
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, Integral) or steps < 1):
            yield f"max_steps={steps!r} is not a whole number above 0"
        for name in ("max_time", "learning_rate"):
            value = getattr(self, name)
            number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
            if value is not None and not (number and value > 0):
                yield f"{name}={value!r} is not a number above 0"
        if isinstance(self.validation, bool | float | np.floating):
            yield f"validation={self.validation!r} is neither a number of steps nor a frame"


@dataclass(frozen=True, kw_only=True)
class NewRows:
    """Rows that no training has seen, each series with as much of its past in front as a window needs.

    known: (S,) rows of that past.
    """

    panel: Panel
    known: Ints

    @classmethod
    def after(cls, context: Panel, given: Panel, *, lookback: int, horizon: int) -> "NewRows":
        """What ``given`` holds beyond the end of ``context``, the recent rows of the series known so far.

        Repeated rows are context, as they are in ``given``.  ``DataError`` where nothing is new.
        """
        if given.schema.shape == "array":  # it has no times: it goes on where training ended
            given = behind(context, given)
        joined, known = continued(context, given, reach=lookback)
        new = joined.ends - known
        if not (new > 0).any():
            raise DataError(
                "no row is newer than those that the forecaster has learned from",
                "Give rows that follow the end of the training data, or series that were not among them.",
            )
        chosen = np.flatnonzero(new > 0)
        new = new[chosen]
        panel = joined.select(chosen).tail(new + lookback + horizon)
        return cls(panel=panel, known=panel.ends - new)


def fine_tune(forecaster: "NeuralForecaster", given: Panel, asked: Asked) -> None:
    """Train on what is new in ``given``, a panel in the user's units, and make its end the forecaster's.

    Nothing is learned anew that says what inputs mean: roles, season, lookback, patches, transform, and the statistics
    of covariates and of the series known stay.  Weights that do worse on the held-out part of the new rows than those
    of before are not kept.  The forecaster changes as a whole at the end, or not at all.
    """
    sizes = {"lookback": forecaster.resolved_.lookback, "horizon": forecaster.horizon}
    new = NewRows.after(forecaster.panel_, given, **sizes)
    forecaster.output_.require(new.panel.target)
    held = _held_out(forecaster, new, asked)
    tune_process()
    device = next(forecaster.network_.parameters()).device
    threads = forecaster._threads_for(forecaster.resolved_.batch_size, forecaster.resolved_.origins)
    with borrowed(threads), seeded(forecaster.seed, device) as waited:
        training, before = _training(forecaster, new, held, asked, waited)
        progress = training.run()
    improved = before is None or progress.best_step > 0
    told = {
        "steps": progress.step,
        "best_step": progress.best_step,
        "improved": improved,
        "validation_before": before,
        "validation_after": None if before is None else progress.best_loss,
        "learning_rate": training.plan.learning_rate,
        "stopped": progress.stopped,
        "series": len(new.panel),
        "unseen": len(new.panel) - sum(name in forecaster.series_ for name in new.panel.ids.tolist()),
        "new_steps": int((new.panel.ends - new.known).sum()),
        "fingerprint": fingerprint(new.panel),
        "seconds": round(time.perf_counter() - asked.began, 3),
    }
    network = training.network.eval() if improved else forecaster.network_
    _move_on(forecaster, new.panel, network, told)


def _held_out(forecaster: "NeuralForecaster", new: NewRows, asked: Asked) -> tuple[Panel, HeldOut | None]:
    """The transformed panel to train on, and the windows to judge by."""
    apply = forecaster.transform_.apply
    if asked.holds_out:
        steps = None if asked.validation is None else int(asked.validation)
        return hold_out(apply(new.panel), forecaster.horizon, steps, known=new.known)
    later = forecaster._panel(asked.validation, schema=forecaster.schema_)
    forecaster.output_.require(later.target)
    return hold_out(apply(new.panel), forecaster.horizon, forecaster._validation(new.panel, later))


def _training(
    forecaster: "NeuralForecaster",
    new: NewRows,
    held: tuple[Panel, HeldOut | None],
    asked: Asked,
    waited: float,
) -> tuple[Training, float | None]:
    """A run over a copy of the network, and the loss of the fitted weights on the held-out windows."""
    resolved = forecaster.resolved_
    panel, held_out = held
    network: Network = copy.deepcopy(forecaster.network_)
    device = next(network.parameters()).device
    windows = forecaster._windows(panel, device, rounded=True)
    if not windows.count(resolved.origins):
        raise DataError(
            f"no new row has the {resolved.min_context} steps before it that training needs",
            "Give longer series, or rows that follow those of training without a gap.",
        )
    validation = None
    if held_out is not None:
        known, series, ends = held_out
        rows = rows_before(known, series, ends, unit=forecaster.scale)
        seen = forecaster._windows(known, device, rows, min_context=1, rounded=True)
        judged = panel.ends if asked.holds_out else None
        validation = gather_windows(seen, series, ends, size=forecaster._windows_per_pass(), judged=judged)
    steps = asked.max_steps or max(FEWEST_STEPS, round(SHARE * resolved.max_steps))
    plan = Plan(
        budget=Budget(max_steps=steps, max_time=asked.max_time, began=asked.began + waited),
        patience=None,
        reports=min(max(steps // STEPS_PER_REPORT, 1), Plan.reports),
        batch_size=resolved.batch_size,
        origins=resolved.origins,
        learning_rate=asked.learning_rate or RATE * forecaster.learning_rate,
        weight_decay=forecaster.weight_decay,
        seed=forecaster.seed,
        precision=find_precision(forecaster.precision, device),
        trained=True,
    )
    training = Training(network, forecaster.output_, windows, plan, validation=validation, on_report=asked.on_report)
    if validation is None:
        return training, None
    before = training.validate()  # weights of step 0, which later ones have to beat
    if math.isfinite(before):
        training.progress.best_loss = before
    return training, before


def _move_on(forecaster: "NeuralForecaster", panel: Panel, network: Network, told: dict[str, Any]) -> None:
    """Let the forecaster end where ``panel`` ends, all at once."""
    ends = dict(zip(panel.ids.tolist(), (panel.starts + panel.ends - 1).tolist(), strict=True))
    spans = None if forecaster.spans_ is None else forecaster.spans_.copy()
    if spans is not None:
        for name, end in ends.items():
            if number := forecaster.series_.get(name, 0):
                start = spans[number - 1, 0] - 1  # all rows from the very start now share the deviation of training
                spans[number - 1] = start, end + 1
    report = dict(forecaster.report_)
    report["fine_tuned"] = [*report.get("fine_tuned", []), told]
    forecaster.__dict__.update(
        network_=network,
        spans_=spans,
        panel_=renewed(forecaster.panel_, panel.tail(forecaster._stored_steps())),
        fitted_ends_=forecaster.fitted_ends_ | ends,
        report_=report,
    )
