"""Naive local times in a named zone: which of two equal readings is meant when clocks are put back."""

from dataclasses import replace

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Ints
from forecast.datasets.source import Source
from forecast.datasets.times.clock import from_wall
from forecast.datasets.times.stamps import Stamps, zone_name
from forecast.errors import DataError


def localise(stamps: Stamps, ids: pd.Series | None, timezone: str, source: Source) -> Stamps:
    """Naive stamps as moments of the zone; of two equal readings of a series the first is the earlier moment.

    Raises DataError for a time that the zone's clocks skip: the times are then not of that zone.
    """
    zone = zone_name(timezone)
    wall = stamps.ticks()
    earlier = from_wall(wall, zone)
    index = pd.DatetimeIndex(wall.view("M8[us]"))
    skipped = index.tz_localize(zone, ambiguous=np.ones(len(wall), dtype=bool), nonexistent="NaT").isna()
    if skipped.any():
        row = int(skipped.argmax())
        where = source.where(row)
        raise DataError(
            f"row {where['row']}: {index[row]} does not exist in {zone}, where clocks skip it",
            "Name the zone in which the times were written (timezone, --timezone), or UTC.",
            **where,
            value=str(index[row]),
        )
    later = _later(index, zone)
    doubtful = np.flatnonzero(later != earlier)
    if len(doubtful):
        second = _is_second(wall[doubtful], None if ids is None else ids.iloc[doubtful], falling=_falling(wall))
        earlier[doubtful[second]] = later[doubtful[second]]
    return replace(stamps, raw=earlier, unit="us", zone=zone)


def _later(index: pd.DatetimeIndex, zone: str) -> Ints:
    aware = index.tz_localize(zone, ambiguous=np.zeros(len(index), dtype=bool), nonexistent="shift_forward")
    return np.asarray(aware.as_unit("us").asi8)


def _falling(wall: Ints) -> bool:
    """Whether the rows run from the newest to the oldest."""
    return bool(np.count_nonzero(wall[1:] < wall[:-1]) > len(wall) // 2)


def _is_second(wall: Ints, ids: pd.Series | None, *, falling: bool) -> np.ndarray:
    """Which of the doubtful rows are the later of two equal readings of their series."""
    keys = pd.DataFrame({"wall": wall} if ids is None else {"wall": wall, "id": ids.to_numpy()})
    return keys.duplicated(keep="last" if falling else "first").to_numpy()
