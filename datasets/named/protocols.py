"""How published numbers were measured, as data: which rows train, which windows count, which season scales the error.

Windows are pairs (series, ends): the forecast starts at row ``ends[w]`` of series ``series[w]`` and may use the rows
before it.  Dimension key: T time, C columns, S series, W windows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.catalogue import find_dataset, load_dataset
from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, DataError, unknown_name

_DAYS = {"h": 24, "15min": 96}  # steps per day of the transformer data
_GIFT_EVAL_SHARE, _GIFT_EVAL_MOST = 0.1, 20  # test share of the shortest series, and the most windows


@dataclass(frozen=True, kw_only=True, eq=False)
class LongHorizon:
    """The long-horizon benchmark on one data set: every window of the test rows counts, none is dropped at the end.

    values: (T, C) float64, standardised by mean and deviation of the training rows.  columns: their names.
    train, validation, test: the rows in which targets lie; a lookback reaches back over the border before them.
    """

    values: Floats
    columns: tuple[str, ...]
    mean: Floats
    deviation: Floats
    train: slice
    validation: slice
    test: slice

    def ends(self, part: Literal["train", "validation", "test"], *, lookback: int, horizon: int) -> Ints:
        """(W,) row of the first target step of every window of a part; windows move by one step."""
        rows: slice = getattr(self, part)
        return np.arange(max(rows.start, lookback), rows.stop - horizon + 1, dtype=np.int64)


def ltsf(name: str, *, frame: pd.DataFrame | None = None) -> LongHorizon:
    """The protocol of Informer, Autoformer and all after them, for a wide data set with a column ``date``.

    Transformer data are cut into 12, 4 and 4 months of 30 days; the others into 70, 10 and 20 % of the rows.
    frame: the data set, if it was loaded already.
    """
    entry = find_dataset(name)
    if entry.kind != "public" or entry.roles.time != "date" or entry.target:
        raise ConfigError(f"{name!r} is not a data set of the long-horizon protocol", "Use one like ETTh1 or weather.")
    frame = (load_dataset(name) if frame is None else frame).drop(columns="date")
    raw = frame.to_numpy(np.float64)
    first, second, last = _borders(entry.name, entry.freq, len(raw))
    if len(raw) < last:
        raise DataError(f"{name!r} has {len(raw)} rows, its protocol needs {last}", "Use the whole published file.")
    mean, deviation = raw[:first].mean(axis=0), raw[:first].std(axis=0)
    return LongHorizon(
        values=(raw[:last] - mean) / np.where(deviation > 0, deviation, 1.0),
        columns=tuple(frame.columns),
        mean=mean,
        deviation=deviation,
        train=slice(0, first),
        validation=slice(first, second),
        test=slice(second, last),
    )


def _borders(name: str, freq: str, rows: int) -> tuple[int, int, int]:
    """The rows at which training, validation and test end."""
    if name.startswith("ett"):
        month = 30 * _DAYS[freq]
        return 12 * month, 16 * month, 20 * month
    return int(rows * 0.7), rows - int(rows * 0.2), rows


def last_windows(panel: Panel, horizon: int, *, windows: int = 1, step: int | None = None) -> tuple[Ints, Ints]:
    """The last ``windows`` windows of every series, ``step`` (default: the horizon) apart, earliest first.

    Returns (series, ends), each (W,), series by series.  Windows that leave no step to learn from are left out.
    """
    if horizon < 1 or windows < 1:
        raise ConfigError(f"horizon={horizon} and windows={windows} must be 1 or more", "Give whole numbers from 1 on.")
    back = horizon + np.arange(windows)[::-1] * (step or horizon)
    ends = panel.ends[:, None] - back  # (S, windows)
    series, _ = np.nonzero(ends > 0)
    return series.astype(np.int64), ends[ends > 0]


def gift_eval_windows(panel: Panel, horizon: int) -> int:
    """The number of windows that GIFT-Eval takes: a tenth of the shortest series, between 1 and 20."""
    return min(max(1, math.ceil(_GIFT_EVAL_SHARE * int(panel.ends.min()) / horizon)), _GIFT_EVAL_MOST)


def _observed_steps(panel: Panel) -> Ints:
    """(S,) steps of each series at which a target is known: the rows that it has in its file."""
    before = np.concatenate([[0], np.cumsum(~np.isnan(panel.target).all(axis=1))])
    counts: Ints = np.diff(before[panel.offsets])
    return counts


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One published task.  ``season`` scales MASE and drives the seasonal naive forecast.

    windows: how many last windows count; None: as many as GIFT-Eval takes.
    least: series with fewer observed steps are left out.
    seasonal_naive: the MASE that the seasonal naive forecast has, as published; a harness that gives it is right.
    """

    name: str
    dataset: str
    horizon: int
    season: int
    seasonal_naive: float
    windows: int | None = 1
    least: int = 0

    def split(self, panel: Panel) -> tuple[Ints, Ints]:
        """(series, ends) of the windows that count."""
        windows = gift_eval_windows(panel, self.horizon) if self.windows is None else self.windows
        series, ends = last_windows(panel, self.horizon, windows=windows)
        counted = _observed_steps(panel)[series] >= self.least
        return series[counted], ends[counted]


def _chronos(dataset: str, horizon: int, season: int, seasonal_naive: float) -> Protocol:
    name = f"chronos/{dataset}"
    return Protocol(name=name, dataset=dataset, horizon=horizon, season=season, seasonal_naive=seasonal_naive)


def _fev_epf(dataset: str, seasonal_naive: float) -> Protocol:
    name = f"fev/{dataset}"
    return Protocol(name=name, dataset=dataset, horizon=24, season=24, seasonal_naive=seasonal_naive, windows=20)


def _gift_eval(term: str, dataset: str, horizon: int, season: int, seasonal_naive: float) -> Protocol:
    name = f"gift-eval/{dataset}/{term}"
    return Protocol(
        name=name, dataset=dataset, horizon=horizon, season=season, seasonal_naive=seasonal_naive, windows=None
    )


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            Protocol(name="m4/hourly", dataset="m4_hourly", horizon=48, season=24, seasonal_naive=1.193),
            _chronos("m1_monthly", 18, 12, 1.314),
            _chronos("m3_monthly", 18, 12, 1.146),
            _chronos("m3_quarterly", 8, 4, 1.425),
            _chronos("m3_yearly", 6, 1, 3.172),
            _chronos("exchange_rate", 30, 5, 1.740),
            _fev_epf("epf_np", 1.761),
            _fev_epf("epf_pjm", 0.581),
            Protocol(name="fev/walmart", dataset="walmart", horizon=39, season=1, seasonal_naive=1.524, least=79),
            _gift_eval("short", "ettm1", 48, 96, 0.934),
            _gift_eval("medium", "ettm1", 480, 96, 1.188),
            _gift_eval("long", "ettm1", 720, 96, 1.191),
            _gift_eval("short", "us_births", 30, 1, 1.865),
            _gift_eval("short", "weather", 48, 144, 0.743),
        )
    }
)


def protocol(name: str) -> Protocol:
    """The published task of that name."""
    if name not in PROTOCOLS:
        raise unknown_name("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
