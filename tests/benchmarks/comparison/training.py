"""Training windows per second: one LSTM layer over single steps, points on the absolute error, batches of 128 windows.

Every run of a contender is directly followed by one of the floor under the same allocator setting, and the ratio is
that of the two; the median of the rounds counts.  A pass that forecasts from O origins trains O windows.
"""

import statistics
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from comparison.context import LABELS, Context
from comparison.data import speed_data
from comparison.process import Contender, ContenderError, Process, Setting
from comparison.series import Spec

STEPS, QUICK_STEPS = 20, 3
FEW = 3  # rounds of a rival, most of which take their time
ORIGINS = (1, 24, 96, 168)
SETTINGS: dict[Setting, str] = {"own": "as installed", "raised": "allocator raised for all"}


@dataclass(frozen=True)
class Run:
    """One side of a comparison: a process that is ready to train."""

    process: Process
    name: str
    label: str


def run(context: Context) -> None:
    for data in speed_data(quick=context.quick):
        path = context.folder / "training.npz"
        data.save(path)
        for setting, meaning in SETTINGS.items():
            with ExitStack() as stack:
                floor, others = None, []
                for contender in context.contenders:
                    try:
                        process = stack.enter_context(context.process(contender, setting))
                        runs = _open(process, contender, str(path))
                    except ContenderError as error:
                        print(f"  {error}")
                        continue
                    if contender.name == "floor":
                        floor = runs[0]
                    others += [] if contender.name == "floor" else runs
                if floor is not None:
                    for side in others:
                        _pair(context, f"{data.name}, {meaning}", side, floor)


def _open(process: Process, contender: Contender, path: str) -> list[Run]:
    spec = asdict(Spec())
    label = LABELS[contender.name]
    if contender.name == "ours":
        names = [process.ask("open_training", data=path, spec=spec, origins=o) for o in ORIGINS]
        return [Run(process, name, f"{label} × {o}") for name, o in zip(names, ORIGINS, strict=True)]
    variants: list[dict[str, Any]] = process.ask("variants")
    names = [process.ask("open_training", data=path, spec=spec | {"options": v}, origins=1) for v in variants]
    stated = ["".join(f", {name}={value}" for name, value in v.items()) for v in variants]
    return [Run(process, name, label + more) for name, more in zip(names, stated, strict=True)]


def _pair(context: Context, measure: str, side: Run, floor: Run) -> None:
    rates, ratios = [], []
    steps = QUICK_STEPS if context.quick else STEPS
    try:
        for number in range(
            1 + (context.rounds if side.process.contender.name == "ours" else min(FEW, context.rounds))
        ):
            both = [run.process.ask("train", name=run.name, steps=steps) for run in (side, floor)]
            if number:  # the first round warms up
                (seconds, windows), (floor_seconds, floor_windows) = both
                rates.append(windows / seconds)
                ratios.append(windows / seconds / (floor_windows / floor_seconds))
    except ContenderError as error:
        print(f"  {measure}: {error}")
        return
    rate, ratio = statistics.median(rates), statistics.median(ratios)
    context.results.add("training", measure, side.label, rate=rate, ratio=ratio)
