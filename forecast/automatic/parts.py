"""Halves of a backtest: what is learned on one is judged on the other.  Dimension key: W windows."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.evaluation.results import Backtest

Chosen = NDArray[np.bool_]

MANY = 4  # folds from which every other one is taken, rather than every other series
FEWEST = 8  # windows in each half


def half_of(result: Backtest) -> Chosen | None:
    """(W,) a half of the windows: every other fold, or every other series where there are few folds.

    None where a half would have too few windows to tell anything.
    """
    group: NDArray[Any] = result.fold if result.folds >= MANY else result.series
    half: Chosen = group % 2 == 0
    return half if min(half.sum(), (~half).sum()) >= FEWEST else None


def part_of(result: Backtest, chosen: Chosen) -> Backtest:
    """The backtest of the windows that are chosen (W,)."""
    return replace(
        result,
        fold=result.fold[chosen],
        series=result.series[chosen],
        ends=result.ends[chosen],
        values=result.values[chosen],
        actual=result.actual[chosen],
    )
