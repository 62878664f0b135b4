"""Rows of one series at one time: equal ones count once, contradicting ones are refused."""

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Ints
from forecast.datasets.rows.grouping import Grouped
from forecast.datasets.schema import Note
from forecast.datasets.source import Source
from forecast.datasets.times.clock import index_of
from forecast.errors import DataError


def drop_repeats(
    grouped: Grouped, frame: pd.DataFrame, used: tuple[str, ...], source: Source, *, count: int
) -> tuple[Grouped, Note]:
    """Without the rows that repeat the one before them; ``DataError`` for repeated times with other values.

    used: the columns that must agree.  count: how many rows repeat a time.
    """
    places = np.concatenate(
        [
            first + 1 + np.flatnonzero((np.diff(ticks) == 0) & grouped.inner(first, len(ticks) - 1))
            for first, ticks in grouped.stamps.blocks(overlap=1)
        ]
    )
    rows, before = (places, places - 1) if grouped.order is None else (grouped.order[places], grouped.order[places - 1])
    for name in used:
        column = frame[name]
        here, there = column.iloc[rows].reset_index(drop=True), column.iloc[before].reset_index(drop=True)
        differs = ((here != there) & ~(here.isna() & there.isna())).fillna(True).to_numpy(dtype=bool)
        if differs.any():
            raise conflict(grouped, places, int(differs.argmax()), name, (here, there), source)
    kept = np.ones(len(grouped.stamps), dtype=bool)
    kept[places] = False
    series = np.unique(np.searchsorted(grouped.bounds, places, side="right") - 1)
    return grouped.keep(kept), repeat_note(count, grouped.ids[series[:20]])


def repeat_note(count: int, ids: pd.Index) -> Note:
    """On ``count`` dropped rows, of these series and perhaps more."""
    message = f"{count:,} rows that repeat another row were dropped"
    return Note(topic="duplicate", message=message, series=tuple(map(str, ids[:20])), count=count)


def conflict(
    grouped: Grouped, places: Ints, which: int, name: str, values: tuple[pd.Series, pd.Series], source: Source
) -> DataError:
    """The error for the row ``places[which]`` and the one before it; values: the later and the earlier ones."""
    place = int(places[which])
    where = source.where(grouped.row(place))
    series, time = grouped.series_at(place), grouped.stamps.label(place)
    whose = f"series {series!r} has" if len(grouped.ids) > 1 else "there are"
    both = f"{values[1].iloc[which]} and {values[0].iloc[which]}"
    cause = f"row {where['row']}: {whose} two values of {name!r} at {time}: {both}"
    where |= {"column": name, "value": values[0].iloc[which], "series": series, "time": time}
    if _at_clock_change(grouped, places):
        remedy = "The repeats lie where clocks are put back: name the zone (timezone, --timezone Europe/Berlin)."
        return DataError(cause, remedy, **where)
    remedy = "Keep one of the rows, or add them up"
    if len(grouped.ids) == 1:
        remedy += "; if the rows belong to several series, name the column that tells them apart (id, --id)"
    return DataError(cause, f"{remedy}.", **where)


def _at_clock_change(grouped: Grouped, places: Ints) -> bool:
    """Whether all repeats of a naive column lie in the small hours of a Sunday in a month when clocks go back."""
    stamps = grouped.stamps
    if stamps.zone is not None or stamps.unit == "integer":
        return False
    times = index_of(stamps.ticks(places), None)
    return bool(((times.day_of_week == 6) & (times.hour < 4) & times.month.isin([3, 4, 9, 10, 11])).all())
