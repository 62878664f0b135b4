"""The smallest script that a user would write: a CSV of 144 rows, 100 steps of an LSTM of 64, 12 forecasts printed.

The whole process counts, from start to end, and what it prints.
"""

import statistics
import subprocess
import time

import numpy as np
import pandas as pd

from comparison.context import LABELS, Context
from comparison.process import HERE, environment

SCRIPTS = HERE / "contenders" / "smallest"
MEASURE = "smallest script (CSV of 144 rows, 100 LSTM steps, 12 forecasts): seconds, lines printed"


def run(context: Context) -> None:
    path = context.folder / "passengers.csv"
    months = pd.date_range("1949-01-01", periods=144, freq="MS")
    level = 120 * np.exp(0.01 * np.arange(144))  # growth and a season, as the airline passengers that everybody knows
    values = level * (1 + 0.2 * np.sin(np.arange(144) * np.pi / 6))
    pd.DataFrame({"month": months, "passengers": values.round()}).to_csv(path, index=False)
    taken: dict[str, list[tuple[float, int]]] = {}
    for number in range(context.rounds + 1):
        for contender in context.contenders:
            if number and contender.name not in taken:
                continue  # it failed
            began = time.perf_counter()
            done = subprocess.run(
                [contender.python, str(SCRIPTS / f"{contender.name}_script.py"), str(path)],
                cwd=context.folder,
                env=environment("own", context.threads),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            seconds = time.perf_counter() - began
            if done.returncode:
                print(f"  {LABELS[contender.name]}: {done.stdout.strip().splitlines()[-1:]}")
                continue
            kept = taken.setdefault(contender.name, [])
            if number:  # the first round warms the file cache
                kept.append((seconds, len(done.stdout.replace("\r", "\n").strip().splitlines())))
    for name, kept in taken.items():
        seconds = statistics.median(s for s, _ in kept)
        context.results.add("smallest", MEASURE, LABELS[name], seconds=seconds, lines=kept[-1][1])
