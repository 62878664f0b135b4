"""The data of the sections: public files where they are at hand, waves of the same size elsewhere.

Dimension key: S series, W windows, H horizon, C columns.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from comparison.series import Series
from forecast.datasets import load_dataset
from forecast.datasets.build import load_panel
from forecast.datasets.named.protocols import ltsf, protocol
from forecast.errors import DataError
from forecast.evaluation.metrics import mase_of_windows

M4, ETT = "M4 Hourly, 48 ahead", "ETTh1, 96 ahead"


@dataclass(frozen=True)
class Task:
    """A data set with its published protocol.

    error: judges forecasts (S, W, H).  naive: a forecast whose error was published; it shows that the harness is right.
    """

    name: str
    series: Series
    horizon: int
    measure: str
    error: Callable[[np.ndarray], float]
    naive: np.ndarray
    published: float


def waves(series: int, steps: int, name: str) -> Series:
    """Daily cycles with noise."""
    time = np.arange(steps)[:, None] + 3 * np.arange(series)
    values = np.sin(time * 2 * np.pi / 24) + 0.3 * np.random.default_rng(0).normal(size=time.shape)
    return whole(name, list(values.T))


def whole(name: str, values: list[np.ndarray]) -> Series:
    """Series of which every step may be learned from."""
    lengths = np.array([len(v) for v in values])
    return Series(name=name, values=values, train=lengths, validation=0, test=lengths[:, None])


def speed_data(*, quick: bool) -> tuple[Series, Series]:
    """Few long series and many short ones: ETTh1 and M4 Hourly, or waves of their size."""
    if quick:
        return waves(7, 3000, "7 waves"), waves(40, 700, "40 waves")
    try:
        frame = load_dataset("etth1").drop(columns="date")
        few = whole("ETTh1, 7 × 17,420", [frame[c].to_numpy(np.float64) for c in frame])
        rows = load_dataset("m4_hourly")
        parts = [part.to_numpy(np.float64)[:-48] for _, part in rows.groupby("id", sort=False)["target"]]
        return few, whole("M4 Hourly, 414 × 700 to 960", parts)
    except DataError as error:
        print(f"waves stand in for the public files: {error.cause}")
        return waves(7, 17_420, "7 × 17,420 waves"), waves(414, 900, "414 × 900 waves")


def m4() -> Task:
    """The competition's hourly series; contenders never see the 48 steps that count."""
    task = protocol("m4/hourly")
    panel = load_panel(load_dataset("m4_hourly"))
    chosen, ends = task.split(panel)
    values = [panel.target[panel.offsets[i] : panel.offsets[i] + end, 0] for i, end in zip(chosen, ends, strict=True)]

    def error(forecast: np.ndarray) -> float:
        return mase_of_windows(panel, chosen, ends, forecast[:, 0, :, None].astype(float), season=task.season)

    naive = np.stack([np.tile(v[-task.season :], 2) for v in values])[:, None]
    return Task(M4, whole(M4, values), task.horizon, "MASE", error, naive, task.seasonal_naive)


def ett() -> Task:
    """The long-horizon protocol: standardised columns, every window of the test months; mean squared error."""
    task, horizon = ltsf("etth1"), 96
    ends = task.ends("test", lookback=336, horizon=horizon)
    columns = len(task.columns)
    series = Series(
        name=ETT,
        values=list(task.values.T.copy()),
        train=np.full(columns, task.train.stop),
        validation=task.validation.stop - task.validation.start,
        test=np.tile(ends, (columns, 1)),
    )
    truth = np.lib.stride_tricks.sliding_window_view(task.values, horizon, axis=0)[ends]  # (W, C, H)

    def error(forecast: np.ndarray) -> float:
        return float(np.square(forecast - truth.transpose(1, 0, 2)).mean())

    naive = np.repeat(task.values[ends - 1].T[..., None], horizon, axis=2)
    return Task(ETT, series, horizon, "MSE", error, naive, 1.294)
