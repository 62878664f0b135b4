"""Which targets are kept out of training to judge it by.

Dimension key: S series, W windows, H horizon.
"""

from dataclasses import replace

import numpy as np
import torch

from forecast.datasets.arrays import Ints
from forecast.datasets.panel import Panel
from forecast.datasets.windows import Unit, Window, Windows
from forecast.errors import ConfigError, DataError

WANTED = 64  # validation windows below which several horizons are held out: one window of one series is mostly noise
MOST = 2048  # windows that one validation looks at
SHARE = 0.1  # of a series' steps that validation may take beyond one horizon

HeldOut = tuple[Panel, Ints, Ints]


def hold_out(
    panel: Panel, horizon: int, validation: int | tuple[Panel, Ints] | None, *, known: Ints | None = None
) -> tuple[Panel, HeldOut | None]:
    """The panel to train on, and (panel, series, ends) of the validation windows; None where nothing can be held out.

    validation: steps at the end of each series; a panel of its own with the rows (S,) before each first origin; or
    None: one horizon of the series with at least 3·H + 1 steps (more of them where they are few and long), at most a
    third of all targets.  known: (S,) rows of each series that an earlier training has seen; what is held out comes
    from those behind them, and is at most a third of them where ``validation`` is None.  Where that is less than a
    horizon, windows from earlier origins are among them too, so that all steps of the horizon meet held-out targets.
    Raises ``ConfigError`` for steps no series has, ``DataError`` for a panel without origins.
    """
    if isinstance(validation, tuple):
        whole, first = validation
        found = _windows(whole, first, np.maximum(whole.ends - first, 0), horizon)
        if found is None:
            raise DataError(
                "validation leaves no step to forecast: it does not continue the training data, and no series of it "
                f"has more than {2 * horizon} steps",
                "Give rows that follow the last target of training, or longer series.",
            )
        return panel, found
    earlier: Ints | int = 0
    if known is None:
        held = _steps_held_out(panel, horizon, validation)
    else:
        held = _new_steps_held_out(panel.ends - known, horizon, validation)
        earlier = np.minimum(np.maximum(horizon - held, 0), np.maximum(panel.ends - held - 1, 0))
    if not held.any():
        return panel, None
    first = panel.ends - held
    return panel.cut(first), _windows(panel, first - earlier, np.where(held > 0, held + 2 * earlier, 0), horizon)


def _steps_held_out(panel: Panel, horizon: int, validation: int | None) -> Ints:
    """(S,) steps at the end of each series that no training loss sees."""
    if validation is not None:
        if validation < 0 or (validation and not (panel.ends > validation + horizon).any()):
            longest = int(panel.ends.max()) - horizon - 1
            raise ConfigError(
                f"validation={validation} steps cannot be held out of series of at most {panel.ends.max()} steps",
                f"Give 0 to {max(longest, 0)} steps, or None.",
            )
        return np.where(panel.ends > validation + horizon, validation, 0)
    able = panel.ends >= 3 * horizon + 1
    if not able.any():
        return np.zeros(len(panel), np.int64)
    median = float(np.median(panel.ends[able]))
    wanted = horizon - 1 + -(-WANTED // int(able.sum()))  # steps that hold the wanted number of windows
    steps = max(horizon, min(wanted, int(SHARE * median)))
    held = np.where(able & (panel.ends >= steps + 2 * horizon + 1), steps, np.where(able, horizon, 0))
    surplus = np.cumsum(held) > panel.ends.sum() // 3
    return np.where(surplus, 0, held)


def _new_steps_held_out(new: Ints, horizon: int, validation: int | None) -> Ints:
    """(S,) steps at the end of each series, of ``new`` (S,) ones: those that hold the wanted number of windows."""
    if validation is not None:
        if validation < 0 or (validation and not (new > validation).any()):
            raise ConfigError(
                f"validation={validation} steps cannot be held out of at most {new.max()} new ones",
                f"Give 0 to {max(int(new.max()) - 1, 0)} steps, or None.",
            )
        return np.where(new > validation, validation, 0)
    able = max(int((new >= 3).sum()), 1)
    return np.minimum(horizon - 1 + -(-WANTED // able), new // 3)


def _windows(panel: Panel, first: Ints, held: Ints, horizon: int) -> HeldOut | None:
    """Origins from ``first`` on whose targets are all held out, thinned to at most ``MOST``."""
    counts = np.where(held > 0, np.maximum(held - horizon + 1, 1), 0)
    series = np.repeat(np.arange(len(panel)), counts)
    ends = first[series] + np.arange(len(series)) - np.repeat(counts.cumsum() - counts, counts)
    keep = np.linspace(0, len(series) - 1, min(MOST, len(series))).astype(np.int64)
    return (panel, series[keep], ends[keep]) if len(series) else None


def only(panel: Panel, series: Ints) -> tuple[Panel, Ints]:
    """The panel of the series that are named, where those are few, and their numbers there.

    Standardising all series for windows of some took a third of the time before the first step.
    """
    chosen, numbers = np.unique(series, return_inverse=True)
    if panel.on_disk is not None or not 0 < 2 * len(chosen) <= len(panel):
        return panel, series
    return panel.select(chosen), numbers


def rows_before(panel: Panel, series: Ints, ends: Ints, *, unit: Unit) -> Ints | None:
    """(S,) rows of each series before the first of its origins (series, end), both (W,); all where it has none.

    None where windows are divided by a deviation of their own: only its floor then knows what is held out, and
    statistics of whole series are found faster.
    """
    if unit == "window":
        return None
    known = panel.ends.copy()
    np.minimum.at(known, series, ends)
    return known


def gather_windows(
    windows: Windows, series: Ints, ends: Ints, *, size: int, judged: Ints | None = None
) -> list[Window]:
    """The windows with their answers, at most ``size`` at a time.

    judged: (S,) row of each series from which on targets count; all do when None.
    """
    numbers = (torch.split(torch.from_numpy(values).to(windows.device), size) for values in (series, ends))
    gathered = [windows.gather(one, end, answers=True) for one, end in zip(*numbers, strict=True)]
    if judged is None:
        return gathered
    lead = torch.split(torch.from_numpy(judged[series] - ends).to(windows.device), size)  # steps that do not count
    return [_without_first(window, steps) for window, steps in zip(gathered, lead, strict=True)]


def _without_first(window: Window, steps: torch.Tensor) -> Window:
    """The window with the first ``steps`` (B,) of its targets left out of the loss."""
    assert window.counted is not None
    place = torch.arange(window.counted.shape[2], device=steps.device)
    return replace(window, counted=window.counted & (place >= steps[:, None])[:, None, :, None])
