"""Windows trained per second, ours against a bare loop, in paired runs on one machine.

    python tests/benchmarks/training_step.py [rounds [threads]]

The bare loop is what anybody would write in plain torch: batches gathered and standardised beforehand, ``nn.LSTM``, the
same output head and loss, the same clipping and optimiser, no validation.  Both sides run under the same allocator
setting and the same threads, in turns; the median ratio is printed with the load of the machine.
Dimension key: B batch, L lookback, H horizon, P patch, D width, Q levels.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from forecast.datasets.build import load_panel
from forecast.datasets.inputs import Covariates
from forecast.datasets.windows import Windows
from forecast.layers.highway import Highway
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.networks.base import Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.direct import DirectDecoder
from forecast.outputs import QuantileOutput
from forecast.training.device import tune_process
from forecast.training.loop import Plan, Training
from forecast.training.optimiser import AdamW, clip_gradients
from forecast.training.schedule import Budget

LOOKBACK, HORIZON, BATCH, WIDTH, STEPS = 96, 24, 128, 64, 60
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class BareLSTM(nn.Module):
    """Steps, or patches through a linear map → ``nn.LSTM`` → the head that ours has."""

    def __init__(self, patch: int, outputs: int) -> None:
        super().__init__()
        self.patch, self.outputs = patch, outputs
        self.embed = nn.Linear(patch, WIDTH) if patch > 1 else nn.Identity()
        self.lstm = nn.LSTM(WIDTH if patch > 1 else 1, WIDTH, batch_first=True)
        self.head = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, HORIZON * outputs)
        )
        self.highway = Highway(LOOKBACK, HORIZON, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, L).  Returns (B, 1, H, 1, Q)."""
        tokens = self.embed(x.view(len(x), -1, self.patch))
        raw = self.head(self.lstm(tokens)[0][:, -1]).view(len(x), 1, HORIZON, 1, self.outputs)
        line = self.highway(x[..., None], 1)[..., None]
        return torch.cat([raw[..., :1] + line, raw[..., 1:]], dim=-1)


def waves() -> np.ndarray:
    """Seven series of 17,000 steps with a daily cycle and noise, the size of ETTh1."""
    steps = np.arange(17_000)[:, None] + 3 * np.arange(7)
    return np.sin(steps * 2 * np.pi / 24) + 0.3 * np.random.default_rng(0).normal(size=steps.shape)


def bare(patch: int) -> Callable[[], float]:
    """Seconds for STEPS steps of the bare loop."""
    output = QuantileOutput(LEVELS)
    network = BareLSTM(patch, output.size)
    parameters = list(network.parameters())
    optimiser = AdamW(parameters)
    values = torch.from_numpy(waves().astype(np.float32))
    first = torch.randint(len(values) - LOOKBACK - HORIZON, (64, BATCH))
    windows = values[first[..., None] + torch.arange(LOOKBACK + HORIZON), 0]  # (64, B, L + H), gathered beforehand
    past, ahead = windows[..., :LOOKBACK], windows[..., LOOKBACK:, None]
    counted = torch.ones(BATCH, 1, HORIZON, 1, dtype=torch.bool)

    def run() -> float:
        began = time.perf_counter()
        for step in range(STEPS):
            raw = network(past[step % 64])
            total, count = output.loss(raw, ahead[step % 64][:, None], counted)
            optimiser.zero_grad()
            (total / count).backward()
            clip_gradients(parameters, 1.0)
            optimiser.step(1e-3)
        return time.perf_counter() - began

    return run


def ours(patch: int) -> Callable[[], float]:
    """Seconds for STEPS steps of the training loop on windows sampled from the panel."""
    panel = load_panel(waves())
    output = QuantileOutput(LEVELS)
    sizes = Sizes(lookback=LOOKBACK, horizon=HORIZON, patch=patch, outputs=output.size)
    network = ComposedNetwork(
        sizes,
        width=None if sizes.patch == 1 else WIDTH,
        trunk=lambda inputs: RecurrentStack(RecurrentConfig(cell="lstm", inputs=inputs, width=WIDTH)),
        decoder=partial(DirectDecoder, highway=True),
    )
    covariates = Covariates.learn(panel, calendar=False, holidays=None)
    windows = Windows(
        panel, covariates=covariates, lookback=LOOKBACK, horizon=HORIZON, stride=patch, min_context=LOOKBACK
    )

    def run() -> float:
        budget = Budget(max_steps=STEPS, max_time=None, began=0.0)
        plan = Plan(
            budget=budget, batch_size=BATCH, origins=1, learning_rate=1e-3, weight_decay=0.01, seed=0, reports=1
        )
        training = Training(network, output, windows, plan)
        began = time.perf_counter()
        training.run()
        return time.perf_counter() - began

    return run


def compare(patch: int, rounds: int) -> None:
    """Run both sides in turns and print the medians."""
    sides = {"bare": bare(patch), "ours": ours(patch)}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds + 1):  # the first round warms up
        for name, run in sides.items():
            seconds[name].append(run())
    rate = {name: BATCH * STEPS / np.median(values[1:]) for name, values in seconds.items()}
    ratio = np.median(np.array(seconds["bare"][1:]) / np.array(seconds["ours"][1:]))
    tokens = "single steps" if patch == 1 else f"patches of {patch}"
    print(f"{tokens:<14} bare {rate['bare']:>9,.0f}  ours {rate['ours']:>9,.0f} windows/s  ratio {ratio:.2f}")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    torch.manual_seed(0)
    tune_process()
    if len(sys.argv) > 2:
        torch.set_num_threads(int(sys.argv[2]))
    print(f"threads {torch.get_num_threads()}, load {os.getloadavg()[0]:.1f}")
    for patch in (1, 24):
        compare(patch, rounds)


if __name__ == "__main__":
    main()
