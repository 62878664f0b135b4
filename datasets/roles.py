"""Which column plays which role: what the user named, and what can be told from the columns themselves."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import pandas as pd

from forecast.datasets.reading.columns import is_text, kinds_of, known, names_of, spoiled_numbers
from forecast.datasets.reading.dates import head_values
from forecast.datasets.roles_found import find_id, find_target, find_time, repeats_like_a_panel
from forecast.datasets.schema import Note, Roles, Schema, Shape
from forecast.datasets.source import Source
from forecast.errors import ConfigError, DataError

_MOST_CODES = 20  # distinct values among the first rows up to which words like "10" and "XL" may be categories


@dataclass(frozen=True, kw_only=True)
class Found:
    """The roles of a plain frame's columns.

    shape: as in Schema.  time: None means that the rows are the steps.  id: None means one series, or a wide frame.
    target: the target columns; in a wide frame and an array every one of them is a series of its own.
    past, future, static: covariates of every kind; those in ``text`` are categorical.  ignored: columns without a role.
    ids: what to call the series where no id column says it, as many as there are (wide: the user's column labels).
    """

    shape: Shape
    time: str | None
    id: str | None
    target: tuple[str, ...]
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    ids: pd.Index


def find_roles(frame: pd.DataFrame, roles: Roles, source: Source) -> tuple[Found, tuple[Note, ...]]:
    """The role of every column, each discovery with a note.  ``frame`` comes from ``as_frame`` and ``join_id``.

    Raises DataError when a role has several candidates or none, a named column is absent, or a target holds text;
    ConfigError when one column is named for two roles.
    """
    notes: list[Note] = []
    named = _named(frame, roles, source)
    lists = [names_of(frame, value, role) for role, value in _covariates(roles, source).items()]
    covariates = {name for names in lists for name in names}
    time = find_time(frame, roles, source, taken=named, notes=notes)
    repeats = time is not None and repeats_like_a_panel(frame, time)
    taken = named | {time} if time is not None else named
    series_id = find_id(frame, roles, source, taken=taken, repeats=repeats, notes=notes)
    taken = taken | {series_id} if series_id is not None else taken
    target, wide = find_target(frame, roles, source, taken=taken, alone=series_id is None and not repeats, notes=notes)
    numeric_target(frame, target, source)
    _refuse_unnamed_series(frame, time, series_id, repeats=repeats, taken={*taken, *target})
    used = {time, series_id, *target, *covariates, *source.parts, *id_parts(series_id)}
    ignored = tuple(name for name in frame.columns if name not in used)
    if ignored:
        listed = ", ".join(ignored[:20]) + (", ..." if len(ignored) > 20 else "")
        notes.append(Note(topic="ignored", message=f"columns without a role: {listed}", count=len(ignored)))
    shape = _shape(source, wide=wide)
    found = Found(
        shape=shape,
        time=time,
        id=series_id,
        target=target,
        past=lists[0],
        future=lists[1],
        static=lists[2],
        text=_categorical(frame, lists, source),
        ignored=ignored,
        ids=_ids(source, shape, target),
    )
    return found, tuple(notes)


def join_id(frame: pd.DataFrame, name: str | None) -> pd.DataFrame:
    """An id that names several columns ("Store,Dept") as one text column of that name; else the frame as it is."""
    parts = id_parts(name)
    if name is None or name in frame.columns or len(parts) < 2:
        return frame
    for part in parts:
        known(frame, part, "id")
    codes, keys = pd.factorize(pd.MultiIndex.from_frame(frame[list(parts)]))
    joined = np.array([",".join(map(str, key)) for key in keys], dtype=object)
    return frame.assign(**{name: pd.Series(pd.Index(joined, dtype="str").take(codes), index=frame.index)})


def id_parts(name: str | None) -> tuple[str, ...]:
    """The columns that an id names: one, or several with commas between."""
    return tuple(part.strip() for part in name.split(",")) if name is not None else ()


def numeric_target(frame: pd.DataFrame, columns: tuple[str, ...], source: Source) -> None:
    """Refuse text in a target, naming its first bad row and value (also to be called at predict time)."""
    kinds = kinds_of(frame)
    for name in columns:
        if kinds[name] not in "iufb":
            _refuse_text(frame[name], "target", source)


def _refuse_text(column: pd.Series, role: str, source: Source) -> NoReturn:
    bad = np.flatnonzero((pd.to_numeric(column, errors="coerce").isna() & column.notna()).to_numpy())
    row = int(bad[0]) if len(bad) else 0
    place = source.where(row)
    raise DataError(
        f"the {role} {column.name!r} holds {column.iloc[row]!r} in row {place['row']}, which is no number",
        "Write numbers without units or thousands separators, and leave missing values empty.",
        column=column.name,
        value=column.iloc[row],
        **place,
    )


def _categorical(frame: pd.DataFrame, lists: list[tuple[str, ...]], source: Source) -> tuple[str, ...]:
    """The covariates that hold words.  Numbers in many values that a unit or a separator spoils are no categories."""
    words = tuple(name for names in lists for name in names if is_text(frame[name]))
    for name in words:
        if spoiled_numbers(frame[name]) and len(set(head_values(frame[name]))) > _MOST_CODES:
            _refuse_text(frame[name], "covariate", source)
    return words


def _covariates(roles: Roles, source: Source) -> dict[str, object]:
    """The lists of past, future and static covariates; the attributes of a .tsf file are static if none are named."""
    return {"past": roles.past, "future": roles.future, "static": roles.static or source.static}


def _named(frame: pd.DataFrame, roles: Roles, source: Source) -> set[str]:
    """Every column that the user gave a role.  Refuses unknown columns and columns with two roles."""
    roles_of: dict[str, str] = {}
    target = names_of(frame, roles.target, "target") or source.target
    single = {"time": roles.time, "id": roles.id}
    for role, name in single.items():
        if name is not None:
            known(frame, name, role)
            _give(roles_of, (name,), role)
    _give(roles_of, target, "target")
    for role, value in _covariates(roles, source).items():
        _give(roles_of, names_of(frame, value, role), role)
    return set(roles_of)


def _give(roles_of: dict[str, str], names: Iterable[str], role: str) -> None:
    for name in names:
        if roles_of.get(name, role) != role:
            remedy = "A covariate is known up to the origin (past), ahead of time (future), or constant (static)."
            raise ConfigError(f"the column {name!r} is named as {roles_of[name]} and as {role}", remedy, column=name)
        roles_of[name] = role


def _refuse_unnamed_series(
    frame: pd.DataFrame, time: str | None, series_id: str | None, *, repeats: bool, taken: set[str]
) -> None:
    if time is None or series_id is not None or not repeats:
        return
    often = frame[time].mode().iloc[0]
    like_ids = [name for name in frame.columns if name not in taken and frame[name].dtype.kind in "iuO"]
    hint = f" Perhaps {' or '.join(like_ids[:5])}; several with commas between." if like_ids else ""
    count = int((frame[time] == often).sum())
    cause = f"the times in {time!r} repeat ({often} stands {count} times) and no column says of which series"
    raise DataError(cause, f"Name the id with id= (--id).{hint}", column=time)


def _shape(source: Source, *, wide: bool) -> Shape:
    if source.kind != "frame":
        return source.kind
    return "wide" if wide else "long"


def _ids(source: Source, shape: Shape, target: tuple[str, ...]) -> pd.Index:
    if shape in ("wide", "array") or len(target) == 1:
        return pd.Index([source.labels.get(name, name) for name in target])
    return pd.Index(["series"])


def trained_roles(roles: Roles, schema: Schema, frame: pd.DataFrame, source: Source) -> Roles:
    """The roles of training, as far as the new frame says them by column names rather than by its form.

    Raises DataError naming the covariates and the id that training had and the frame has not.
    """
    covariates = {
        "past": schema.past + schema.past_codes,
        "future": schema.future + schema.future_codes,
        "static": schema.static + schema.static_codes,
    }
    asked = [name for names in covariates.values() for name in names]
    asked += [] if schema.id is None or source.id is not None else id_parts(schema.id)
    missing = [name for name in asked if name not in frame.columns]
    if missing:
        raise DataError(
            f"columns that the forecaster was trained with are missing: {', '.join(missing)}",
            "Add them under the same names, or train without them.",
            file=source.file,
            column=missing[0],
        )
    named = [name for name in schema.target if name]
    return replace(
        roles,
        time=schema.time if schema.time in frame.columns else None,
        id=schema.id if source.id is None else None,
        target=tuple(named) if named and all(name in frame.columns for name in named) else None,
        freq="integer" if schema.time is None and schema.freq.isdecimal() else schema.freq,
        timezone=roles.timezone or schema.timezone,
        **covariates,
    )
