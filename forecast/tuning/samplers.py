"""Who chooses what is tried next, and who ends a trial early, by name.

Sources: TPE: Bergstra et al. 2011, in its multivariate form; CMA-ES: Hansen and Ostermeier 2001; median rule: Golovin
et al. 2017 (Vizier); successive halving: Li et al. 2020 (ASHA); Hyperband: Li et al. 2018.  All are Optuna's.
"""

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from forecast.errors import ConfigError, unknown_name
from forecast.estimators.settings import Range
from forecast.tuning.reports import VALIDATIONS
from forecast.tuning.space import Space

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

SAMPLERS = ("tpe", "random", "grid", "cma-es", "gp")
PRUNERS = ("median", "successive-halving", "hyperband", "wilcoxon", "none")
STARTUP = 8  # trials at random before a sampler learns from them
UNPRUNED = 4  # trials that run to their end before the median prunes
WARM_UP = 5  # validations before the median prunes: the learning rate is still rising in the first two
RUNG, REDUCTION = 3, 3  # validations at which halving begins, and of how many trials one goes on
CHANCE = 0.1  # below which folds are held to be worse


def check_names(sampler: str, pruner: str, *, objectives: int) -> None:
    """``ConfigError`` for a name that is not known, or that does not go with several objectives."""
    if sampler not in SAMPLERS:
        raise unknown_name("sampler", sampler, SAMPLERS)
    if pruner not in PRUNERS:
        raise unknown_name("pruner", pruner, PRUNERS)
    if sampler == "cma-es" and find_spec("cmaes") is None:
        raise ConfigError("the sampler cma-es needs the package cmaes", "Install it: pip install 'seqcast[tune]'.")
    if objectives > 1 and sampler == "cma-es":
        raise ConfigError("the sampler cma-es has one objective, not several", "Choose tpe, gp, random or grid.")
    if objectives > 1 and pruner != "none":
        cause = f"trials with several objectives cannot be pruned (pruner={pruner!r}): a bad error may be a fast one"
        raise ConfigError(cause, "Leave the pruner out, or choose none.")


def make_sampler(name: str, space: Space, seed: int) -> "BaseSampler":
    """The sampler of that name; a grid tries every combination once, so give it a ``gridded`` space."""
    from optuna import exceptions, samplers

    class Grid(samplers.BruteForceSampler):  # Optuna's GridSampler knows no settings that only some forecasters have
        """Ends no study: as many trials are asked for as there are combinations."""

        def after_trial(self, *_: Any) -> None:
            return

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.ExperimentalWarning)
        if name == "random":
            return samplers.RandomSampler(seed=seed)
        if name == "grid":
            return Grid(seed=seed)
        if name == "gp":
            return samplers.GPSampler(seed=seed, n_startup_trials=STARTUP, warn_independent_sampling=False)
        if name == "cma-es":
            _require_numbers(space)
            return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        return samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)


def make_pruner(name: str, *, folds: int) -> "BasePruner":
    """The pruner of that name for trials whose reports are numbered as in ``forecast.tuning.reports``."""
    from optuna import exceptions, pruners

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.ExperimentalWarning)
        if name == "median":
            return pruners.MedianPruner(n_startup_trials=UNPRUNED, n_warmup_steps=WARM_UP)
        if name == "successive-halving":
            return pruners.SuccessiveHalvingPruner(min_resource=RUNG, reduction_factor=REDUCTION)
        if name == "hyperband":
            most = VALIDATIONS + folds
            return pruners.HyperbandPruner(min_resource=RUNG, max_resource=most, reduction_factor=REDUCTION)
        if name == "wilcoxon":
            return pruners.WilcoxonPruner(p_threshold=CHANCE)
        return pruners.NopPruner()


def require_alike(pruner: str, trained: dict[str, bool]) -> None:
    """``ConfigError`` where halving would compare a training that has begun with a forecaster that has none."""
    if pruner not in ("successive-halving", "hyperband") or len(set(trained.values())) < 2:
        return
    without = next(name for name, is_trained in trained.items() if not is_trained)
    cause = f"{pruner} compares trainings that are equally far, and {without} has none"
    raise ConfigError(cause, "Choose the pruner median, or leave the forecasters without training out.")


def _require_numbers(space: Space) -> None:
    ranged = [one for each in space.candidates.values() for one in each.search.values() if isinstance(one, Range)]
    if len(ranged) < 2:
        cause = f"the sampler cma-es searches ranges of numbers, at least two, and the space has {len(ranged)}"
        raise ConfigError(cause, "Choose tpe, gp, random or grid.")
