"""Darts, set up as its guide "Torch Forecasting Models", performance recommendations, advises.

Series in 32 bits; a large batch; scaled data (``Scaler``); no logging, checkpoints or progress bar.  Workers of the
loader stay at 0, its default: windows are slices of arrays in memory, and more processes than cores do not help.
"""

import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning
import torch
from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.models import BlockRNNModel, NHiTSModel
from sklearn.preprocessing import StandardScaler

from comparison.series import Series, Spec
from contenders.lightning import WARM_UP, clock, quiet

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
logging.getLogger("darts").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
MODELS = ("lstm", "nhits")
EPOCHS = 10_000  # more than any run takes: steps end it


def versions() -> dict[str, str]:
    import darts

    return {"darts": darts.__version__, "torch": torch.__version__, "lightning": pytorch_lightning.__version__}


def from_frame(frame: pd.DataFrame) -> list[TimeSeries]:
    series = TimeSeries.from_group_dataframe(
        frame, group_cols="unique_id", time_col="ds", value_cols="y", freq="h", drop_group_cols="unique_id"
    )
    return [one.astype(np.float32) for one in series]


def shared(spec: Spec, steps: int, **more: Any) -> dict[str, Any]:
    return {
        "input_chunk_length": spec.lookback,
        "output_chunk_length": spec.horizon,
        "batch_size": spec.batch,
        "loss_fn": torch.nn.L1Loss(),
        "n_epochs": EPOCHS,
        "random_state": spec.seed,
        "pl_trainer_kwargs": quiet(max_steps=steps, **more),
    }


def lstm(spec: Spec, steps: int, **more: Any) -> BlockRNNModel:
    return BlockRNNModel(model="LSTM", hidden_dim=spec.width, n_rnn_layers=1, **shared(spec, steps, **more))


def training(data: Series, spec: Spec, origins: int) -> Callable[[int], tuple[float, int]]:
    series = Scaler(StandardScaler()).fit_transform(from_frame(data.frame()))

    def run(steps: int) -> tuple[float, int]:
        times = clock(pytorch_lightning.Callback)
        lstm(spec, steps + WARM_UP, callbacks=[times]).fit(series, verbose=False)
        return times.seconds(), steps * spec.batch

    return run


def accuracy(data: Series, spec: Spec) -> tuple[float, np.ndarray]:
    frame = data.frame(train_only=True)
    limit = {"max_time": {"seconds": spec.seconds}}
    began = time.perf_counter()
    scaler = Scaler(StandardScaler())
    series = scaler.fit_transform(from_frame(frame))
    if spec.model == "nhits":
        model = NHiTSModel(**shared(spec, spec.steps, **limit))
    else:
        model = lstm(spec, spec.steps, **limit)
    model.fit(series, verbose=False)
    seconds = time.perf_counter() - began
    if data.test.shape[1] == 1:
        forecasts = scaler.inverse_transform(model.predict(spec.horizon, series=series, verbose=False))
        return seconds, np.stack([f.values() for f in forecasts])[:, None, :, 0]
    whole = scaler.transform(from_frame(data.frame()))
    rolled = model.historical_forecasts(
        whole,
        start=int(data.test[0, 0]),
        start_format="position",
        forecast_horizon=spec.horizon,
        retrain=False,
        last_points_only=False,
        verbose=False,
    )
    fitted = scaler.inverse_transform(series)  # one scale per series: found again from two of its values
    return seconds, np.stack([_undo(f[: data.test.shape[1]], fitted[i], series[i]) for i, f in enumerate(rolled)])


def _undo(forecasts: list[TimeSeries], raw: TimeSeries, scaled: TimeSeries) -> np.ndarray:
    """Forecasts (W, H) of one series in its own units."""
    y, z = raw.values().ravel(), scaled.values().ravel()
    low, high = z.argmin(), z.argmax()
    slope = (y[high] - y[low]) / (z[high] - z[low])
    return np.stack([f.values().ravel() for f in forecasts]) * slope + (y[low] - z[low] * slope)


def predictions(data: Series, spec: Spec) -> dict[str, Callable[[], object]]:
    scaler = Scaler(StandardScaler())
    series = scaler.fit_transform(from_frame(data.frame()))
    model = lstm(spec, 2)
    model.fit(series, verbose=False)
    if len(data) < 10:
        return {f"backtest_{n}": lambda n=n: _backtest(model, series, n) for n in (100, 1000)}
    return {
        "panel": lambda: scaler.inverse_transform(model.predict(spec.horizon, series=series, verbose=False)),
        "one": lambda: model.predict(spec.horizon, series=series[0], verbose=False),
    }


def _backtest(model: BlockRNNModel, series: list[TimeSeries], origins: int) -> object:
    return model.historical_forecasts(
        series,
        start=-(origins + model.output_chunk_length - 1),
        start_format="position",
        forecast_horizon=model.output_chunk_length,
        retrain=False,
        last_points_only=False,
        verbose=False,
    )


def first_step(frame: pd.DataFrame, spec: Spec) -> None:
    lstm(spec, 1).fit(from_frame(frame), verbose=False)
