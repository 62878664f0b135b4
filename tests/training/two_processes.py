"""What each of two processes does in ``test_distributed.py``; the first one prints what it found as JSON."""

import json
import os
import sys

import numpy as np
import pandas as pd
import torch

from forecast import LSTMForecaster
from forecast.errors import ConfigError
from forecast.networks.base import Network

SETTINGS = {
    "horizon": 6,
    "lookback": 24,
    "patch": 6,
    "season": 12,
    "hidden_size": 8,
    "dropout": 0.0,
    "origins": 3,
    "batch_size": 7,  # shares of 3 and 4
    "max_steps": 40,
}


def wave(seed: int = 0) -> pd.Series:
    """A series with a third of its steps missing, so that shares of a batch count different numbers of targets."""
    rng = np.random.default_rng(seed)
    values = np.sin(np.arange(300) * np.pi / 6) + 0.2 * rng.normal(size=300)
    values[rng.random(300) < 0.33] = np.nan
    values[-1] = 0.0
    return pd.Series(values, index=pd.date_range("2024-01-01", periods=300, freq="h"))


class Odd(LSTMForecaster):
    """A network with a parameter that nothing uses, and a buffer that is no block of memory."""

    def _build(self, sizes, output) -> Network:
        network = super()._build(sizes, output)
        network.idle = torch.nn.Parameter(torch.ones(3))
        network.register_buffer("wide", torch.zeros(1, 1).expand(4, 5), persistent=False)
        return network


def history(model: LSTMForecaster) -> list[dict[str, float]]:
    return [{name: row[name] for name in ("step", "loss", "validation")} for row in model.report_["history"]]


def stopping(step: int, seconds: float, losses: dict[str, float]) -> bool:
    return step >= 20


def failing(step: int, seconds: float, losses: dict[str, float]) -> bool:
    raise ValueError("enough")


def fitted(kind: type[LSTMForecaster] = LSTMForecaster, **fit) -> LSTMForecaster:
    return kind(**SETTINGS).fit(wave(), **fit)


def main() -> None:
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    found = {"plain": history(fitted()), "odd": history(fitted(Odd))}
    stopped = fitted(on_report=stopping if rank == 0 else None).report_
    found["stopped"] = [stopped["stopped"], stopped["steps"]]
    timed = LSTMForecaster(**{**SETTINGS, "max_steps": 100_000, "max_time": 0.5}).fit(wave()).report_
    found["timed"] = [timed["stopped"], timed["steps"]]
    for name, settings, seed in (("data", {}, rank), ("batch", {"batch_size": 1}, 0)):
        try:
            LSTMForecaster(**{**SETTINGS, **settings}).fit(wave(seed))
        except ConfigError as error:
            found[name] = error.cause
    try:
        fitted(on_report=failing)  # the first process alone is asked
    except ValueError as error:
        found["raised"] = str(error)
    told = [None, None]
    torch.distributed.all_gather_object(told, found)
    torch.distributed.destroy_process_group()
    if rank == 0:
        json.dump(told, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # an interpreter that ends by and by may be aborted by torch's threads, which outlive the group


if __name__ == "__main__":
    main()
