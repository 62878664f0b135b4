"""New rows of a stream: frames as everywhere, and plain numbers for the next step on a shorter way.

Dimension key: S series, G some of them, n steps, C channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Ints
from forecast.datasets.panel import Panel
from forecast.errors import DataError
from forecast.estimators.base import Forecaster
from forecast.streaming.plain_rows import from_array, from_mapping
from forecast.streaming.tape import AHEAD, Tape, is_empty

MOST_STEPS = 100_000  # without a row, before one; more are the work of a mistyped time


@dataclass(frozen=True, kw_only=True, eq=False)
class Incoming:
    """Rows that continue some series of a tape.

    series: (G,) their numbers, rising.  gap: (G,) unobserved steps between each end and the first row.
    panel: the rows, in the transform's units; ``panel.ends`` of them move the end, the others tell what is known ahead.
    """

    series: Ints
    gap: Ints
    panel: Panel


def read_rows(tape: Tape, forecaster: Forecaster, rows: Any) -> Incoming:
    """What ``Stream.update`` was given, checked against the tape.

    Raises ``DataError`` for series that the tape does not have, rows that are not later than the last one, times off
    the grid, and values that contradict known ones; ``ConfigError`` for a shape that cannot be meant.
    """
    if isinstance(rows, Mapping):
        panel = from_mapping(tape, rows)
    elif isinstance(rows, pd.Series) and rows.index.inferred_type == "string":  # one row of a frame
        panel = from_mapping(tape, rows.to_dict(), time=rows.name if tape.schema.indexed else None)
    elif isinstance(rows, int | float | np.number | np.ndarray | list | tuple):
        panel = from_array(tape, rows)
    else:
        panel = forecaster._panel(rows, schema=forecaster.schema_)
        panel = _on_the_grid(tape, panel)
    panel, series = _in_order(tape, panel)
    gap = panel.starts - tape.next[series]
    _require_later(tape, series, gap)
    _require_same(tape, series, gap, panel)
    return Incoming(series=series, gap=gap, panel=forecaster.transform_.apply(panel))


def _on_the_grid(tape: Tape, panel: Panel) -> Panel:
    """The panel of a frame with its steps counted on the tape's grid."""
    ours, theirs = tape.timeline, panel.timeline
    if ours.integers != theirs.integers or (ours.timezone is None) != (theirs.timezone is None):
        raise DataError(
            f"the new rows' times are of another kind than the stream's, such as {ours.times(tape.next[:1])[0]}",
            "Give times as in training: with or without a time zone, dates or whole numbers.",
        )
    ticks = theirs.ticks(panel.starts)
    starts, fits = ours.locate(ticks)
    if not fits.all():
        first = int(fits.argmin())
        raise DataError(
            f"time {theirs.times(panel.starts[first : first + 1])[0]} of series {panel.ids[first]!r} is not on the "
            f"stream's grid of {ours.freq}",
            f"Give rows at the times that follow: the next one is {ours.times(tape.next[:1])[0]}.",
            series=panel.ids[first],
        )
    return replace(panel, timeline=ours, starts=starts)


def _in_order(tape: Tape, panel: Panel) -> tuple[Panel, Ints]:
    """The panel in the tape's order of series, and their numbers (G,)."""
    if panel.ids is tape.ids:
        return panel, np.arange(len(tape))
    if tape.schema.id is None and tape.schema.shape != "wide" and len(tape) == len(panel) == 1:
        return panel, np.zeros(1, np.int64)  # one series needs no name
    place = np.asarray(tape.ids.get_indexer(panel.ids), dtype=np.int64)
    if (place < 0).any():
        name = panel.ids[int(place.argmin())]
        raise DataError(
            f"series {name!r} is not in this stream",
            "Begin a stream with a frame that holds it: forecaster.stream(frame).",
            series=name,
        )
    if (np.diff(place) > 0).all():
        return panel, place
    return panel.select(np.argsort(place)), np.sort(place)


def _require_later(tape: Tape, series: Ints, gap: Ints) -> None:
    if not len(gap) or (0 <= gap.min() and gap.max() <= MOST_STEPS):
        return
    worst = int(gap.argmin()) if gap.min() < 0 else int(gap.argmax())
    name, end = tape.ids[series[worst]], tape.next[series[worst : worst + 1]]
    time, last = (tape.timeline.times(step)[0] for step in (end + gap[worst], end - 1))
    if gap[worst] < 0:
        raise DataError(
            f"series {name!r} has a row at {time}, not after its last one at {last}",
            f"Give rows that continue it, from {tape.timeline.times(end)[0]} on.",
            series=name,
        )
    raise DataError(
        f"series {name!r} has a row at {time}, {gap[worst]:,} steps after its last one at {last}",
        "Correct the mistyped time, or begin a new stream.",
        series=name,
    )


def _require_same(tape: Tape, series: Ints, gap: Ints, panel: Panel) -> None:
    """``DataError`` where a row contradicts what was known ahead of it, or what is constant of its series."""
    for name in ("static", "static_codes"):
        known, given = getattr(tape, name)[series], getattr(panel, name)
        differs = ~is_empty(known) & ~is_empty(given) & (known != given)
        if differs.any():
            row, column = np.argwhere(differs)[0]
            raise _contradiction(tape, series[row], getattr(tape.schema, name)[column])
    owner = np.repeat(np.arange(len(series)), panel.lengths)
    column = np.arange(len(owner)) - panel.offsets[:-1][owner] + (tape.lookback + tape.age[series] + gap)[owner]
    for name in AHEAD:
        if not tape.columns[name].shape[2]:
            continue
        held = column < tape.columns[name].shape[1]
        known, given = tape.columns[name][series[owner[held]], column[held]], getattr(panel, name)[held]
        close = np.isclose(known, given, rtol=1e-9, atol=0)
        differs = ~is_empty(known) & ~is_empty(given) & ~close
        if differs.any():
            row, place = np.argwhere(differs)[0]
            raise _contradiction(tape, series[owner[held][row]], getattr(tape.schema, name)[place])


def _contradiction(tape: Tape, series: int, column: str) -> DataError:
    return DataError(
        f"the new rows of series {tape.ids[series]!r} contradict what was given before of {column!r}",
        "Correct the value, or leave it empty where it is known already.",
        series=tape.ids[series],
        column=column,
    )
