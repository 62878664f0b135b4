"""The first pass: every row of every file as one record of numbers, in the order in which they come.

Only the ids of the series, the words of the categories and one piece of a file are in memory.

Dimension key: N rows of a piece, S series, C channels, K columns.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.arrays import Ints
from forecast.datasets.build import described, same_channels
from forecast.datasets.packed.folder import require_grid
from forecast.datasets.packed.pieces import pieces_of
from forecast.datasets.packed.sample import Sources, sample_of
from forecast.datasets.reading.columns import is_text
from forecast.datasets.roles import Found, find_roles, id_parts, join_id, numeric_target, trained_roles
from forecast.datasets.rows.grouping import id_runs
from forecast.datasets.rows.values import numbers
from forecast.datasets.schema import Note, Roles, Schema
from forecast.datasets.source import Source
from forecast.datasets.timeline import Timeline
from forecast.datasets.times.stamps import Stamps, read_times
from forecast.errors import DataError

NUMBERS, CODES = ("target", "past", "future", "static"), ("past_codes", "future_codes", "static_codes")
_IDS = {"text": "text", "number": "numbers"}
_UNITS = ("integer", "s", "ms", "us", "ns")  # from coarse to fine
_ORDERS = ("day first", "month first")


class Again(Exception):
    """The files have to be read anew, with these columns as text, or the target in float64."""

    def __init__(self, *, words: frozenset[str] = frozenset(), exact: bool = False) -> None:
        super().__init__("read the files again")
        self.words, self.exact = words, exact


class Intake:
    """Reads pieces by the roles that some rows of several files show.

    schema_: the roles, its categories and frequency still open.  records: the type of a record: ``row``, ``series``,
    ``tick`` (microseconds or whole numbers) and, where there are such columns, the rest by the panel's names.
    """

    found: Found
    schema_: Schema
    records: np.dtype[Any]

    def __init__(self, roles: Roles, schema: Schema | None, *, words: frozenset[str], exact: bool) -> None:
        self.roles, self.trained, self.words, self.exact = roles, schema, words, exact
        self.sources = Sources()
        self.rows = 0
        self.sorted, self._last = True, 0  # whether the rows of each series lie together, in order of the series
        self.ids: dict[Any, int] = {}
        self._met = pd.Index([])  # most of them, for a quick look
        self.kind = ""  # of the ids
        self.vocabulary: dict[str, dict[str, int]] = {}
        self.unit = ""
        self.zone: str | None = None
        self.notes: dict[str, Note] = {}
        self.remarks: dict[str, Note] = {}
        self.orders: dict[str, tuple[str, str]] = {}

    def read(self, files: list[Path]) -> Iterator[NDArray[Any]]:
        """The records of all files, piece by piece."""
        self._resolve(*sample_of(files, words=self.words))
        for path in files:
            for frame, source in pieces_of(path, words=self.words):
                yield self._records(frame, source)

    def _records(self, frame: pd.DataFrame, source: Source) -> NDArray[Any]:
        frame = join_id(frame, self._id_role(frame, source))
        self._same_columns(frame, source)
        self._remark(source)
        self.sources.places.append((self.rows, str(source.file), source.first_line))
        records = np.zeros(len(frame), self.records)
        records["row"] = np.arange(self.rows, self.rows + len(frame))
        records["tick"] = self._ticks(frame, source)
        records["series"] = self._series(frame, source)
        numeric_target(frame, self.found.target, source)
        for name in NUMBERS:
            for k, column in enumerate(getattr(self.schema_, name)):
                records[name][:, k] = self._numbers(frame[column], source, target=name == "target")
        for name in CODES:
            for k, column in enumerate(getattr(self.schema_, name)):
                records[name][:, k] = self._codes(frame[column])
        self.rows += len(frame)
        self._watch_order(records["series"])
        return records

    def _watch_order(self, series: Ints) -> None:
        self.sorted = self.sorted and int(series[0]) >= self._last and bool((series[1:] >= series[:-1]).all())
        self._last = int(series[-1])

    # ------------------------------------------------------------------ what the columns mean

    def _id_role(self, frame: pd.DataFrame, source: Source) -> str | None:
        name = self.roles.id if self.trained is None else self.trained.id
        missing = [part for part in id_parts(name) if part not in frame.columns]
        if missing and name not in frame.columns:
            raise self._lacks(missing[0], source)
        return name

    def _resolve(self, frame: pd.DataFrame, source: Source) -> None:
        """Find the roles of the columns in some rows of several files."""
        if not len(frame):
            raise DataError("the files have no rows", "Give one row per time step.", file=source.file)
        frame = join_id(frame, self.roles.id if self.trained is None else self.trained.id)
        roles = self.roles if self.trained is None else trained_roles(self.roles, self.trained, frame, source)
        self.roles = roles
        found, notes = find_roles(frame, roles, source)
        if found.time is None:
            raise DataError(
                f"{source.file} has no time column, so the order of rows in several files is not known",
                "Name the time column (time, --time).",
                file=source.file,
            )
        if found.shape == "wide":
            raise DataError(
                f"{source.file} has a column per series; a folder is read by rows of id, time and target",
                "Name the target (target, --target), or give the data as one file.",
                file=source.file,
            )
        if roles.freq == "rows":
            require_grid(Timeline(freq="rows"))
        empty: dict[str, tuple[str, ...]] = {name: () for name in found.text}
        categories = empty if self.trained is None else self.trained.categories
        self.found, self.schema_ = found, described(None, found, source, freq=roles.freq or "", categories=categories)
        same_channels(self.schema_, self.trained)
        self.vocabulary = {name: {word: k for k, word in enumerate(words, 1)} for name, words in categories.items()}
        self.notes = {note.message: note for note in notes}
        if found.id is not None:
            self.kind = "text" if is_text(frame[found.id]) else "number"
        single = not self.exact and all(frame[name].dtype == np.float32 for name in found.target)
        widths = {name: len(getattr(self.schema_, name)) for name in (*NUMBERS, *CODES)}
        kinds = {"target": "f4" if single else "f8"} | {name: "i4" for name in CODES}
        fields: list[Any] = [("row", "i8"), ("tick", "i8"), ("series", "i4")]
        self.records = np.dtype(fields + [(n, kinds.get(n, "f8"), (w,)) for n, w in widths.items() if w])

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that have a role."""
        found = self.found
        named = (found.time, found.id, *found.target, *found.past, *found.future, *found.static)
        return tuple(name for name in named if name is not None)

    def _same_columns(self, frame: pd.DataFrame, source: Source) -> None:
        """Refuse a file that lacks a column, or has words in one where the others have numbers or dates."""
        for name in self.columns:
            if name not in frame.columns:
                raise self._lacks(name, source)
            if name in (self.found.time, *self.found.target) or name in self.words or _is_typed(source):
                continue
            words = self.kind == "text" if name == self.found.id else name in self.vocabulary
            if is_text(frame[name]) != words and frame[name].notna().any():
                raise Again(words=frozenset({name}))

    def _lacks(self, name: str, source: Source) -> DataError:
        return DataError(
            f"{source.file} has no column {name!r}, which other files of the folder have",
            "Give all files the same columns, or take that one out of the folder.",
            file=source.file,
            column=name,
        )

    def _remark(self, source: Source) -> None:
        """Keep what was found while reading, once; refuse dates that one file has day first and another month first."""
        for note in source.notes:
            order = next((order for order in _ORDERS if f"read as {order}" in note.message), None)
            column = note.message.split(":")[0]
            self.remarks.setdefault(note.message if order is None else column, note)
            if order is None:
                continue
            before, file = self.orders.setdefault(column, (order, str(source.file)))
            if before != order:
                raise DataError(
                    f"the dates of {column!r} are read {order} in {source.file} and {before} in {file}",
                    "Write all of them in one way, best as YYYY-MM-DD.",
                    file=source.file,
                    column=column,
                )

    # ------------------------------------------------------------------ columns as numbers

    def _ticks(self, frame: pd.DataFrame, source: Source) -> Ints:
        stamps = read_times(frame, self.found.time, source, timezone=self.roles.timezone)
        if not self.rows:
            self.unit, self.zone = stamps.unit, stamps.zone
            self._localising = stamps.zone is None
        if (stamps.unit == "integer") != (self.unit == "integer") or (stamps.zone is None) != (self.zone is None):
            raise DataError(
                f"the times in {source.file} are {_described(stamps)}, those before it {_described(self.stamps())}",
                "Write the times of all files in one way.",
                file=source.file,
                column=self.found.time,
            )
        if stamps.zone != self.zone:
            self.zone = "UTC"
        self.unit = max(self.unit, stamps.unit, key=_UNITS.index)
        return stamps.ticks()

    @property
    def aware(self) -> bool:
        """Whether the files themselves name a zone."""
        return self.zone is not None and not self._localising

    def naive(self, ticks: Ints) -> Stamps:
        """Ticks by the clock on the wall."""
        return Stamps(raw=np.array(ticks), unit="us")

    def spelled(self, name: str, values: NDArray[Any]) -> pd.Series:
        """Numbers of a column as the user knows them."""
        words = ["", *self.vocabulary.get(name, ())]
        return pd.Series([words[code] for code in values] if name in self.vocabulary else values)

    def stamps(self, ticks: Ints | None = None) -> Stamps:
        """Ticks as they were taken in."""
        raw = np.zeros(0, np.int64) if ticks is None else ticks
        return Stamps(raw=raw, unit="integer" if self.unit == "integer" else "us", zone=self.zone)

    def _series(self, frame: pd.DataFrame, source: Source) -> Ints:
        if self.found.id is None:
            return np.zeros(len(frame), np.int64)
        column = frame[self.found.id]
        begins, codes, names = id_runs(column, source)
        kind = "number" if pd.api.types.is_numeric_dtype(names.dtype) else "text"
        if kind != self.kind:
            raise DataError(
                f"the ids in {source.file} are {_IDS[kind]}, those of other files {_IDS[self.kind]}",
                f"Write the column {self.found.id!r} in one way.",
                file=source.file,
                column=self.found.id,
            )
        if not self.ids:
            self.dtype = names.dtype
        return np.repeat(self._numbered(names)[codes], np.diff(begins, append=len(column)))

    def _numbered(self, names: pd.Index) -> Ints:
        """The number of each id; those not met before get the next ones."""
        found: Ints = self._met.get_indexer(names).astype(np.int64)
        for k in np.flatnonzero(found < 0):
            found[k] = self.ids.setdefault(names[int(k)], len(self.ids))
        if len(self.ids) > 2 * len(self._met):  # so seldom that it costs little for each
            self._met = self.series_ids()
        return found

    def series_ids(self) -> pd.Index:
        """(S,) the ids in order of first appearance."""
        return self.found.ids if self.found.id is None else pd.Index(list(self.ids), dtype=self.dtype)

    def _numbers(self, column: pd.Series, source: Source, *, target: bool) -> NDArray[Any]:
        values = numbers(column, source)
        if target and values.dtype != np.float32 and self.records["target"].base == np.float32:
            raise Again(exact=True)
        return values

    def _codes(self, column: pd.Series) -> Ints:
        """Numbers of words in order of first appearance, from 1; 0 for none, and for words new to training."""
        codes, found = pd.factorize(column)
        words = self.vocabulary[str(column.name)]
        if self.trained is None:
            known = [words.setdefault(str(word), len(words) + 1) for word in found]
        else:
            known = [words.get(str(word), 0) for word in found]
        return np.array([*known, 0], np.int64)[codes]

    def in_order(self) -> tuple[Schema, dict[str, NDArray[Any]]]:
        """The schema with the words in order of the alphabet, and the final code of each provisional one."""
        if self.trained is not None:
            return self.schema_, {name: np.arange(len(words) + 1) for name, words in self.vocabulary.items()}
        places = {}
        for name, words in self.vocabulary.items():
            rank = {word: k for k, word in enumerate(sorted(words), 1)}
            places[name] = np.array([0, *(rank[word] for word in words)])
        categories = {name: tuple(sorted(words)) for name, words in self.vocabulary.items()}
        return replace(self.schema_, categories=categories), places


def _is_typed(source: Source) -> bool:
    """Whether the file itself says what is text."""
    return str(source.file).lower().endswith((".parquet", ".pq"))


def _described(stamps: Stamps) -> str:
    return "whole numbers" if stamps.unit == "integer" else "without a zone" if stamps.zone is None else "with a zone"
