"""The data that every contender gets: equal numbers, equal times, in the plainest form; needs NumPy and pandas only.

Dimension key: S series, T steps, W windows, H horizon.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

START = np.datetime64("2020-01-01T00:00", "us")  # hourly from here on; the M4 files hold no dates


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Sizes that all contenders share: one recurrent layer over single steps, points trained on the absolute error."""

    lookback: int = 96
    horizon: int = 24
    width: int = 64
    batch: int = 128
    model: str = ""
    seconds: float = 0.0
    steps: int = 0
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Series:
    """Hourly series without gaps: values of S series, each (T,) float64.  train: their steps to learn from (S,).

    validation: steps behind these that may be used to choose weights.  test: (S, W) first target steps; contenders
    forecast ``horizon`` steps from each.
    """

    name: str
    values: list[np.ndarray]
    train: np.ndarray
    validation: int
    test: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def frame(self, *, train_only: bool = False, rows: int | None = None) -> pd.DataFrame:
        """Long: unique_id, ds, y; all steps, the training steps, or the last ``rows`` steps."""
        parts = [v[: self.train[i]] if train_only else v for i, v in enumerate(self.values)]
        lengths = [len(part) for part in parts]
        times = [START + np.timedelta64(1, "h") * np.arange(n) for n in lengths]
        if rows is not None:
            parts, times = [p[-rows:] for p in parts], [t[-rows:] for t in times]
        ids = np.repeat([f"s{i:05d}" for i in range(len(parts))], [len(p) for p in parts])
        return pd.DataFrame({"unique_id": ids, "ds": np.concatenate(times), "y": np.concatenate(parts)})

    def save(self, path: Path) -> None:
        lengths = np.array([len(v) for v in self.values])
        np.savez(
            path,
            name=self.name,
            values=np.concatenate(self.values),
            lengths=lengths,
            train=self.train,
            validation=self.validation,
            test=self.test,
        )


def load(path: str) -> Series:
    """What ``save`` wrote."""
    with np.load(path) as file:
        ends = file["lengths"].cumsum()[:-1]
        return Series(
            name=str(file["name"]),
            values=np.split(file["values"], ends),
            train=file["train"],
            validation=int(file["validation"]),
            test=file["test"],
        )


def big_frame(series: int, rows: int) -> pd.DataFrame:
    """A sorted long frame with string ids, hourly times and a float32 target."""
    names = pd.Series([f"series-{i:05d}" for i in range(series)])
    times = np.tile(START + np.timedelta64(1, "h") * np.arange(rows), series)
    target = np.random.default_rng(0).standard_normal(series * rows, dtype=np.float32)
    ids = names.repeat(rows).reset_index(drop=True)
    return pd.DataFrame({"unique_id": ids, "ds": times, "y": target}, copy=False)
