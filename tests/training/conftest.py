"""A small panel, a small network, and a run of the loop over them."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecast.datasets.inputs import Covariates
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Schema
from forecast.datasets.timeline import Timeline
from forecast.datasets.windows import Window, Windows
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.networks.base import Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.direct import DirectDecoder
from forecast.outputs import QuantileOutput
from forecast.training.loop import Plan, Training
from forecast.training.schedule import Budget

LOOKBACK, HORIZON, PATCH = 12, 4, 4


def make_panel(target: np.ndarray) -> Panel:
    rows = len(target)
    nothing = np.zeros((rows, 0))
    codes = np.zeros((rows, 0), np.int64)
    return Panel(
        schema=Schema(shape="array", time=None, target=("y",), id=None, freq="1"),
        timeline=Timeline(freq="1"),
        ids=pd.Index(["y"]),
        starts=np.zeros(1, np.int64),
        offsets=np.array([0, rows]),
        ends=np.array([rows]),
        target=target[:, None],
        past=nothing,
        future=nothing,
        static=np.zeros((1, 0)),
        past_codes=codes,
        future_codes=codes,
        static_codes=codes[:1],
    )


def make_windows(target: np.ndarray | None = None) -> Windows:
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(160) * np.pi / 6) + 0.2 * rng.normal(size=160)
    panel = make_panel(wave if target is None else target)
    return Windows(
        panel,
        covariates=Covariates.learn(panel, calendar=False, holidays=None),
        lookback=LOOKBACK,
        horizon=HORIZON,
        stride=PATCH,
        min_context=LOOKBACK,
    )


def make_training(*, seed: int = 0, dropout: float = 0.2, validate: bool = True, **settings: Any) -> Training:
    """A run of 40 steps with 8 reports; anything in the plan may be set, and windows and on_report too."""
    output = QuantileOutput((0.1, 0.5, 0.9))
    torch.manual_seed(seed)
    sizes = Sizes(lookback=LOOKBACK, horizon=HORIZON, patch=PATCH, outputs=output.size)
    network = ComposedNetwork(
        sizes,
        width=8,
        trunk=lambda inputs: RecurrentStack(RecurrentConfig(cell="lstm", inputs=inputs, width=8, dropout=dropout)),
        decoder=partial(DirectDecoder, highway=True, dropout=dropout),
    )
    windows: Windows = settings.pop("windows", None) or make_windows()
    on_report = settings.pop("on_report", None)
    validation: list[Window] | None = settings.pop("validation", None)
    if validate and validation is None:
        validation = [windows.gather(torch.zeros(5, dtype=torch.int64), torch.arange(140, 145), answers=True)]
    steps, seconds = settings.pop("max_steps", 40), settings.pop("max_time", None)
    plan: dict[str, Any] = {
        "budget": Budget(max_steps=steps, max_time=seconds, began=time.perf_counter()),
        "batch_size": 4,
        "origins": 2,
        "learning_rate": 1e-2,
        "weight_decay": 0.01,
        "seed": seed,
        "reports": 8,
        "identity": {"settings": 1},
    }
    return Training(network, output, windows, Plan(**{**plan, **settings}), validation=validation, on_report=on_report)


@pytest.fixture(autouse=True)
def own_randomness():
    """Networks this small lose time with two threads, and all of it where another process keeps a core busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def training() -> Callable[..., Training]:
    return make_training


@pytest.fixture
def windows() -> Callable[..., Windows]:
    return make_windows
