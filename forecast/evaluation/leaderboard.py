"""Several backtests side by side: how large their errors are, how they rank, and which differences are shown."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecast.errors import ConfigError
from forecast.evaluation.cells import on_one_scale
from forecast.evaluation.comparison import contest
from forecast.evaluation.findings import By, Contest
from forecast.evaluation.results import Backtest
from forecast.evaluation.sums import intervals

SHOWN = ("mase", "wql", "rmsse", "mae", "rmse", "smape", "wape", "bias")
TEXTS = ("against_reference", "first_is")  # the columns of words


def leaderboard(
    backtests: Mapping[str, Backtest],
    *,
    season: int | None = None,
    reference: str | None = None,
    measure: str | None = None,
    by: By | None = None,
    judged: Contest | None = None,
) -> pd.DataFrame:
    """A row per forecaster, best first by ``measure`` (MASE; MAE where no series has a scale), all on the same windows.

    relative_mase, relative_wql: shares of the reference's, below 1 where better; NaN without a reference, which is
    seasonal naive where none is named.
    rank: mean rank over series × folds, 1 the best.
    skill, skill_low, skill_high: 1 − geometric mean over series of the ratio to the reference's error, with the ends of
    its 95 % bootstrap interval (``forecast.evaluation.skill``).
    against_reference: 'better' or 'worse' than the reference where that is shown at 5 %, else 'cannot tell';
    first_is: 'better' than the forecaster of the row, or 'cannot tell'; None beside itself.  p_reference, p_first:
    of these, adjusted for their number.  by: whether they are over folds or series (``compare``).
    judged: the ``contest`` of these backtests where there is one already; ``contest`` gives all of it in full.
    Probabilistic columns are over the levels that all have; coverage and width are those of the widest interval.
    Raises ``ConfigError`` when the windows, the actuals or (without ``season``) the seasons differ.
    """
    if not backtests:
        raise ConfigError("a leaderboard needs at least one backtest", "Give {name: backtest(...)}.")
    table = on_one_scale(backtests, season)
    judged = judged or contest(backtests, reference=reference, measure=measure, by=by, season=season)
    frame = pd.DataFrame.from_dict({name: _row(each) for name, each in table.items()}, orient="index")
    frame = frame.rename_axis("forecaster")
    for name in ("mase", "wql"):
        if name in frame:
            base = frame[name].get(judged.reference, np.nan)
            frame.insert(0, f"relative_{name}", frame[name] / base if base else np.nan)
    standing = pd.DataFrame({name: _standing(name, judged) for name in frame.index}).T
    numbers = {name: np.float64 for name in standing if name not in TEXTS}
    first = ["mase", *(name for name in ("relative_mase", "wql", "relative_wql") if name in frame)]
    rest = [name for name in frame if name not in first]
    return pd.concat([frame[first], standing.astype(numbers), frame[rest]], axis=1).loc[judged.ranked()]


def _row(result: Backtest) -> dict[str, float]:
    overall = result.metrics()
    row = {name: overall[name] for name in SHOWN if name in overall}
    widest = next(iter(intervals(result.levels)), None)
    if widest is not None:
        row |= {f"coverage_{widest}": overall[f"coverage_{widest}"], f"width_{widest}": overall[f"width_{widest}"]}
    return row | {"fit_seconds": result.fit_seconds, "predict_seconds": result.predict_seconds}


def _standing(name: str, judged: Contest) -> dict[str, Any]:
    """What the comparisons say of a forecaster; the reference has a skill of 0 and no interval."""
    base, best = judged.against_reference.get(name), judged.of_winner.get(name)
    return {
        "rank": judged.ranks[name],
        "skill": base.skill if base else 0.0 if name == judged.reference else np.nan,
        "skill_low": base.low if base else np.nan,
        "skill_high": base.high if base else np.nan,
        "against_reference": base.word if base else None,
        "p_reference": base.adjusted if base else np.nan,
        "first_is": best.word if best else None,
        "p_first": best.adjusted if best else np.nan,
    }
