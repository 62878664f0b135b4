"""NeuralForecast, set up for speed as its documentation and maintainers advise.

- No logger, checkpoints, progress bar or validation (trainer arguments of the model).
- ``windows_batch_size`` is the batch; ``batch_size`` is the number of series whose windows it is drawn from.  The
  default is 32; 1 copies the fewest windows per step (Nixtla/neuralforecast#783) and is measured as a variant of the
  training speed, of which the table shows the faster.
- ``use_fitted=True`` backtests without training again.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning
import torch
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MAE
from neuralforecast.models import LSTM, NHITS, PatchTST

from comparison.series import Series, Spec
from contenders.lightning import WARM_UP, clock, quiet

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
MODELS = ("nhits", "patchtst", "lstm")
VARIANTS = ({}, {"batch_size": 1})
NEVER = 1 << 30


def versions() -> dict[str, str]:
    import neuralforecast

    lightning = pytorch_lightning.__version__
    return {"neuralforecast": neuralforecast.__version__, "torch": torch.__version__, "lightning": lightning}


def lstm(spec: Spec, steps: int, **more: Any) -> LSTM:
    """One LSTM layer and one linear map, as the floor."""
    return LSTM(
        h=spec.horizon,
        input_size=spec.lookback,
        encoder_n_layers=1,
        encoder_hidden_size=spec.width,
        decoder_layers=1,
        scaler_type="standard",
        loss=MAE(),
        windows_batch_size=spec.batch,
        batch_size=spec.options.get("batch_size", 32),
        max_steps=steps,
        val_check_steps=NEVER,
        **quiet(**more),
    )


def training(data: Series, spec: Spec, origins: int) -> Callable[[int], tuple[float, int]]:
    frame = data.frame()

    def run(steps: int) -> tuple[float, int]:
        times = clock(pytorch_lightning.Callback)
        NeuralForecast([lstm(spec, steps + WARM_UP, callbacks=[times])], freq="h").fit(frame)
        return times.seconds(), steps * spec.batch

    return run


def accuracy(data: Series, spec: Spec) -> tuple[float, np.ndarray]:
    """Its own defaults for the model, but for the width of 64, MAE and the lookback of the task."""
    shared = {
        "h": spec.horizon,
        "input_size": spec.lookback,
        "max_steps": spec.steps,
        "val_check_steps": NEVER,
        "random_seed": spec.seed + 1,
        **quiet(max_time={"seconds": spec.seconds}),
    }
    if spec.model == "nhits":
        model = NHITS(scaler_type="standard", **shared)
    elif spec.model == "patchtst":
        model = PatchTST(hidden_size=64, n_heads=4, linear_hidden_size=128, **shared)
    else:
        model = LSTM(encoder_hidden_size=64, decoder_hidden_size=64, scaler_type="standard", **shared)
    frame = data.frame(train_only=True)
    began = time.perf_counter()
    nf = NeuralForecast([model], freq="h")
    nf.fit(frame)
    seconds = time.perf_counter() - began
    if data.test.shape[1] == 1:
        return seconds, _array(nf.predict(), data, spec)
    test = int(data.test[0, -1] - data.test[0, 0]) + spec.horizon
    frame = nf.cross_validation(data.frame(), n_windows=None, test_size=test, step_size=1, use_fitted=True)
    return seconds, _array(frame.sort_values(["unique_id", "cutoff", "ds"]), data, spec)


def _array(frame: pd.DataFrame, data: Series, spec: Spec) -> np.ndarray:
    column = next(c for c in frame if c not in ("unique_id", "ds", "cutoff", "y"))
    return frame[column].to_numpy().reshape(*data.test.shape, spec.horizon)


def predictions(data: Series, spec: Spec) -> dict[str, Callable[[], object]]:
    nf = NeuralForecast([lstm(spec, 2)], freq="h")
    nf.fit(data.frame())
    if len(data) < 10:
        return {
            f"backtest_{n}": lambda n=n: nf.cross_validation(n_windows=n, step_size=1, use_fitted=True)
            for n in (100, 1000)
        }
    frame = data.frame()
    alone = frame[frame["unique_id"] == "s00000"]
    one = NeuralForecast([lstm(spec, 2)], freq="h")
    one.fit(alone)
    newer = alone.tail(1000)
    return {
        "panel": nf.predict,
        "panel_frame": lambda: nf.predict(frame),
        "one": one.predict,
        "one_frame": lambda: one.predict(newer),
    }


def first_step(frame: pd.DataFrame, spec: Spec) -> None:
    NeuralForecast([lstm(spec, 1)], freq="h").fit(frame)
