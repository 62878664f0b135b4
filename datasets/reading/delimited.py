"""Delimited text (CSV and its kin): sniffed on its head, parsed in one go, ragged rows named."""

import csv
import io
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecast.datasets.reading.dialect import MISSING, Dialect, sniff
from forecast.datasets.reading.digits import ungroup
from forecast.datasets.reading.wide_rows import melt_rows
from forecast.datasets.schema import Note
from forecast.datasets.source import Source
from forecast.errors import DataError

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CHUNK = 1 << 26  # bytes looked at in one go when rows are counted


def read_delimited(data: bytes, *, file: str) -> tuple[pd.DataFrame, Source]:
    """Text in any of the usual encodings as a frame of numbers and text; dates come later.  Raises DataError."""
    text, notes = to_utf8(data, file=file)
    dialect = sniff(text, file=file)
    notes += list(dialect.notes)
    one_series_a_row = dialect.names[0].lower() == "v1"  # as R writes the M competitions' files: ragged on purpose
    if not one_series_a_row:
        _refuse_ragged(text, dialect, file=file)
    frame = _without_blank_end(_parse(text, dialect, file=file), notes, file=file)
    frame = ungroup(frame, notes, decimal=dialect.decimal)
    source = Source(file=file, first_line=dialect.skip + 1, notes=tuple(notes))
    return melt_rows(_drop_empty(frame), source)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """How to read a further piece of a file like the first.  names: the columns that are kept, by their name there."""

    dialect: Dialect
    names: dict[str, str]


def read_first(data: bytes, *, file: str, words: frozenset[str]) -> tuple[pd.DataFrame, Source, Piece]:
    """The first lines of a file, header included, and how to read the others.  words: columns to be kept as text."""
    text, notes = to_utf8(data, file=file)
    dialect = sniff(text, file=file)
    dialect = replace(dialect, codes=dialect.codes | (words & set(dialect.names)))
    _refuse_ragged(text, dialect, file=file)
    frame = ungroup(_without_blank(_parse(text, dialect, file=file)), notes, decimal=dialect.decimal)
    labels = list(frame.columns)
    kept = _drop_empty(frame)
    names = {name: name for name in kept.columns if name in labels}
    if len(names) < len(kept.columns):  # the index, which had no name
        names = {labels[0]: "time", **names}
    source = Source(file=file, first_line=dialect.skip + 1, notes=(*notes, *dialect.notes))
    return kept, source, Piece(dialect=replace(dialect, skip=0), names=names)


def read_next(data: bytes, piece: Piece, *, file: str, line: int) -> tuple[pd.DataFrame, Source]:
    """Further lines of a file, of which ``line`` came before."""
    text, notes = to_utf8(data, file=file)
    try:
        _refuse_ragged(text, piece.dialect, file=file)
    except DataError as error:
        row = error.where["row"] + line
        cause = error.cause.replace(f"row {error.where['row']} ", f"row {row} ", 1)
        raise DataError(cause, error.remedy, **error.where | {"row": row}) from None
    if not text.strip():
        return pd.DataFrame(), Source(file=file)
    frame = ungroup(_without_blank(_parse(text, piece.dialect, file=file)), notes, decimal=piece.dialect.decimal)
    return frame[list(piece.names)].rename(columns=piece.names), Source(file=file, first_line=line + 1)


def to_utf8(data: bytes, *, file: str) -> tuple[bytes, list[Note]]:
    """The same text as UTF-8 without a byte order mark, lines ending in LF or CRLF."""
    notes: list[Note] = []
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            data = data.decode(encoding, errors="replace").encode() if encoding == "utf-16" else data[len(mark) :]
            break
    else:
        data = _without_mark(data, notes, file=file)
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
        notes.append(Note(topic="layout", message="lines end in CR alone (old Mac)"))
    return data, notes


def _without_mark(data: bytes, notes: list[Note], *, file: str) -> bytes:
    head = data[:4096]
    if b"\0" in head:
        zeros = [head[k::2].count(0) / max(len(head[k::2]), 1) for k in (0, 1)]
        if max(zeros) > 0.7 and min(zeros) < 0.1:  # Latin text in UTF-16 has a zero in every other byte
            encoding = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
            return data.decode(encoding, errors="replace").encode()
    control = sum(head.count(bytes([code])) for code in range(32) if code not in (9, 10, 12, 13))
    if control > 0.001 * len(head) + (1 if len(head) > 1000 else 0) or b"\0" in head:
        raise DataError(f"{file} is a binary file", "Give CSV, Parquet, JSON lines or .tsf.", file=file)
    try:
        broken = data.decode().count("\ufffd")
        if broken:
            notes.append(Note(topic="layout", message="characters that were lost before (U+FFFD)", count=broken))
        return data
    except UnicodeDecodeError as error:
        shown = bytes(data[error.start : error.start + 1]).hex()
        notes.append(Note(topic="layout", message=f"not UTF-8 (byte 0x{shown} at {error.start}): read as Windows-1252"))
        try:
            return data.decode("cp1252").encode()
        except UnicodeDecodeError:
            return data.decode("latin-1").encode()


