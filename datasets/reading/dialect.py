"""How a delimited text file is written: separator, decimal mark, header, told from its first lines."""

import csv
import re
from collections import Counter
from dataclasses import dataclass

from forecast.datasets.reading.dates import YEAR_FIRST
from forecast.datasets.schema import Note
from forecast.errors import DataError

MISSING = tuple(
    " NA N/A n/a NaN nan -nan NULL null None none <NA> #N/A #NA ? - .".split(" ")
)  # the first is an empty cell
_SEPARATORS = ("\t", ";", "|", ",")
_HEAD_BYTES, _HEAD_LINES = 1 << 16, 6
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_DATE = re.compile(rf"{YEAR_FIRST.pattern}|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}( .*)?")
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_GROUPED_COMMA = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+")  # 1.234,5: the points part thousands
_EXCEL = re.compile(r"(?i)\"?sep=.\"?")  # what Excel writes above the header
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How to parse a file.

    skip: lines before the first row of data, header included.  text: columns of words, where only an empty cell is a
    missing one ("NA" may be Namibia).  codes: columns of numbers with leading zeros, names like 007, kept as text.
    """

    separator: str
    decimal: str
    names: tuple[str, ...]
    skip: int
    text: frozenset[str]
    codes: frozenset[str]
    notes: tuple[Note, ...]


def sniff(data: bytes, *, file: str) -> Dialect:
    """The dialect of UTF-8 text with line ends LF or CRLF.  Raises DataError for an empty file or a faulty header."""
    lines = _head(data)
    before = 0
    while before < len(lines) and (
        not lines[before].strip() or lines[before].startswith("#") or _EXCEL.fullmatch(lines[before])
    ):
        before += 1
    if before == len(lines):
        raise DataError(f"{file} is empty", "Give a file with a header and one row per time step.", file=file)
    separator = _separator(lines[before:])
    rows = [row for row in _split(lines[before:], separator) if row]
    header = _has_header(rows)
    if len(rows) < 2 and header:
        raise DataError(f"{file} holds a header but no rows", "Give a file with one row per time step.", file=file)
    body = rows[1:] if header else rows
    names, notes = (
        _names(_cells(lines[before], separator, rows[0]), file=file)
        if header
        else (tuple(map(str, range(len(rows[0])))), [])
    )
    if not header:
        notes.append(Note(topic="layout", message=f"no header: columns are named 0 to {len(names) - 1}"))
    cells = {name: [row[k].strip() for row in body if k < len(row)] for k, name in enumerate(names)}
    decimal = _decimal(cells, separator)
    if decimal == ",":
        notes.append(Note(topic="layout", message="decimal comma"))
    return Dialect(
        separator=separator,
        decimal=decimal,
        names=names,
        skip=before + int(header),
        text=frozenset(name for name, column in cells.items() if _is_text(column)),
        codes=frozenset(name for name, column in cells.items() if _is_code(column)),
        notes=tuple(notes),
    )


def _head(data: bytes) -> list[str]:
    """The first lines, whole ones only: at least 64 kB of them and at least six."""
    end = _HEAD_BYTES
    for _ in range(12):
        head = data[:end]
        if len(data) <= end or head.count(b"\n") >= _HEAD_LINES:
            break
        end *= 2
    if len(data) > end:
        head = head[: head.rfind(b"\n") + 1] or head
    return head.decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")


def _split(lines: list[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader([f"{line}\n" for line in lines], delimiter=separator, skipinitialspace=True))
    except csv.Error:
        return [line.split(separator) for line in lines]


def _cells(line: str, separator: str, plain: list[str]) -> list[str]:
    """The header's cells with their blanks, unless a quoted name holds a line break or starts after a blank."""
    cells = next(csv.reader([line], delimiter=separator))
    return cells if [cell.strip() for cell in cells] == [cell.strip() for cell in plain] else plain


def _separator(lines: list[str]) -> str:
    """The one that cuts most lines into as many cells as the header; the rarer ones win a draw against the comma."""
    best, best_score = ",", 0.0
    for separator in _SEPARATORS:
        counts = [len(row) for row in _split(lines, separator) if row]
        if counts[0] < 2:
            continue
        score = Counter(counts)[counts[0]] / len(counts)
        if score > best_score:
            best, best_score = separator, score
    return best


def _is_datum(cell: str) -> bool:
    cell = cell.strip()
    return _NUMBER.fullmatch(cell) is not None or _DATE.fullmatch(cell) is not None


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first row holds words only, a word above a column of numbers or dates, or dates above numbers."""
    first = rows[0]
    filled = [cell for cell in first if cell.strip()]
    if not any(_is_datum(cell) for cell in filled):
        return bool(filled)
    for k, cell in enumerate(first):
        below = [row[k] for row in rows[1:] if k < len(row) and row[k].strip() not in MISSING]
        if not _is_datum(cell) and cell.strip() not in MISSING[1:] and below and all(map(_is_datum, below)):
            return True
        if _DATE.fullmatch(cell.strip()) and below and not any(map(_DATE.fullmatch, below)):
            return True
    years = [int(cell) for cell in first[-3:] if cell.strip().isdigit()]
    return not _is_datum(first[0]) and len(first) > 3 and years == [years[0] + k for k in range(3)] if years else False


def _names(header: list[str], *, file: str) -> tuple[tuple[str, ...], list[Note]]:
    names = [cell.strip() for cell in header]
    notes = []
    spaced = [name for name, cell in zip(names, header, strict=True) if name != cell]
    if spaced:
        listed = ", ".join(repr(name) for name in spaced[:5])
        notes.append(Note(topic="layout", message=f"blanks around column names removed: {listed}", count=len(spaced)))
    names = [name or f"column {k + 1}" for k, name in enumerate(names)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"{file} has {len(twice)} column name{'s' * (len(twice) > 1)} more than once: {', '.join(twice[:5])}",
            "Give every column a name of its own.",
            file=file,
            column=twice[0],
        )
    return tuple(names), notes


def _decimal(cells: dict[str, list[str]], separator: str) -> str:
    """A comma where numbers show it and none shows a point.  In a comma-separated file they stand in quotes, and groups
    of three digits stay ambiguous (1,234), so that a number of another length has to prove it."""
    values = [cell for column in cells.values() for cell in column if "," in cell or "." in cell]
    if any(_GROUPED_COMMA.fullmatch(cell) for cell in values):
        return ","
    commas = [cell for cell in values if _COMMA.fullmatch(cell)]
    if not commas or any(_POINT.fullmatch(cell) for cell in values):
        return "."
    proof = [cell for cell in commas if len(cell.split(",")[1]) != 3 or cell.lstrip("+-").startswith(("0,", ","))]
    return "," if proof or separator != "," else "."


def _is_text(column: list[str]) -> bool:
    """Whether a column holds words: none of its first values is a number or a date."""
    filled = [cell for cell in column if cell not in MISSING]
    return bool(filled) and not any(_is_datum(cell) for cell in filled)


def _is_code(column: list[str]) -> bool:
    """Whether digits are a name: all of one length of three or more, some with leading zeros."""
    filled = [cell for cell in column if cell not in MISSING]
    same = len({len(cell) for cell in filled}) == 1 and len(filled[0]) >= 3
    return (
        same and all(cell.isdigit() for cell in filled) and any(cell[0] == "0" and cell.strip("0") for cell in filled)
    )
