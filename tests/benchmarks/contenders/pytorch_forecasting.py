"""PyTorch-Forecasting, set up for speed as its tutorials do.

A batch of 128 through ``to_dataloader(num_workers=0)``; ``GroupNormalizer`` (fitted once, not per sample); no logging
of metrics or figures (``logging_metrics``, ``log_interval``), no logger, checkpoints or progress bar.
"""

import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from pytorch_forecasting import GroupNormalizer, NHiTS, RecurrentNetwork, TimeSeriesDataSet
from pytorch_forecasting.metrics import MAE

from comparison.series import Series, Spec
from contenders.lightning import WARM_UP, clock, quiet

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
MODELS = ("nhits",)


def versions() -> dict[str, str]:
    import pytorch_forecasting

    return {
        "pytorch-forecasting": pytorch_forecasting.__version__,
        "torch": torch.__version__,
        "lightning": pl.__version__,
    }


def windows(frame: pd.DataFrame, spec: Spec) -> TimeSeriesDataSet:
    numbered = frame.assign(step=frame.groupby("unique_id").cumcount())
    return TimeSeriesDataSet(
        numbered[["unique_id", "step", "y"]],
        time_idx="step",
        target="y",
        group_ids=["unique_id"],
        max_encoder_length=spec.lookback,
        min_encoder_length=spec.lookback,
        max_prediction_length=spec.horizon,
        min_prediction_length=spec.horizon,
        time_varying_unknown_reals=["y"],
        target_normalizer=GroupNormalizer(groups=["unique_id"]),
        add_encoder_length=False,
    )


def lstm(samples: TimeSeriesDataSet, spec: Spec) -> RecurrentNetwork:
    return RecurrentNetwork.from_dataset(
        samples,
        cell_type="LSTM",
        hidden_size=spec.width,
        rnn_layers=1,
        dropout=0.0,
        loss=MAE(),
        logging_metrics=torch.nn.ModuleList([]),
        log_interval=-1,
        learning_rate=1e-3,
    )


def fit(model: Any, samples: TimeSeriesDataSet, spec: Spec, steps: int, **more: Any) -> None:
    loader = samples.to_dataloader(train=True, batch_size=spec.batch, num_workers=0)
    pl.Trainer(**quiet(max_steps=steps, **more)).fit(model, train_dataloaders=loader)


def training(data: Series, spec: Spec, origins: int) -> Callable[[int], tuple[float, int]]:
    samples = windows(data.frame(), spec)
    model = lstm(samples, spec)

    def run(steps: int) -> tuple[float, int]:
        times = clock(pl.Callback)
        fit(model, samples, spec, steps + WARM_UP, callbacks=[times])
        return times.seconds(), steps * spec.batch

    return run


def accuracy(data: Series, spec: Spec) -> tuple[float, np.ndarray]:
    if data.test.shape[1] > 1:
        raise NotImplementedError("forecasts from many origins take longer than the comparison")
    frame = data.frame(train_only=True)
    pl.seed_everything(spec.seed, verbose=False)
    began = time.perf_counter()
    samples = windows(frame, spec)
    model = NHiTS.from_dataset(
        samples, loss=MAE(), learning_rate=1e-3, log_interval=-1, logging_metrics=torch.nn.ModuleList([])
    )
    fit(model, samples, spec, spec.steps, max_time={"seconds": spec.seconds})
    seconds = time.perf_counter() - began
    return seconds, _ahead(model, samples, frame, spec).numpy()[:, None]


def _ahead(model: Any, samples: TimeSeriesDataSet, frame: pd.DataFrame, spec: Spec) -> torch.Tensor:
    """Forecasts (S, H) behind the frame; the rows that are to be forecast have to stand in it with any value."""
    last = frame.groupby("unique_id", sort=False).tail(spec.horizon)
    behind = last.assign(ds=last["ds"] + pd.Timedelta(hours=spec.horizon))
    whole = pd.concat([frame, behind]).sort_values(["unique_id", "ds"], ignore_index=True)
    whole = whole.assign(step=whole.groupby("unique_id").cumcount())[["unique_id", "step", "y"]]
    ahead = TimeSeriesDataSet.from_dataset(samples, whole, predict=True, stop_randomization=True)
    loader = ahead.to_dataloader(train=False, batch_size=10 * spec.batch, num_workers=0)
    out: torch.Tensor = model.predict(loader, trainer_kwargs=quiet())
    return out


def predictions(data: Series, spec: Spec) -> dict[str, Callable[[], object]]:
    frame = data.frame()
    samples = windows(frame, spec)
    model = lstm(samples, spec)
    fit(model, samples, spec, 2)
    if len(data) < 10:
        return {f"backtest_{n}": lambda n=n: _backtest(model, samples, data, n) for n in (100, 1000)}
    alone = frame[frame["unique_id"] == "s00000"].tail(1000)
    return {
        "panel_frame": lambda: _ahead(model, samples, frame, spec),
        "one_frame": lambda: _ahead(model, samples, alone, spec),
    }


def _backtest(model: Any, samples: TimeSeriesDataSet, data: Series, origins: int) -> object:
    whole = data.frame(rows=samples.max_encoder_length + samples.max_prediction_length + origins - 1)
    whole = whole.assign(step=whole.groupby("unique_id").cumcount())[["unique_id", "step", "y"]]
    rolled = TimeSeriesDataSet.from_dataset(samples, whole, stop_randomization=True)
    loader = rolled.to_dataloader(train=False, batch_size=1280, num_workers=0)
    return model.predict(loader, trainer_kwargs=quiet())


def first_step(frame: pd.DataFrame, spec: Spec) -> None:
    samples = windows(frame, spec)
    fit(lstm(samples, spec), samples, spec, 1)
