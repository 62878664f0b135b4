"""GluonTS, set up for speed as its documentation and maintainers advise.

``cache_data=True`` keeps the transformed series (awslabs/gluonts#2541, autogluon/autogluon#2323: 2.2 times faster); one
epoch holds all batches; no logger or progress bar.  Its recurrent model is DeepAR, whose head is a
distribution: it has no point head.  For the training speed it gets no lags and no time features, so that its layer is
as wide as the others'; the ones that it finds by itself are measured as a variant.
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
from gluonts.dataset.common import ListDataset
from gluonts.dataset.pandas import PandasDataset
from gluonts.torch.model.deepar import DeepAREstimator
from gluonts.torch.model.patch_tst import PatchTSTEstimator

from comparison.series import START, Series, Spec
from contenders.lightning import WARM_UP, clock, quiet

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
MODELS = ("deepar", "patchtst")
VARIANTS = ({}, {"lags": "found"})
AHEAD = 1000  # windows forecast in one call: DeepAR draws 100 paths of each


def versions() -> dict[str, str]:
    import gluonts

    return {"gluonts": gluonts.__version__, "torch": torch.__version__, "lightning": pl.__version__}


def dataset(values: list[np.ndarray], starts: list[int] | None = None) -> ListDataset:
    first = pd.Timestamp(START)
    shifts = starts or [0] * len(values)
    rows = [
        {"start": first + pd.Timedelta(hours=shift), "target": one.astype(np.float32)}
        for one, shift in zip(values, shifts, strict=True)
    ]
    return ListDataset(rows, freq="h")


def trainer(**more: Any) -> dict[str, Any]:
    """Its estimators add a checkpoint of their own at the end of each epoch, which cannot be switched off."""
    return quiet(max_epochs=1, **more) | {"enable_checkpointing": True}


def deepar(spec: Spec, steps: int, *, found: bool = False, **more: Any) -> DeepAREstimator:
    """One layer without dropout.  found: with the lags and time features that DeepAR finds by itself."""
    bare = {} if found else {"lags_seq": [1], "time_features": []}
    return DeepAREstimator(
        freq="h",
        prediction_length=spec.horizon,
        context_length=spec.lookback,
        num_layers=1,
        hidden_size=spec.width,
        dropout_rate=0.0,
        batch_size=spec.batch,
        num_batches_per_epoch=steps,
        trainer_kwargs=trainer(**more),
        **bare,
    )


def training(data: Series, spec: Spec, origins: int) -> Callable[[int], tuple[float, int]]:
    series = dataset(data.values)

    def run(steps: int) -> tuple[float, int]:
        times = clock(pl.Callback)
        estimator = deepar(spec, steps + WARM_UP, found="lags" in spec.options, callbacks=[times])
        estimator.train(series, cache_data=True)
        return times.seconds(), steps * spec.batch

    return run


def accuracy(data: Series, spec: Spec) -> tuple[float, np.ndarray]:
    """Its own defaults but for the width of 64 and the lookback of the task; the median of its distribution."""
    if spec.model == "deepar" and data.test.shape[1] > 1:
        raise NotImplementedError("DeepAR's paths from many origins take longer than the comparison")
    limit = {"max_time": {"seconds": spec.seconds}}
    torch.manual_seed(spec.seed)
    began = time.perf_counter()
    series = dataset([v[:n] for v, n in zip(data.values, data.train, strict=True)])
    if spec.model == "deepar":
        estimator = DeepAREstimator(
            freq="h",
            prediction_length=spec.horizon,
            context_length=spec.lookback,
            hidden_size=spec.width,
            batch_size=spec.batch,
            num_batches_per_epoch=spec.steps,
            trainer_kwargs=trainer(**limit),
        )
    else:
        estimator = PatchTSTEstimator(
            prediction_length=spec.horizon,
            context_length=spec.lookback,
            patch_len=16,
            scaling="std",  # the default, the mean, does far worse on levels as high as those of M4
            d_model=spec.width,
            batch_size=spec.batch,
            num_batches_per_epoch=spec.steps,
            trainer_kwargs=trainer(**limit),
        )
    predictor = estimator.train(series, cache_data=True)
    seconds = time.perf_counter() - began
    reach = 2 * spec.lookback + 1000  # DeepAR's lags go back further than its context
    pairs = [(i, int(end)) for i in range(len(data)) for end in data.test[i]]
    done: list[np.ndarray] = []
    for first in range(0, len(pairs), AHEAD):
        part = pairs[first : first + AHEAD]
        starts = [max(0, end - reach) for _, end in part]
        windows = [data.values[i][s:end] for (i, end), s in zip(part, starts, strict=True)]
        done += [f.quantile(0.5) for f in predictor.predict(dataset(windows, starts))]
    return seconds, np.stack(done).reshape(*data.test.shape, spec.horizon)


def predictions(data: Series, spec: Spec) -> dict[str, Callable[[], object]]:
    series = dataset(data.values)
    predictor = deepar(spec, 2).train(series, cache_data=True)
    if len(data) < 10:
        return {f"backtest_{n}": lambda n=n: _backtest(predictor, data, spec, n) for n in (100, 1000)}
    one = dataset(data.values[:1])
    return {"panel": lambda: list(predictor.predict(series)), "one": lambda: list(predictor.predict(one))}


def _backtest(predictor: Any, data: Series, spec: Spec, origins: int) -> object:
    """Every origin is an item of its own, cut to what the model reads."""
    ends = [(v, len(v) - spec.horizon - back) for v in data.values for back in range(origins)]
    starts = [end - 2 * spec.lookback for _, end in ends]
    return list(predictor.predict(dataset([v[s:end] for (v, end), s in zip(ends, starts, strict=True)], starts)))


def first_step(frame: pd.DataFrame, spec: Spec) -> None:
    series = PandasDataset.from_long_dataframe(frame, item_id="unique_id", timestamp="ds", target="y", freq="h")
    deepar(spec, 1).train(series)
