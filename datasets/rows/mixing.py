"""Series of different frequency on one grid, told from series that merely have gaps.

A series (or a stretch of one) that keeps an even, longer distance between its rows is of another frequency, unless the
other rows of the panel show such distances so often that chance may have made it.
"""

import numpy as np

from forecast.datasets.arrays import Ints
from forecast.datasets.rows.grouping import Grouped
from forecast.datasets.timeline import Timeline
from forecast.errors import DataError

_SHORTEST = 4  # even distances in a row that make up a whole series, or …
_STRETCH = 6  # … a part of one, before they count as a frequency of their own
_EVEN = 1.15  # longest by shortest distance of an even stretch: months in days and years in months pass
_CHANCE = 0.01  # how probable a stretch may be before it is taken for chance


def check_even(grouped: Grouped, timeline: Timeline, steps: Ints) -> None:
    """``DataError`` if a series, or a part of one, keeps to a longer step than the others.

    steps: (N,) step number of each row in order.
    """
    distances = np.diff(steps)
    inner = grouped.inner(0, len(distances))
    wide = inner & (distances > 1)
    if not wide.any():
        return
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wide.view(np.int8), [0]])))
    begins, ends = edges[::2], edges[1::2]  # stretches of wide distances, never across series
    lengths = ends - begins
    both = np.stack([begins, ends], axis=1).ravel()
    padded = np.append(distances, 0)
    shortest = np.minimum.reduceat(padded, both)[::2]
    longest = np.maximum.reduceat(padded, both)[::2]
    whole = lengths == np.diff(grouped.bounds)[np.searchsorted(grouped.bounds, begins, side="right") - 1] - 1
    even = (longest <= _EVEN * shortest) & (lengths >= np.where(whole, _SHORTEST, _STRETCH))
    if not even.any():
        return
    inside = np.zeros(len(padded), dtype=np.int32)
    inside[begins[even]], inside[ends[even]] = 1, -1
    others = np.sort(distances[inner & (inside.cumsum()[:-1] == 0)])
    for k in np.flatnonzero(even):
        share = (len(others) - np.searchsorted(others, shortest[k]) + 1) / (len(others) + 2)
        if share ** float(lengths[k]) * len(distances) < _CHANCE:
            raise _mixed(grouped, timeline, int(begins[k]), int(shortest[k]))


def _mixed(grouped: Grouped, timeline: Timeline, place: int, step: int) -> DataError:
    series = grouped.series_at(place)
    return DataError(
        f"mixed frequencies: from {grouped.stamps.label(place)} on, series {series!r} has a row every {step} steps of "
        f"{timeline.freq}, the other rows lie one step apart",
        'Bring all series to one frequency, or take each row as one step with freq="rows" (--freq rows).',
        row=grouped.row(place),
        series=series,
    )
