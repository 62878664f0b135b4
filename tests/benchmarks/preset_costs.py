"""Size and cost of every network, as `forecast models` and the README show them.

    python -P tests/benchmarks/preset_costs.py            # prints
    python -P tests/benchmarks/preset_costs.py --write    # and writes forecast/presets/measured.py

A training pass (forward and backward, one origin, 64 windows of 336 steps, 48 ahead, patches of 24, a season of 24,
default levels, one thread), each preset in turn with the LSTM, many rounds; the median of the ratios within a round
counts.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch

from forecast.datasets.windows import Window
from forecast.estimators.defaults import Resolved
from forecast.networks.base import Network, Sizes
from forecast.outputs import Output, make_output
from forecast.presets import create
from forecast.presets.catalogue import networks
from forecast.training.device import tune_process

LOOKBACK, HORIZON, PATCH, SEASON, BATCH, ROUNDS = 336, 48, 24, 24, 64, 15
TARGET = Path(__file__).parents[2] / "forecast" / "presets" / "measured.py"
HEAD = '''"""Size and cost of the networks at one size; written by tests/benchmarks/preset_costs.py, see there."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measured:
    """parameters: of the network.  cost: time of a training pass over a window, the LSTM's = 1."""

    parameters: int
    cost: float
    causal: bool


MEASURED: Mapping[str, Measured] = {
'''


def build(name: str) -> tuple[Network, Output, Window]:
    """The network of a preset, its output, and a batch of windows for it."""
    forecaster = create(name, horizon=HORIZON)
    forecaster.season_ = SEASON
    patch = 1 if forecaster.tokens == "steps" else PATCH
    forecaster.resolved_ = Resolved(
        lookback=LOOKBACK,
        patch=patch,
        origins=1,
        min_context=1,
        batch_size=BATCH,
        max_steps=1,
        dropout=0.0,
    )
    output = make_output(forecaster.levels, forecaster.point_loss, forecaster.distribution)
    forecaster.output_ = output
    sizes = Sizes(lookback=LOOKBACK, horizon=HORIZON, patch=patch, outputs=output.size)
    none, codes = torch.zeros(BATCH, LOOKBACK, 0), torch.zeros(BATCH, LOOKBACK, 0, dtype=torch.int64)
    window = Window(
        target=torch.randn(BATCH, LOOKBACK, 1),
        observed=torch.ones(BATCH, LOOKBACK, 1, dtype=torch.bool),
        past=none,
        past_codes=codes,
        future=torch.zeros(BATCH, LOOKBACK + HORIZON, 0),
        future_codes=torch.zeros(BATCH, LOOKBACK + HORIZON, 0, dtype=torch.int64),
        usual=none[:, :1],
        static=none[:, 0],
        static_codes=codes[:, 0],
        series=torch.zeros(BATCH, dtype=torch.int64),
        location=torch.zeros(BATCH, 1, 1),
        scale=torch.ones(BATCH, 1, 1),
        answer=torch.randn(BATCH, 1, HORIZON, 1),
        counted=torch.ones(BATCH, 1, HORIZON, 1, dtype=torch.bool),
    )
    return forecaster._build(sizes, output).train(), output, window


def seconds_of(name: str) -> tuple[float, Network]:
    """Seconds of one training pass of a network built and warmed up for it."""
    network, output, window = build(name)

    def once() -> float:
        began = time.perf_counter()
        loss, _ = output.loss(network(window), window.answer, window.counted)
        loss.backward()
        return time.perf_counter() - began

    once()
    return min(once() for _ in range(3)), network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    tune_process()
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    lines = []
    for name in networks():
        ratios = []
        for _ in range(asked.rounds):
            reference, _ = seconds_of("lstm")
            own, network = seconds_of(name)
            ratios.append(own / reference)
        size, cost = sum(p.numel() for p in network.parameters()), float(np.median(ratios))
        print(f"{name:28s} {size:9,d} parameters  {cost:6.2f} x  {'causal' if network.causal else ''}", flush=True)
        lines.append(f'    "{name}": Measured(parameters={size}, cost={cost:.2g}, causal={network.causal}),\n')
    if asked.write:
        TARGET.write_text(HEAD + "".join(lines) + "}\n")


if __name__ == "__main__":
    main()
