"""Tables with one row per series and step, and single series with a column for each variable.

Dimension key: N input rows, M packed rows, S series, C channels.
"""

import numpy as np
import pandas as pd

from forecast.datasets.panel import Panel
from forecast.datasets.roles import Found
from forecast.datasets.rows.ends import observed_ends, settle
from forecast.datasets.rows.layout import lay_out
from forecast.datasets.rows.values import constant, pack_codes, pack_numbers
from forecast.datasets.schema import Schema
from forecast.datasets.source import Source
from forecast.datasets.times.stamps import Stamps


def pack_long(frame: pd.DataFrame, found: Found, stamps: Stamps, schema: Schema, source: Source) -> Panel:
    """The panel of a long frame whose columns have the roles of ``schema``."""
    used = (*found.target, *found.past, *found.future, *found.static)
    layout = lay_out(frame, found.id, found.ids, stamps, freq=schema.freq or None, used=used, source=source)
    target = pack_numbers(frame, found.target, layout, source)
    codes = {
        kind: pack_codes(frame, names, layout, schema.categories)
        for kind, names in (
            ("past", schema.past_codes),
            ("future", schema.future_codes),
            ("static", schema.static_codes),
        )
    }
    static = pack_numbers(frame, schema.static, layout, source)
    return settle(
        Panel(
            schema=schema,
            timeline=layout.timeline,
            ids=layout.ids,
            starts=layout.starts,
            offsets=layout.offsets,
            ends=observed_ends(target, layout.offsets),
            target=target,
            past=pack_numbers(frame, schema.past, layout, source).astype(np.float64, copy=False),
            future=pack_numbers(frame, schema.future, layout, source).astype(np.float64, copy=False),
            static=constant(static, schema.static, layout, missing=np.nan).astype(np.float64, copy=False),
            past_codes=codes["past"],
            future_codes=codes["future"],
            static_codes=constant(codes["static"], schema.static_codes, layout, missing=0),
            notes=layout.notes,
        ),
        layout.gaps(),
    )
