"""Panels made by hand, so that a test says exactly which rows a forecaster sees."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from forecast.datasets.panel import Panel
from forecast.datasets.schema import Schema
from forecast.datasets.timeline import Timeline
from forecast.estimators.base import Forecaster, Job

MakePanel = Callable[..., Panel]


def panel_of(
    series: Sequence[ArrayLike], *, ids: Sequence[object] | None = None, starts: object = None, freq: str = "1"
) -> Panel:
    """A panel of the given series, each (T,) or (T, C); a series ends at its last observed value."""
    blocks = [np.asarray(values, np.float64).reshape(len(np.asarray(values)), -1) for values in series]
    channels = blocks[0].shape[1]
    lengths = np.array([len(block) for block in blocks])
    seen = [np.flatnonzero(~np.isnan(block).all(axis=1)) for block in blocks]
    names = ("y",) if channels == 1 else tuple(f"y{c}" for c in range(channels))
    return Panel(
        schema=Schema(shape="long", time="time", target=names, id="id", freq=freq),
        timeline=Timeline(freq=freq),
        ids=pd.Index(list(ids) if ids is not None else [f"s{i}" for i in range(len(blocks))]),
        starts=np.zeros(len(blocks), np.int64) if starts is None else np.asarray(starts),
        offsets=np.concatenate([[0], lengths.cumsum()]),
        ends=np.array([int(rows[-1]) + 1 if len(rows) else 0 for rows in seen]),
        target=np.concatenate(blocks),
        past=np.zeros((lengths.sum(), 0)),
        future=np.zeros((lengths.sum(), 0)),
        static=np.zeros((len(blocks), 0)),
        past_codes=np.zeros((lengths.sum(), 0), np.int64),
        future_codes=np.zeros((lengths.sum(), 0), np.int64),
        static_codes=np.zeros((len(blocks), 0), np.int64),
    )


def learned(forecaster: Forecaster, panel: Panel, *, season: int = 1) -> Forecaster:
    """The forecaster after learning from the panel, without the reading of data around it."""
    forecaster.season_ = season
    forecaster.report_ = {}
    forecaster._learn(panel, Job(began=0.0))
    return forecaster


@pytest.fixture(scope="session")
def make_panel() -> MakePanel:
    return panel_of


@pytest.fixture(scope="session")
def learn() -> Callable[..., Forecaster]:
    return learned
