"""Which column plays which role: what the user named, and what can be told from the columns themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pandas as pd

from forecast.datasets.columns import covers, has_repeats, is_text, kinds_of, known, names_of, spoiled_numbers
from forecast.datasets.dates import first_bad_date
from forecast.datasets.schema import Note, Roles, Shape
from forecast.datasets.source import Source
from forecast.datasets.tidy import TIME_NAMES
from forecast.errors import ConfigError, DataError

_TARGET_NAMES = ("y", "target", "value")
_ID_NAMES = (
    "unique_id",
    "series_id",
    "item_id",
    "ts_id",
    "series",
    "id",
)  # all but the first count beside repeated times
_FEW = 0.01  # share of repeated timestamps up to which they are slips (a clock change, a double row), not a panel


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
    time = _time(frame, roles, source, taken=named, notes=notes)
    repeats = time is not None and _repeats(frame, time)
    taken = named | {time} if time is not None else named
    series_id = _id(frame, roles, source, taken=taken, repeats=repeats, notes=notes)
    taken = taken | {series_id} if series_id is not None else taken
    target, wide = _target(frame, roles, source, taken=taken, alone=series_id is None and not repeats, notes=notes)
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
        text=tuple(name for names in lists for name in names if is_text(frame[name])),
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
        if kinds[name] in "iufb":
            continue
        column = frame[name]
        bad = np.flatnonzero((pd.to_numeric(column, errors="coerce").isna() & column.notna()).to_numpy())
        row = int(bad[0]) if len(bad) else 0
        place = source.where(row)
        raise DataError(
            f"the target {name!r} holds {column.iloc[row]!r} in row {place['row']}, which is no number",
            "Write numbers without units or thousands separators, and leave missing values empty.",
            column=name,
            value=column.iloc[row],
            **place,
        )


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


def _time(frame: pd.DataFrame, roles: Roles, source: Source, *, taken: set[str], notes: list[Note]) -> str | None:
    if roles.time is not None:
        _check_time(frame, roles.time, source)
        return roles.time
    if source.time is not None or source.kind != "frame":
        if source.time is not None and source.kind == "series" and frame[source.time].dtype.kind not in "Miu":
            _check_time(frame, source.time, source)
        return source.time
    kinds = kinds_of(frame)
    dates = [name for name, kind in kinds.items() if kind == "M" and name not in taken]
    if len(dates) > 1:
        listed = ", ".join(dates)
        raise DataError(f"several columns hold dates: {listed}", "Name the time with time= (--time).", column=dates[0])
    if dates:
        notes.append(Note(topic="role", message=f"time: {dates[0]}, the only column of dates"))
        return dates[0]
    numbered = [name for name, kind in kinds.items() if kind in "iu" and name.lower() in TIME_NAMES]
    if len(numbered) == 1 and numbered[0] not in taken:
        notes.append(Note(topic="role", message=f"time: {numbered[0]}, whole numbers"))
        return numbered[0]
    if roles.freq in ("rows", "integer"):
        notes.append(Note(topic="role", message="time: none, each row is one step"))
        return None
    _no_time(frame, source, taken)


def _no_time(frame: pd.DataFrame, source: Source, taken: set[str]) -> NoReturn:
    """Raise for a frame without dates, naming the first bad value of a column that nearly holds them."""
    for name in frame.columns:
        if name not in taken and is_text(frame[name]):
            bad = first_bad_date(frame[name])
            if bad is not None:
                _bad_time(name, bad, source)
    listed = ", ".join(map(str, frame.columns[:20]))
    remedy = "Name the time with time= (--time), or count the rows as steps with freq='rows' (--freq rows)."
    raise DataError(f"no column holds dates (columns: {listed})", remedy, file=source.file)


def _bad_time(name: str, bad: tuple[int, str], source: Source) -> NoReturn:
    place = source.where(bad[0])
    cause = f"the time {name!r} holds {bad[1]!r} in row {place['row']}, which is no date"
    raise DataError(cause, "Write dates in one way, best as YYYY-MM-DD HH:MM.", column=name, value=bad[1], **place)


def _check_time(frame: pd.DataFrame, name: str, source: Source) -> None:
    """A time that the user named holds dates or whole numbers."""
    column = frame[name]
    if column.dtype.kind in "Miu":
        return
    if column.dtype.kind == "f":
        values = column.to_numpy()
        bad = np.flatnonzero(~(values % 1 == 0))
        if not len(bad):
            return
        _bad_time(name, (int(bad[0]), str(values[bad[0]])), source)
    _bad_time(name, first_bad_date(column) or (0, str(column.iloc[0])), source)


def _repeats(frame: pd.DataFrame, time: str) -> bool:
    """Whether timestamps come back as they do in a panel, not as in a series with a few slips."""
    column = frame[time]
    if not has_repeats(column):
        return False
    return bool(column.duplicated().mean() > _FEW) and not _identical_rows(frame)


def _identical_rows(frame: pd.DataFrame) -> bool:
    """Whether repeated timestamps are nothing but rows that stand twice."""
    head = frame.iloc[:100_000]
    return (
        len(head) == len(frame) and bool(head.duplicated().mean() > 0) and head.drop_duplicates().iloc[:, 0].is_unique
    )


def _id(
    frame: pd.DataFrame, roles: Roles, source: Source, *, taken: set[str], repeats: bool, notes: list[Note]
) -> str | None:
    if roles.id is not None or source.id is not None:
        return roles.id or source.id
    if source.kind != "frame":
        return None
    free = [name for name in frame.columns if name not in taken and name not in source.parts]
    by_name = [name for wanted in _ID_NAMES for name in free if name.lower() == wanted]
    if by_name and (repeats or by_name[0].lower() == "unique_id"):
        notes.append(Note(topic="role", message=f"id: {by_name[0]}, by its name"))
        return by_name[0]
    if not repeats:  # timestamps that stand once each are one series: a repeated word beside them is an attribute
        return None
    words = [name for name in free if is_text(frame[name]) and not spoiled_numbers(frame[name])]
    words = [name for name in words if has_repeats(frame[name])]
    if len(words) > 1:
        listed = ", ".join(words)
        raise DataError(
            f"several text columns may name the series: {listed}", "Name the id with id= (--id).", column=words[0]
        )
    if words:
        notes.append(Note(topic="role", message=f"id: {words[0]}, the one column of repeated text"))
        return words[0]
    return None


def _target(
    frame: pd.DataFrame, roles: Roles, source: Source, *, taken: set[str], alone: bool, notes: list[Note]
) -> tuple[tuple[str, ...], bool]:
    """The target columns, and whether each is a series of its own (wide)."""
    named = names_of(frame, roles.target, "target") or source.target
    if named:
        return named, False
    free = [name for name in frame.columns if name not in taken and name not in source.parts]
    by_name = [name for name in free if name.lower() in _TARGET_NAMES]
    if len(by_name) > 1:
        _several_targets(by_name)
    if by_name:
        notes.append(Note(topic="role", message=f"target: {by_name[0]}, by its name"))
        return (by_name[0],), False
    kinds = kinds_of(frame)
    numbers = [name for name in free if kinds[name] in "iuf" or (kinds[name] == "O" and spoiled_numbers(frame[name]))]
    if not numbers:
        remedy = "Name the target with target= (--target)."
        raise DataError(
            f"no column of numbers is left for the target (columns: {', '.join(frame.columns[:20])})", remedy
        )
    covariates = covers(roles)
    if alone and (len(numbers) == 1 or not covariates) and not (len(numbers) == 1 and covariates):
        what = (
            f"{len(numbers)} series, one a column" if len(numbers) > 1 else f"{numbers[0]}, the only column of numbers"
        )
        notes.append(Note(topic="role", message=f"target: {what}", count=len(numbers)))
        return tuple(numbers), True
    if len(numbers) > 1:
        _several_targets(numbers)
    notes.append(Note(topic="role", message=f"target: {numbers[0]}, the only column of numbers"))
    return (numbers[0],), False


def _several_targets(names: list[str]) -> NoReturn:
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    remedy = "Name one with target= (--target), or several for one multivariate series."
    raise DataError(f"several columns may be the target: {listed}", remedy, column=names[0])


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
