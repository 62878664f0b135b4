"""Seconds to forecast from fitted weights, as a user would ask for it, and to backtest without fitting again.

The network is that of the training section.  Contenders take turns; medians of all rounds.
"""

import statistics
from contextlib import ExitStack
from dataclasses import asdict

from comparison.context import LABELS, Context
from comparison.data import speed_data
from comparison.process import ContenderError
from comparison.series import Spec

CALLS = 5
SLOW = 2.0  # seconds; one call says enough
MEASURES = {
    "panel": "24 steps × {series} series",
    "panel_frame": "24 steps × {series} series, from a frame",
    "forward": "its network alone",
    "one": "one series",
    "one_frame": "one series, from a frame of 1,000 rows",
    "backtest_100": "backtest, 100 origins × 7 series",
    "backtest_1000": "backtest, 1,000 origins × 7 series",
}


def run(context: Context) -> None:
    few, many = speed_data(quick=context.quick)
    few.save(context.folder / "few.npz")
    many.save(context.folder / "many.npz")
    with ExitStack() as stack:
        opened = []
        for contender in context.contenders:
            try:
                process = stack.enter_context(context.process(contender))
                names: list[str] = []
                for part in ("few", "many"):
                    path = str(context.folder / f"{part}.npz")
                    names += process.ask("open_predictions", data=path, spec=asdict(Spec()))
                opened.append((contender, process, names))
            except ContenderError as error:
                print(f"  {error}")
        for name, measure in MEASURES.items():
            seconds: dict[str, list[float]] = {}
            for number in range(1 + context.rounds):
                for contender, process, names in opened:
                    taken = seconds.setdefault(contender.name, [])
                    if name not in names or (taken and taken[0] > SLOW):
                        continue
                    took = process.ask("call", name=name, times=CALLS)
                    if number or took > SLOW:  # the first round warms up what is quick
                        taken.append(took)
            for contender, values in ((c, v) for c, v in seconds.items() if v):
                context.results.add(
                    "prediction",
                    measure.format(series=len(many)),
                    LABELS[contender],
                    seconds=statistics.median(values),
                )
