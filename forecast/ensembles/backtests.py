"""Backtests of combinations without new forecasts, and folds set apart for an honest judgement."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from forecast.datasets.arrays import Floats
from forecast.ensembles.scaled import require_same
from forecast.ensembles.weights import Weights, combine
from forecast.errors import ConfigError
from forecast.evaluation.results import Backtest


def combined_backtest(backtests: Mapping[str, Backtest], weights: Weights, *, name: str = "combined") -> Backtest:
    """The backtest that the combination of these members would have, from their forecasts.

    Its levels are those that all members of the combination have; its seconds and fits are theirs together.
    Raises ``ConfigError`` where a member has no backtest, or another one's windows.
    """
    missing = [member for member in weights.members if member not in backtests]
    if missing:
        raise ConfigError(f"there is no backtest of {', '.join(missing)}", "Give one for every member of the weights.")
    chosen = {member: backtests[member] for member in weights.members}
    require_same(chosen)
    parts = list(chosen.values())
    common = tuple(sorted(set.intersection(*(set(part.levels) for part in parts))))
    values: list[Floats] = [part.with_levels(common).values for part in parts]
    return replace(
        parts[0],
        name=name,
        levels=common,
        values=combine(values, weights, common),
        fits=sum(part.fits for part in parts),
        fit_seconds=sum(part.fit_seconds for part in parts),
        predict_seconds=sum(part.predict_seconds for part in parts),
    )


def split_folds(backtest: Backtest, first: int) -> tuple[Backtest, Backtest]:
    """The folds before ``first``, to learn weights or intervals from, and those from it on, to judge them by.

    Raises ``ConfigError`` where one of the two would be empty.
    """
    if not 0 < first < backtest.folds:
        raise ConfigError(
            f"{backtest.folds} folds cannot be split before fold {first}",
            f"Give a fold from 1 to {backtest.folds - 1}." if backtest.folds > 1 else "Backtest on two folds or more.",
        )
    earlier = _select(backtest, backtest.fold < first, folds=first, shift=0)
    return earlier, _select(backtest, backtest.fold >= first, folds=backtest.folds - first, shift=first)


def _select(backtest: Backtest, chosen: np.ndarray, *, folds: int, shift: int) -> Backtest:
    return replace(
        backtest,
        folds=folds,
        fold=backtest.fold[chosen] - shift,
        series=backtest.series[chosen],
        ends=backtest.ends[chosen],
        values=backtest.values[chosen],
        actual=backtest.actual[chosen],
    )
