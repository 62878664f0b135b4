"""What a forecaster loses when a covariate is taken from the wrong window (Breiman 2001, section 10; Fisher, Rudin &
Dominici 2019, section 3).

Dimension key: S series, W windows, R repeats, B batch, H horizon, C channels, V levels.
"""

import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.windows import Window
from forecast.errors import DataError
from forecast.estimators.forecasting import points_and_levels
from forecast.explanations.names import Variable, variables_of
from forecast.training.device import borrowed, in_passes

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster

ENOUGH, FEWEST, MOST = 64, 8, 256  # windows that are looked for, needed, and taken at most
COVERAGE = 0.9
COLUMNS = ("variable", "role", "importance", "low", "high")


def importance(forecaster: "NeuralForecaster", panel: Panel, *, repeats: int, seed: int) -> pd.DataFrame:
    """By how much of itself the error of the last windows of a panel rises when a variable's values are permuted.

    One row for each covariate, and for the calendar as a whole, the most important first: ``variable``, ``role``,
    ``importance`` (0.1: errors are a tenth larger), and its 90 % interval ``low`` to ``high``, from the spread of the
    paired differences over the windows and over the repeats.  A variable's values over the whole window and horizon
    change places with those of another window, so that a covariate that is the same in all windows has none.  The error
    is the pinball loss over the levels (the absolute error without levels) in units of the series' deviation.
    ``DataError`` where there are fewer than eight windows.
    """
    held = held_windows(forecaster, panel)
    before = losses(forecaster, held)
    usable = torch.from_numpy(np.isfinite(before))
    held, before = _rows(held, usable), before[usable.numpy()]
    if len(before) < FEWEST:
        raise DataError(
            f"importance needs {FEWEST} windows with a known answer, and there are {len(before)}",
            "Give data with more history: explain(X).",
        )
    random = np.random.default_rng(seed)
    orders = [torch.from_numpy(random.permutation(len(before))) for _ in range(repeats)]
    rows = []
    for variable in variables_of(forecaster):
        after = [losses(forecaster, permuted(held, variable, order.to(held.target.device))) for order in orders]
        rows.append((variable.name, variable.role, *spread(np.stack(after) - before, base=float(before.mean()))))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def spread(rises: Floats, *, base: float) -> tuple[float, float, float]:
    """The mean of rises in error (R, W) as a share of ``base``, and both ends of its 90 % interval (Student's t).

    Windows and repeats are two samples: the variances of the mean that come from either are added.
    """
    from scipy import stats

    repeats, windows = rises.shape
    variance = rises.mean(0).var(ddof=1) / windows
    if repeats > 1:
        variance += rises.mean(1).var(ddof=1) / repeats
    half = float(stats.t.ppf((1 + COVERAGE) / 2, windows - 1)) * math.sqrt(variance)
    middle, unit = float(rises.mean()), max(base, 1e-12)
    return middle / unit, (middle - half) / unit, (middle + half) / unit


def held_windows(forecaster: "NeuralForecaster", panel: Panel) -> Window:
    """The last windows of each series with their answers, in one batch."""
    series, ends = last_origins(
        panel,
        horizon=forecaster.horizon,
        lookback=forecaster.resolved_.lookback,
        least=forecaster.resolved_.min_context,
        season=forecaster.season_,
    )
    applied = forecaster.transform_.apply(panel)
    device = next(forecaster.network_.parameters()).device
    with torch.inference_mode():
        known = panel.ends.copy()
        np.minimum.at(known, series, ends)  # no statistic may come from rows after the first origin
        windows = forecaster._windows(applied, device, known)
        chosen, last = torch.from_numpy(series).to(device), torch.from_numpy(ends).to(device)
        return windows.gather(chosen, last, answers=True)


def last_origins(panel: Panel, *, horizon: int, lookback: int, least: int, season: int) -> tuple[Ints, Ints]:
    """The last origins with a whole horizon after them and a lookback before them, as (series, ends), both (W,).

    A series too short for that has one, if ``least`` steps come before it.  Origins lie a horizon apart and a little
    more where that is needed to meet all phases of the season, without which the hour would be the same in all windows.
    """
    step = next(step for step in range(horizon, horizon + season + 1) if math.gcd(step, season) == 1)
    last = panel.ends - horizon
    counts = np.where(last >= lookback, 1 + (last - lookback) // step, (last >= max(least, 1)).astype(np.int64))
    counts = np.minimum(counts, max(1, -(-ENOUGH // max(len(panel), 1))))
    series = np.repeat(np.arange(len(panel)), counts)
    nth = np.arange(len(series)) - np.repeat(counts.cumsum() - counts, counts)
    ends = last[series] - nth * step
    if len(series) > MOST:
        chosen = np.linspace(0, len(series) - 1, MOST).astype(np.int64)
        series, ends = series[chosen], ends[chosen]
    return series, ends


def losses(forecaster: "NeuralForecaster", window: Window) -> Floats:
    """(B,): the mean loss of each window over its observed targets, in units of the series' deviation; NaN for none."""
    assert window.answer is not None and window.counted is not None
    answer, counted = window.answer[:, 0], window.counted[:, 0]  # (B, H, C)
    seen = replace(window, answer=None, counted=None)
    levels = forecaster.levels or ()

    def lost(rows: slice) -> Floats:
        values = points_and_levels(forecaster, _rows(seen, rows), levels)  # (B, H, C, 1 + V)
        error = _pinball(answer[rows], values, levels) * window.scale[rows]
        mean = torch.where(counted[rows], error, 0.0).sum((1, 2)) / counted[rows].sum((1, 2))
        return mean.cpu().double().numpy()

    with borrowed(forecaster._threads_for(len(answer))), torch.inference_mode():
        done = list(in_passes(len(answer), forecaster._windows_per_pass(), lost))
    return np.concatenate(done) if done else np.zeros(0)


def _pinball(answer: Tensor, values: Tensor, levels: tuple[float, ...]) -> Tensor:
    """(B, H, C): the mean over the levels, or the absolute error of the points."""
    if not levels:
        return (answer - values[..., 0]).abs()
    missed = answer[..., None] - values[..., 1:]
    level = torch.tensor(levels, dtype=values.dtype, device=values.device)
    return torch.maximum(level * missed, (level - 1) * missed).mean(-1)


def permuted(window: Window, variable: Variable, order: Tensor) -> Window:
    """The batch with the variable's columns of row ``order[b]`` in row b."""
    changed = {}
    for name, columns in variable.columns.items():
        values: Tensor = getattr(window, name)
        if not columns:
            changed[name] = values[order]
            continue
        place = torch.tensor(columns, device=values.device)
        changed[name] = values.index_copy(-1, place, values[order].index_select(-1, place))
    return replace(window, **changed)


def _rows(window: Window, rows: Any) -> Window:
    """Some of the windows of a batch."""
    parts: dict[str, Any] = {f.name: getattr(window, f.name) for f in fields(window)}
    chosen: dict[str, Any] = {name: None if part is None else part[rows] for name, part in parts.items()}
    return Window(**chosen)
