"""Seconds to a given test error: each contender fits in a process of its own, and one protocol judges all forecasts.

seqcast gets seconds (``max_time``), the floor too, the rivals a thousand steps, or as many as they make in
MOST seconds.  The clock runs from the frame to the weights, including what a library makes of the frame.
"""

import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np

from comparison.context import LABELS, Context
from comparison.data import Task, ett, m4
from comparison.process import Contender, ContenderError
from forecast.errors import DataError

STEPS, MOST = 1000, 120.0
OTHERS = ("lstm", "transformer")  # families beside the hybrid, at the last budget but one, as is the floor
LOOKBACK, RECURRENT_LOOKBACK = 336, 168  # of rivals and floor; seqcast finds its own
WIDTH = 64


def run(context: Context) -> None:
    for load in (m4, ett):
        try:
            task = load()
        except DataError as error:
            print(f"  left out: {error.cause}")
            continue
        check = task.error(task.naive)
        if abs(check - task.published) > 1e-3:
            raise SystemExit(f"{task.name}: the naive forecast scores {check:.3f}, published is {task.published}")
        task.series.save(context.folder / "accuracy.npz")
        for contender in context.contenders:
            _contender(context, task, contender)


def _contender(context: Context, task: Task, contender: Contender) -> None:
    for model, limits in _models(context, contender):
        for seconds in limits:
            try:
                _fits(context, task, contender, model, seconds)
            except ContenderError as error:
                print(f"  {task.name}: {error}")


def _models(context: Context, contender: Contender) -> Iterator[tuple[str, list[float]]]:
    budgets = sorted(context.budgets)
    usual = budgets[-2:][:1]
    if contender.name == "ours":
        yield "hybrid", budgets
        yield from ((name, usual) for name in OTHERS)
    elif contender.name == "floor":
        yield "lstm", usual
    else:
        with context.process(contender) as process:
            models = process.ask("models")
        yield from ((name, [3.0 if context.quick else MOST]) for name in models)


def _fits(context: Context, task: Task, contender: Contender, model: str, seconds: float) -> None:
    """One record: the median over the seeds."""
    fits, errors, predicts = [], [], []
    for seed in range(context.seeds if contender.name in ("ours", "floor") else 1):
        spec: dict[str, Any] = {
            "lookback": RECURRENT_LOOKBACK if model in ("lstm", "deepar") else LOOKBACK,
            "horizon": task.horizon,
            "width": WIDTH,
            "model": model,
            "seconds": seconds,
            "steps": STEPS,
            "seed": seed,
        }
        out = context.folder / "forecast.npy"
        with context.process(contender) as process:
            took = process.ask("accuracy", data=str(context.folder / "accuracy.npz"), spec=spec, out=str(out))
        fits.append(took["fit"])
        predicts.append(took["predict"])
        errors.append(task.error(np.load(out)))
    budget = f" in {seconds:g} s" if contender.name in ("ours", "floor") else ""
    context.results.add(
        "accuracy",
        task.name,
        f"{LABELS[contender.name]} {model}{budget}",
        error=statistics.median(errors),
        measured=task.measure,
        seconds=statistics.median(fits),
        predict=statistics.median(predicts),
        errors=[round(e, 4) for e in errors],
    )
