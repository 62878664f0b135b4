"""Whether a panel is long enough for what is asked of it."""

from dataclasses import replace

import numpy as np

from forecast.datasets.arrays import Ints
from forecast.datasets.panel import Panel
from forecast.datasets.scaling import steps_behind
from forecast.datasets.schema import Note
from forecast.errors import ConfigError, DataError


def check_horizon(horizon: object) -> int:
    """The horizon as an int; ``ConfigError`` unless it is a whole number of at least 1."""
    if isinstance(horizon, bool) or not isinstance(horizon, int | np.integer) or horizon < 1:
        raise ConfigError(
            f"horizon={horizon!r} is not a whole number of at least 1", "Ask for one step or more.", name="horizon"
        )
    return int(horizon)


def observed_steps(panel: Panel) -> Ints:
    """(S,) observed steps of each series up to its end: those with a value in any channel."""
    if panel.on_disk is not None:
        same = np.array_equal(panel.ends, panel.on_disk.ends)
        return panel.on_disk.steps.copy() if same else panel.on_disk.steps - steps_behind(panel)
    if bool((panel.ends == panel.lengths).all()) and not np.isnan(panel.target).any():
        return panel.ends.copy()
    seen = np.concatenate([[0], (~np.isnan(panel.target).all(axis=1)).cumsum()])
    begins = panel.offsets[:-1]
    return np.asarray(seen[begins + panel.ends] - seen[begins])


def require_steps(panel: Panel, horizon: int) -> Panel:
    """The panel, with a note that lists the series of fewer than 2·H + 1 observed steps.

    Raises DataError, naming the largest horizon that fits, if all series are that short; ConfigError for a horizon
    that is no whole number of at least 1.
    """
    horizon = check_horizon(horizon)
    needed = 2 * horizon + 1
    observed = observed_steps(panel)
    longest = int(observed.max(initial=0))
    if longest < needed:
        fitting = (longest - 1) // 2
        remedy = (
            f"Ask for a horizon of at most {fitting}, or give more history."
            if fitting > 0
            else "Give at least 3 observed steps, enough for a horizon of 1."
        )
        raise DataError(
            f"no series is long enough for horizon {horizon}: {needed} observed steps are needed, the longest series "
            f"has {longest}",
            remedy,
            value=horizon,
            largest=fitting,
        )
    short = np.flatnonzero(observed < needed)
    if not len(short):
        return panel
    message = (
        f"{len(short):,} of {len(panel):,} series have fewer than {needed} observed steps: they are forecast, but "
        "little can be learned from them"
    )
    note = Note(topic="short", message=message, series=tuple(map(str, panel.ids[short[:20]])), count=len(short))
    return replace(panel, notes=(*panel.notes, note))
