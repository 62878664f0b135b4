"""From a long frame in memory (string ids, times, float32 targets, sorted) to the first training step.

Seconds, and the most memory that the process held; importing and making the frame do not count.  A process each;
seqcast and the floor take turns.
"""

import statistics
from dataclasses import asdict

from comparison.context import LABELS, Context
from comparison.process import ContenderError
from comparison.series import Spec

SERIES, ROWS = 50_000, 500
QUICK_SERIES, QUICK_ROWS = 200, 300
TIMES = {"ours": 3, "floor": 3}


def run(context: Context) -> None:
    series, rows = (QUICK_SERIES, QUICK_ROWS) if context.quick else (SERIES, ROWS)
    taken: dict[str, list[dict[str, float]]] = {}
    for number in range(max(TIMES.values())):
        for contender in context.contenders:
            if number >= min(context.rounds, TIMES.get(contender.name, 1)):
                continue
            try:
                with context.process(contender) as process:
                    took = process.ask("first_step", series=series, rows=rows, spec=asdict(Spec()))
                    taken.setdefault(contender.name, []).append(took)
            except ContenderError as error:
                print(f"  {error}")
    for name, all_of_it in taken.items():
        values = {key: statistics.median(one[key] for one in all_of_it) for key in ("seconds", "peak", "before")}
        context.results.add("first step", f"{series:,} series × {rows} rows to the first step", LABELS[name], **values)
