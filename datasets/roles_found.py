"""Roles that the columns themselves show: the one column of dates, the repeated text, the column called y.

Each discovery adds a note; several candidates, or none, are a DataError that names them and the option that settles it.
"""

from typing import NoReturn

import numpy as np
import pandas as pd

from forecast.datasets.reading.columns import covers, has_repeats, is_text, kinds_of, names_of, spoiled_numbers
from forecast.datasets.reading.dates import first_bad_date
from forecast.datasets.reading.tidy import TIME_NAMES
from forecast.datasets.schema import Note, Roles
from forecast.datasets.source import Source
from forecast.errors import DataError

_TARGET_NAMES = ("y", "target", "value")
_ID_NAMES = ("unique_id", "series_id", "item_id", "ts_id", "series", "id")  # the later ones only beside repeated times
_FEW = 0.01  # share of repeated timestamps up to which they are slips (a clock change, a double row), not a panel


def find_time(frame: pd.DataFrame, roles: Roles, source: Source, *, taken: set[str], notes: list[Note]) -> str | None:
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


def repeats_like_a_panel(frame: pd.DataFrame, time: str) -> bool:
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


def find_id(
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


def find_target(
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
