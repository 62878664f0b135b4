"""From any accepted input to a panel: columns get their roles, rows their place on the grid, values their dtype."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.datasets.frames import as_frame
from forecast.datasets.output import require_free_names
from forecast.datasets.panel import Panel
from forecast.datasets.roles import Found, find_roles, join_id, trained_roles
from forecast.datasets.rows.ahead import Ahead, extend, read_ahead
from forecast.datasets.rows.long import pack_long
from forecast.datasets.rows.values import vocabulary
from forecast.datasets.rows.wide import pack_wide
from forecast.datasets.schema import Roles, Schema
from forecast.datasets.source import Source
from forecast.datasets.times.clockchange import localise
from forecast.datasets.times.stamps import Stamps, read_times
from forecast.errors import ConfigError, DataError


def load_panel(
    data: Any,
    roles: Roles | None = None,
    *,
    y: Any = None,
    future_data: Any = None,
    schema: Schema | None = None,
) -> Panel:
    """The panel of a file, a frame of any library, a Series or an array; a panel is returned as it is.

    A folder may hold a panel that ``pack`` has made, which is memory-mapped.  Of any other folder the Parquet, CSV and
    other data files become one once, in the user's cache (``FORECAST_CACHE``), until they change; a note says where.
    roles: what the user says about the columns.  y: the target, where ``data`` holds the rest.
    future_data: covariates known ahead, as a second file or frame with the same id and time columns.
    schema: roles, categories and frequency from training, by which the data are then read.

    Repairs are listed in ``notes``: unsorted rows, gaps, equal rows at one time, empty targets.
    Raises DataError for data that cannot be used and ConfigError for roles that cannot be met.
    """
    if isinstance(data, str | Path) and Path(data).expanduser().is_dir():
        from forecast.datasets.packed.cache import load_folder

        if y is not None or future_data is not None:
            remedy = "Write the target, and covariates known ahead, into the files of the folder."
            raise ConfigError("a folder of files takes no second frame beside it", remedy)
        return load_folder(Path(data).expanduser(), roles or Roles(), schema=schema)
    if isinstance(data, Panel):
        return data if future_data is None else extend(data, future_data)
    roles = roles or Roles()
    frame, source = as_frame(data, y)
    frame = join_id(frame, roles.id if schema is None else schema.id)
    ahead = None
    if future_data is not None:
        ahead, frame, roles = read_ahead(future_data, frame, roles, schema)
    if schema is not None:
        roles = trained_roles(roles, schema, frame, source)
    found, notes = find_roles(frame, roles, source)
    stamps = _moments(frame, found, roles, source)
    categories = _categories(frame, found, ahead) if schema is None else schema.categories
    resolved = described(data, found, source, freq=roles.freq or "", categories=categories)
    same_channels(resolved, schema)
    require_free_names(resolved)
    pack = pack_wide if found.shape == "wide" or (found.shape == "array" and len(found.target) > 1) else pack_long
    panel = pack(frame, found, stamps, resolved, source)
    resolved = replace(resolved, freq=panel.timeline.freq, timezone=panel.timeline.timezone)
    panel = replace(panel, schema=resolved, notes=(*source.notes, *notes, *panel.notes))
    return panel if ahead is None else extend(panel, ahead)


def _moments(frame: pd.DataFrame, found: Found, roles: Roles, source: Source) -> Stamps:
    stamps = read_times(frame, found.time, source, timezone=roles.timezone)
    if roles.timezone is None or stamps.zone is not None or stamps.unit == "integer":
        return stamps
    return localise(stamps, None if found.id is None else frame[found.id], roles.timezone, source)


def _categories(frame: pd.DataFrame, found: Found, ahead: Ahead | None) -> dict[str, tuple[str, ...]]:
    """The vocabulary of each categorical covariate, from both frames where there are two."""
    columns = {name: [frame[name]] for name in found.text}
    for name in found.text:
        if ahead is not None and name in ahead.frame:
            columns[name].append(ahead.frame[name])
    return {name: vocabulary(parts) for name, parts in columns.items()}


def described(data: Any, found: Found, source: Source, *, freq: str, categories: dict[str, tuple[str, ...]]) -> Schema:
    """The schema of roles as found.  Series and indexes without a name stay without one."""
    nameless = found.shape == "wide" or (found.shape == "series" and getattr(data, "name", "") is None)
    unnamed = source.indexed and getattr(getattr(data, "index", None), "name", "") is None

    def split(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(n for n in names if n not in categories), tuple(n for n in names if n in categories)

    (past, past_codes), (future, future_codes), (static, static_codes) = map(
        split, (found.past, found.future, found.static)
    )
    return Schema(
        shape=found.shape,
        time=None if unnamed else found.time,
        target=("",) if nameless or (found.shape == "array" and len(found.target) > 1) else found.target,
        id=found.id,
        freq=freq,
        indexed=source.indexed,
        past=past,
        future=future,
        static=static,
        past_codes=past_codes,
        future_codes=future_codes,
        static_codes=static_codes,
        categories=categories,
        ignored=found.ignored,
    )


def same_channels(schema: Schema, trained: Schema | None) -> None:
    """``DataError`` unless there are as many targets as in training."""
    if trained is not None and len(trained.target) != len(schema.target):
        raise DataError(
            f"the data have {len(schema.target)} target columns, the forecaster was trained with {len(trained.target)}",
            "Give the same target columns as in training.",
        )
