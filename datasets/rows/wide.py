"""Tables in which every column is a series.

Dimension key: N input rows, T grid steps of the table, S series, M packed rows.
"""

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.roles import Found
from forecast.datasets.rows.ends import no_target, settle
from forecast.datasets.rows.layout import Layout, lay_out
from forecast.datasets.rows.values import numbers
from forecast.datasets.schema import Schema
from forecast.datasets.source import Source
from forecast.datasets.times.stamps import Stamps


def pack_wide(frame: pd.DataFrame, found: Found, stamps: Stamps, schema: Schema, source: Source) -> Panel:
    """One series a column, each from its first to its last observed row."""
    name = found.ids if len(found.target) == 1 else pd.Index(["all series"])
    layout = lay_out(frame, None, name, stamps, freq=schema.freq or None, used=found.target, source=source)
    table = _table(frame, found.target, layout, source)  # (S, T)
    seen = ~np.isnan(table)
    if not seen.any():
        raise no_target(layout.rows)
    first = seen.argmax(axis=1)
    last = table.shape[1] - seen[:, ::-1].argmax(axis=1)
    lengths = np.where(seen.any(axis=1), last - first, 0)
    steps = np.arange(table.shape[1])
    rows = (steps >= first[:, None]) & (steps < (first + lengths)[:, None])  # (S, T)
    panel = _panel(found, layout, schema, first=first, lengths=lengths, target=table[rows], rows=rows)
    gaps = layout.gaps()
    return settle(panel, None if gaps is None else np.broadcast_to(gaps, rows.shape)[rows])


def _table(frame: pd.DataFrame, names: tuple[str, ...], layout: Layout, source: Source) -> Floats:
    columns = [numbers(frame[name], source) for name in names]
    exact = any(values.dtype != np.float32 for values in columns)
    table = np.empty((len(columns), layout.rows), np.float64 if exact else np.float32)
    for k, values in enumerate(columns):
        layout.pack(values, np.nan, out=table[k])
    return table


def _panel(
    found: Found, layout: Layout, schema: Schema, *, first: Ints, lengths: Ints, target: Floats, rows: np.ndarray
) -> Panel:
    offsets = np.concatenate([[0], lengths.cumsum()])
    count, size = len(lengths), len(target)
    return Panel(
        schema=schema,
        timeline=layout.timeline.select(np.nonzero(rows)[1]),
        ids=found.ids,
        starts=layout.starts[0] + first,
        offsets=offsets,
        ends=lengths,
        target=target[:, None],
        past=np.zeros((size, 0)),
        future=np.zeros((size, 0)),
        static=np.zeros((count, 0)),
        past_codes=np.zeros((size, 0), np.int64),
        future_codes=np.zeros((size, 0), np.int64),
        static_codes=np.zeros((count, 0), np.int64),
        notes=layout.notes,
    )