def _parse(data: bytes, dialect: Dialect, *, file: str) -> pd.DataFrame:
    missing: dict[str, list[str]] | list[str] = list(MISSING)
    if dialect.text:
        missing = {name: [""] if name in dialect.text else list(MISSING) for name in dialect.names}
    try:
        frame = pd.read_csv(
            io.BytesIO(data),
            sep=dialect.separator,
            decimal=dialect.decimal,
            header=None,
            names=list(dialect.names),
            skiprows=dialect.skip,
            index_col=False,
            na_values=missing,
            keep_default_na=False,
            dtype={name: "str" for name in dialect.codes},
            skipinitialspace=True,
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise DataError(f"{file} cannot be parsed: {error}", "See whether a quote is not closed.", file=file) from error
    if not len(frame):
        raise DataError(f"{file} holds a header but no rows", "Give a file with one row per time step.", file=file)
    return frame


def _without_blank_end(frame: pd.DataFrame, notes: list[Note], *, file: str) -> pd.DataFrame:
    """Without the rows of empty cells below the table, which spreadsheets write for cells that once held something."""
    if not frame.iloc[-1].isna().all():
        return frame
    blank = frame.isna().all(axis=1).to_numpy()
    if blank.all():
        raise DataError(f"{file} holds empty rows only", "Give a file with one row per time step.", file=file)
    count = int(blank[::-1].argmin())
    notes.append(Note(topic="layout", message=f"{count} empty rows at the end left out", count=count))
    return frame.iloc[:-count]


def _without_blank(frame: pd.DataFrame) -> pd.DataFrame:
    """Without rows of empty cells, wherever the piece of the file ends."""
    return frame if not frame.iloc[-1].isna().all() else frame[~frame.isna().all(axis=1)].reset_index(drop=True)


def _drop_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the unnamed columns that only a trailing separator or a row number makes."""
    unnamed = [name for name in frame.columns if name.startswith(("column ", "Unnamed: "))]
    if not unnamed:
        return frame
    empty = [name for name in unnamed if frame[name].isna().all()]
    first = frame.columns[0]
    if first in unnamed and first not in empty and frame[first].dtype.kind == "i":
        numbers = frame[first].to_numpy()
        if len(numbers) > 1 and np.array_equal(numbers, np.arange(len(numbers)) + numbers[0]) and numbers[0] in (0, 1):
            empty.append(first)
    frame = frame.drop(columns=empty)
    if first in unnamed and first not in empty and "time" not in frame.columns and frame[first].dtype.kind != "f":
        frame = frame.rename(columns={first: "time"})  # an index written without a name
    return frame


def _refuse_ragged(data: bytes, dialect: Dialect, *, file: str) -> None:
    """Raise for the first row with more or fewer cells than the header: counted, or parsed if there are quotes."""
    width = len(dialect.names)
    separator = dialect.separator.encode()
    line = _first_ragged(data, separator[0], width, skip=dialect.skip)
    if line is None:
        return
    if b'"' in data:
        found = _first_ragged_quoted(data, dialect)
        if found is None:
            return
        line, cells = found
    else:
        cells = data.split(b"\n", line)[line - 1].count(separator) + 1
    raise DataError(
        f"{file}: row {line} has {cells} cell{'s' * (cells != 1)}, the header has {width}",
        f"Complete the row, or put values that hold {dialect.separator!r} in quotes.",
        file=file,
        row=line,
    )


def _first_ragged(data: bytes, separator: int, width: int, *, skip: int) -> int | None:
    """Number (from 1) of the first line past the header with other than ``width`` cells; blank lines pass."""
    line, begin = 0, 0
    while begin < len(data):
        end = len(data) if len(data) - begin <= _CHUNK else data.rfind(b"\n", begin, begin + _CHUNK) + 1
        if end <= begin:
            end = (data.find(b"\n", begin) + 1) or len(data)
        text = np.frombuffer(data, np.uint8, end - begin, begin)
        if _even(text, separator, width):
            line, begin = line + int(np.count_nonzero(text == 10)), end
            continue
        breaks = np.flatnonzero(text == 10)
        starts = np.concatenate([[0], breaks + 1])
        starts = starts[starts < len(text)]
        counts = np.add.reduceat(text == separator, starts, dtype=np.int32)
        lengths = np.diff(np.append(starts, len(text)))
        bad = counts != width - 1
        bad[: max(skip - line, 0)] = False
        for at in np.flatnonzero(bad):
            if bytes(text[starts[at] : starts[at] + lengths[at]]).strip():
                return line + int(at) + 1
        line += len(starts)
        begin = end
    return None


def _even(text: np.ndarray, separator: int, width: int) -> bool:
    """Whether every line, header and all, has ``width`` cells: seen in one pass over separators and line ends."""
    marks = text[(text == separator) | (text == 10)]
    if text[-1] != 10:
        marks = np.append(marks, np.uint8(10))
    if len(marks) % width:
        return False
    table = marks.reshape(-1, width)
    return bool((table[:, -1] == 10).all() and (table[:, :-1] == separator).all())


def _first_ragged_quoted(data: bytes, dialect: Dialect) -> tuple[int, int] | None:
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""), delimiter=dialect.separator)
    for row in reader:
        if reader.line_num > dialect.skip and row and len(row) != len(dialect.names):
            if len(row) > 1 or row[0].strip():
                return reader.line_num, len(row)
    return None
