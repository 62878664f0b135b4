"""On which folds candidates are judged.  Dimension key: S series."""

from dataclasses import dataclass

import numpy as np

from forecast.datasets.checks import observed_steps
from forecast.datasets.panel import Panel

SHARE = 0.25  # of the usual series that all folds together may take
MOST_WINDOWS = 60  # of all series together, beyond which three folds are enough


@dataclass(frozen=True, kw_only=True)
class Folds:
    """How the candidates are tested.  horizon: that of the job, or less where the data hold no fold of that length."""

    count: int
    horizon: int


def choose_folds(panel: Panel, horizon: int, *, folds: int | None = None) -> Folds | None:
    """As many folds as a quarter of the usual series holds, up to 20; fewer where there are many series.

    None where not even a horizon of one step leaves three steps before it.
    """
    observed = observed_steps(panel)
    longest = int(observed.max(initial=0))
    horizon = min(horizon, (longest - 1) // 3)
    if horizon < 1:
        return None
    fitting = (longest - 2 * horizon - 1) // horizon
    if folds is not None:
        return Folds(count=folds, horizon=horizon)  # the backtest refuses what does not fit
    able = observed[observed >= 3 * horizon + 1]
    wanted = int(np.median(able) * SHARE / horizon)
    most = int(np.clip(MOST_WINDOWS // len(panel), 3, 20))
    return Folds(count=max(1, min(wanted, most, fitting)), horizon=horizon)
