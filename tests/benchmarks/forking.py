"""What many origins per pass buy: test error after the same seconds, forked training against one origin per pass.

    FORECAST_DATA=… python tests/benchmarks/forking.py [--seconds 5,15] [--seeds 2] [--only m4/hourly,…]
                    [--models lstm,transformer,hybrid] [--plot curves.png]

Each run is a fit of its own with that budget of seconds and no other, so that its learning rate has come down; both
sides take turns.  Protocols and data are those of ``forecast.datasets.named.protocols``.
"""

import argparse
import os
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from forecast import create
from forecast.datasets.build import load_panel
from forecast.datasets.catalogue import find_dataset, load_dataset
from forecast.datasets.named.protocols import PROTOCOLS, Protocol
from forecast.evaluation.known import hide_after
from forecast.evaluation.metrics import mase_of_windows

UNBOUNDED = 1_000_000  # steps: the seconds end the run
SIDES = {"forked": None, "one origin": 1}

Curves = dict[tuple[str, str, str], dict[float, list[float]]]  # (protocol, model, side) → seconds → MASE by seed


class Task:
    """One protocol: what may be learned from, and the error of forecasts at its origins."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.roles = find_dataset(protocol.dataset).roles
        self.panel = load_panel(load_dataset(protocol.dataset), self.roles)
        self.series, self.ends = protocol.split(self.panel)
        first = self.panel.ends.copy()
        np.minimum.at(first, self.series, self.ends)
        self.train = hide_after(self.panel, first)

    def error(self, model: str, origins: int | None, seconds: float, seed: int) -> float:
        """MASE over the test part of a fit of that many seconds."""
        forecaster = create(
            model,
            horizon=self.protocol.horizon,
            origins=origins,
            max_time=seconds,
            max_steps=UNBOUNDED,
            seed=seed,
            **{name: getattr(self.roles, name) for name in ("time", "id", "target", "past", "future", "static")},
        )
        forecaster.fit(self.train)
        values = forecaster.forecast_windows(self.panel, self.series, self.ends, horizon=self.protocol.horizon)
        return float(mase_of_windows(self.panel, self.series, self.ends, values[..., 0], season=self.protocol.season))


def measure(task: Task, models: list[str], budgets: list[float], seeds: int, curves: Curves) -> None:
    """Both sides in turns for every model, budget and seed."""
    name = task.protocol.name
    for model in models:
        for seconds in budgets:
            for seed in range(seeds):
                for side, origins in SIDES.items():
                    error = task.error(model, origins, seconds, seed)
                    curves[name, model, side].setdefault(seconds, []).append(error)
            line = "   ".join(
                f"{side} {np.median(curves[name, model, side][seconds]):.3f} "
                f"({', '.join(f'{e:.3f}' for e in curves[name, model, side][seconds])})"
                for side in SIDES
            )
            print(f"{name:<24} {model:<12} {seconds:>4.0f} s   {line}   load {os.getloadavg()[0]:.1f}", flush=True)


def draw(curves: Curves, path: Path) -> None:
    """Error over seconds, a panel per protocol, a colour per model; one origin dashed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(name for name, _, _ in curves))
    models = list(dict.fromkeys(model for _, model, _ in curves))
    rows = -(-len(names) // 4)
    figure, axes = plt.subplots(rows, min(4, len(names)), figsize=(16, 3.2 * rows), squeeze=False)
    for axis, name in zip(axes.flat, names, strict=False):
        for colour, model in enumerate(models):
            for side, style in zip(SIDES, ("-o", "--x"), strict=True):
                points = curves[name, model, side]
                axis.plot(points, [np.median(e) for e in points.values()], style, color=f"C{colour}", label=model)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("seconds")
    axes[0, 0].set_ylabel("MASE")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles[::2], labels[::2], loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", default="5,15")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default=",".join(PROTOCOLS))
    parser.add_argument("--models", default="lstm,transformer,hybrid")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    budgets = [float(seconds) for seconds in options.seconds.split(",")]
    curves: Curves = defaultdict(dict)
    began = time.perf_counter()
    for name in options.only.split(","):
        measure(Task(PROTOCOLS[name]), options.models.split(","), budgets, options.seeds, curves)
        if options.plot:
            draw(curves, options.plot)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
