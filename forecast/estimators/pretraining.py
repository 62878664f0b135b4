"""The first part of a fit, where asked for: hidden patches of the training windows are filled in."""

from contextlib import closing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from forecast.datasets.windows import Windows
from forecast.networks.masked import Reconstruction, masked
from forecast.training import checkpoint
from forecast.training.device import set_seed
from forecast.training.loop import Plan, Training

if TYPE_CHECKING:
    from forecast.estimators.learning import Learning
    from forecast.estimators.neural import NeuralForecaster


def share_of(forecaster: "NeuralForecaster") -> float:
    """The share of the training asked for; none where a window is a single token, with no other to read."""
    resolved = forecaster.resolved_
    return forecaster._pretraining() if resolved.lookback > resolved.patch else 0.0


def pretraining_steps(forecaster: "NeuralForecaster") -> int:
    """How many steps of a fit are pretraining at most: where any are, at least one, and one is left."""
    steps, share = forecaster.resolved_.max_steps, share_of(forecaster)
    return min(max(1, round(share * steps)), steps - 1) if share else 0


def outcome(training: Training) -> dict[str, Any]:
    """How a training went, for the identity of one that continues it; its seconds are those since the fit began."""
    return asdict(training.progress) | {"seconds": training.budget.seconds()}


def pretrain(learning: "Learning", windows: Windows, plan: Plan, *, found: list[dict[str, Any]]) -> tuple[Plan, bool]:
    """Train the new network of ``learning`` to fill in hidden tokens; how to go on, and whether a report said to stop.

    It sees what the training after it sees, and no window held out.  A second one, of a refit, takes as many steps as
    the first.  found: how the trainings went that need not be done again, this one perhaps among them.
    """
    forecaster = learning.forecaster
    before: list[dict[str, Any]] = plan.identity.get(checkpoint.BEFORE, [])
    budget = plan.budget
    if len(found) > len(before):
        went = found[len(before)]
    else:
        limit = budget.max_time and budget.start + share_of(forecaster) * (budget.max_time - budget.start)
        steps = before[0]["step"] if before else pretraining_steps(forecaster)
        training = Training(
            masked(forecaster.network_).to(learning.device),
            Reconstruction(),
            windows,
            replace(plan, patience=None, budget=replace(budget, max_steps=max(steps, 1), max_time=limit)),
            on_report=learning.job.on_report,
            ranks=learning.ranks,
        )
        with closing(training.batches):
            training.run()
        budget, went = replace(budget, began=training.budget.began), outcome(training)
    set_seed(forecaster.seed, learning.device)  # what follows does not depend on where a killed fit went on
    plan = replace(
        plan,
        budget=replace(budget, start=went["seconds"]),
        identity=plan.identity | {checkpoint.BEFORE: [*before, went]},
    )
    return plan, went["stopped"] == "report"
