"""seqcast, through what its users call; training alone goes through the loop inside ``fit``, without validation.

Nothing is set for speed.  Network size, batch and lookback are those of the comparison where it asks for them, the
defaults where it asks for a test error.  Dimension key: S series, W windows, H horizon.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import torch

import forecast
from comparison.series import Series, Spec
from forecast.datasets.build import load_panel
from forecast.datasets.inputs import Covariates
from forecast.datasets.windows import Windows
from forecast.estimators.lstm import LSTMForecaster
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.networks.base import Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.direct import DirectDecoder
from forecast.outputs import make_output
from forecast.training.device import tune_process
from forecast.training.loop import Plan, Training
from forecast.training.schedule import Budget

MODELS = ("hybrid", "lstm", "transformer")
ROLES = {"id": "unique_id", "time": "ds", "target": "y"}


def versions() -> dict[str, str]:
    return {"seqcast": forecast.__version__, "torch": torch.__version__}


def training(data: Series, spec: Spec, origins: int) -> Callable[[int], tuple[float, int]]:
    tune_process()
    torch.manual_seed(spec.seed)
    panel = load_panel(data.frame())
    output = make_output(None, "mae")
    sizes = Sizes(lookback=spec.lookback, horizon=spec.horizon, patch=1, outputs=output.size)
    network = ComposedNetwork(
        sizes,
        width=None if sizes.patch == 1 else spec.width,
        trunk=lambda inputs: RecurrentStack(RecurrentConfig(cell="lstm", inputs=inputs, width=spec.width)),
        decoder=partial(DirectDecoder, highway=True),
    )
    covariates = Covariates.learn(panel, calendar=False, holidays=None)
    windows = Windows(
        panel, covariates=covariates, lookback=spec.lookback, horizon=spec.horizon, min_context=spec.lookback
    )

    def run(steps: int) -> tuple[float, int]:
        budget = Budget(max_steps=steps, max_time=None, began=0.0)
        plan = Plan(
            budget=budget,
            batch_size=spec.batch,
            origins=origins,
            learning_rate=1e-3,
            weight_decay=0.01,
            seed=spec.seed,
            reports=1,
        )
        loop = Training(network, output, windows, plan)
        began = time.perf_counter()
        loop.run()
        return time.perf_counter() - began, steps * spec.batch * origins

    return run


def accuracy(data: Series, spec: Spec) -> tuple[float, np.ndarray]:
    frame = data.frame(train_only=True)
    settings = {**ROLES, "calendar": False, **spec.options}  # the dates of the comparison are made up
    model = forecast.create(spec.model, horizon=spec.horizon, max_time=spec.seconds, seed=spec.seed, **settings)
    began = time.perf_counter()
    if data.validation:
        whole = data.frame()
        step = whole.groupby("unique_id").cumcount()
        held = whole[(step >= data.train[0]) & (step < data.train[0] + data.validation)]
        model.fit(frame, validation=held)
    else:
        model.fit(frame)
    seconds = time.perf_counter() - began
    panel = load_panel(data.frame())
    series = np.repeat(np.arange(len(data)), data.test.shape[1])
    values = model.forecast_windows(panel, series, data.test.ravel())[..., 0, 0]
    return seconds, values.reshape(*data.test.shape, spec.horizon)


def predictions(data: Series, spec: Spec) -> dict[str, Callable[[], object]]:
    frame = data.frame()
    model = LSTMForecaster(
        horizon=spec.horizon, lookback=spec.lookback, tokens="steps", hidden_size=spec.width, levels=None, max_steps=2
    ).fit(frame)
    panel = load_panel(frame)
    if len(data) < 10:
        return {f"backtest_{n}": lambda n=n: _backtest(model, panel, n) for n in (100, 1000)}
    alone = frame[frame["unique_id"] == "s00000"]
    one = LSTMForecaster(
        horizon=spec.horizon, lookback=spec.lookback, tokens="steps", hidden_size=spec.width, levels=None, max_steps=2
    ).fit(alone)
    newer = alone.tail(1000)
    return {
        "panel": model.predict,
        "panel_frame": lambda: model.predict(frame),
        "one": one.predict,
        "one_frame": lambda: one.predict(newer),
        "forward": _bare_pass(model),
    }


def _backtest(model: LSTMForecaster, panel: "forecast.datasets.panel.Panel", origins: int) -> np.ndarray:
    """Forecasts with the fitted weights from the last so many origins of every series."""
    series = np.repeat(np.arange(len(panel)), origins)
    ends = (panel.ends[:, None] - model.horizon - np.arange(origins)).ravel()
    return model.forecast_windows(panel, series, ends)


def _bare_pass(model: LSTMForecaster) -> Callable[[], object]:
    """The network of ``panel`` on windows at hand, without anything before or behind it."""
    panel = model.panel_
    windows = model._windows(panel, torch.device("cpu"))
    window = windows.gather(torch.arange(len(panel)), torch.from_numpy(np.ascontiguousarray(panel.ends)))

    def run() -> object:
        with torch.inference_mode():
            return model.network_(window)

    return run


def prepare() -> None:
    tune_process()


def first_step(frame: pd.DataFrame, spec: Spec) -> None:
    LSTMForecaster(
        horizon=spec.horizon,
        lookback=spec.lookback,
        tokens="steps",
        hidden_size=spec.width,
        batch_size=spec.batch,
        levels=None,
        max_steps=1,
    ).fit(frame, validation=spec.horizon)
