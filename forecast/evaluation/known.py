"""What was known at an origin: panels without what came later, and covariates that have to be given ahead.

Dimension key: S series, W windows, K columns.
"""

from dataclasses import replace

import numpy as np

from forecast.datasets.arrays import Ints
from forecast.datasets.panel import Panel
from forecast.errors import DataError
from forecast.evaluation.origins import Origins


def hide_after(panel: Panel, ends: Ints) -> Panel:
    """The panel as it was known when each series ended at ``ends`` (S,): later targets and past covariates are gone.

    Covariates known ahead stay.  The values are removed, not only marked, so that no forecaster can read them; those of
    a panel on disk are only marked: nothing of ours reads behind an end.
    """
    if panel.on_disk is not None:
        return panel.cut(ends)
    position = np.arange(len(panel.target)) - np.repeat(panel.offsets[:-1], panel.lengths)
    later = position >= np.repeat(ends, panel.lengths)
    target, past, codes = panel.target.copy(), panel.past.copy(), panel.past_codes.copy()
    target[later], past[later], codes[later] = np.nan, np.nan, 0
    return replace(panel.cut(ends), target=target, past=past, past_codes=codes)


def last_known(panel: Panel, ends: Ints, window: int | None) -> Panel:
    """The same without the rows that lie more than ``window`` rows before ``ends`` (S,); None keeps all."""
    if window is None:
        return hide_after(panel, ends)
    recent = panel.cut(ends).tail(window)
    return hide_after(recent, recent.ends)


def require_known_ahead(panel: Panel, origins: Origins) -> None:
    """``DataError`` where a covariate declared as known ahead ends with an origin: nothing of it was known there.

    Gaps are no fault, nor is a series without the covariate: a fold counts where none of its windows has a value of the
    covariate after its origin, though there are values before.  Panels on disk are not looked through.
    """
    if panel.on_disk is not None or not len(origins):
        return
    columns = {
        **dict(zip(panel.schema.future, (~np.isnan(panel.future)).T, strict=False)),
        **dict(zip(panel.schema.future_codes, (panel.future_codes > 0).T, strict=False)),
    }
    starts = np.flatnonzero(np.diff(origins.fold, prepend=-1))  # the first window of each fold
    after = np.arange(1, len(panel.target) + 1) - np.repeat(panel.offsets[:-1], panel.lengths)
    for name, given in columns.items():
        last = np.maximum.reduceat(np.where(given, after, 0), panel.offsets[:-1])[origins.series]  # (W,)
        ended = np.logical_and.reduceat(last <= origins.ends, starts) & (np.maximum.reduceat(last, starts) > 0)
        if ended.any():
            fold = int(origins.fold[starts[ended.argmax()]])
            raise DataError(
                f"covariate {name!r} is declared as known ahead, but no value of it is given after the origins of "
                f"fold {fold}",
                "Declare it as known up to the origin only (past, --past), give its later values, or leave it out.",
                column=name,
                fold=fold,
            )
