"""Any data file as a frame: found by what it holds, not by its name alone."""

import bz2
import gzip
import io
import json
import lzma
import os
import sys
import zipfile
import zlib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

import pandas as pd

from forecast.datasets.reading.delimited import read_delimited, to_utf8
from forecast.datasets.reading.tidy import tidy
from forecast.datasets.reading.tsf import read_tsf
from forecast.datasets.source import Source
from forecast.errors import DataError

_PACKED: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": ("gzip", gzip.decompress),
    b"BZh": ("bzip2", bz2.decompress),
    b"\xfd7zXZ": ("xz", lzma.decompress),
}
_KNOWN = "Give CSV, TSV, JSON lines, Parquet or .tsf, plain or in .gz or .zip."


def read_table(source: str | Path | IO[bytes]) -> pd.DataFrame:
    """A data file, ``-`` (standard input) or an open binary file as a frame with dates as datetime64.

    Reads CSV and TSV (separator, decimal mark, encoding and header are found), Parquet, JSON lines and Monash
    ``.tsf``, each also in gzip or zip.  Raises DataError with the file and, where there is one, the row.
    """
    return tidy(*read_file(source))[0]


def read_file(source: str | Path | IO[bytes]) -> tuple[pd.DataFrame, Source]:
    """As ``read_table``, with what is known about the file, and dates still as they are written."""
    name, data = _load(source)
    name, data = _unpack(name, data)
    if not data[:4096].strip() and not data.strip():
        raise DataError(f"{name} is empty", "Give a file with a header and one row per time step.", file=name)
    if data.startswith(b"PAR1"):
        return _parquet(data, file=name)
    suffix = name.lower().rsplit(".", 1)[-1]
    if data[:256].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DataError(f"{name} is a web page or XML, not a table", _KNOWN, file=name)
    head = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if suffix == "tsf" or head.startswith(b"@relation"):
        return read_tsf(to_utf8(data, file=name)[0].decode(), file=name)
    if head.startswith((b"{", b"[")) or suffix in ("json", "jsonl", "ndjson"):
        return _json(to_utf8(data, file=name)[0].decode(), file=name)
    return read_delimited(data, file=name)


def _load(source: str | Path | IO[bytes]) -> tuple[str, bytes]:
    if not isinstance(source, str | Path):
        data = source.read()
        return str(getattr(source, "name", "the open file")), data.encode() if isinstance(data, str) else data
    if str(source) == "-":
        return "standard input", sys.stdin.buffer.read()
    path = Path(source).expanduser()
    try:
        return str(path), path.read_bytes()
    except FileNotFoundError:
        raise _missing(path) from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder", "Give one file of it.", file=str(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        if os.path.isdir(path):  # Windows calls it a lack of permission
            raise DataError(f"{path} is a folder", "Give one file of it.", file=str(path)) from None
        reason = getattr(error, "strerror", None) or error
        cause = f"{str(path)[:200]!r} cannot be read: {reason}"
        raise DataError(cause, "See the file's name and permissions.", file=str(path)) from None


def _missing(path: Path) -> DataError:
    """The error for a file that is not there, with names like it in the same folder."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return DataError(f"there is no folder {path.parent}", "Give the path of a data file.", file=str(path))
    lower = {name.lower(): name for name in names}
    close = [lower[name] for name in get_close_matches(path.name.lower(), lower, n=3)]
    hint = f"Did you mean {' or '.join(close)}?" if close else "Give the path of a data file."
    return DataError(f"there is no file {path}", hint, file=str(path))


def _unpack(name: str, data: bytes) -> tuple[str, bytes]:
    """The bytes inside gzip, bzip2, xz or a zip of one member, and the member's name."""
    for magic, (kind, unpack) in _PACKED.items():
        if data.startswith(magic):
            try:
                return _without_suffix(name), unpack(data)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
                raise _damaged(name, kind, error) from error
    if data.startswith(b"PK\x03\x04"):
        return _unzip(name, data)
    if name.lower().endswith((".gz", ".zip")) and data:
        raise _damaged(name, name.rsplit(".", 1)[-1], ValueError("its first bytes are others"))
    return name, data


def _without_suffix(name: str) -> str:
    return name.rsplit(".", 1)[0] if name.lower().endswith((".gz", ".bz2", ".xz")) else name


def _damaged(name: str, kind: str, error: Exception) -> DataError:
    return DataError(f"{name} is not a whole {kind} file: {error}", "Fetch or pack it again.", file=name)


def _unzip(name: str, data: bytes) -> tuple[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [info.filename for info in archive.infolist() if not info.is_dir()]
            if any(member.startswith(("xl/", "content.xml")) for member in members):
                raise DataError(f"{name} is a spreadsheet", "Save the sheet as CSV and give that.", file=name)
            members = [member for member in members if not member.startswith("__MACOSX/")]
            if len(members) != 1:
                held = ", ".join(members[:10]) + (", ..." if len(members) > 10 else "")
                cause = f"{name} holds {len(members)} files" + (f": {held}" if members else "")
                raise DataError(cause, "Unpack it and give one of them.", file=name)
            return members[0], archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise _damaged(name, "zip", error) from error


def _parquet(data: bytes, *, file: str) -> tuple[pd.DataFrame, Source]:
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise DataError(f"{file}: Parquet needs pyarrow", "pip install 'seqcast[parquet]'", file=file) from error
    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file} is not a whole Parquet file: {error}", "Write it again.", file=file) from error
    return table.to_pandas(), Source(file=file)


def _json(text: str, *, file: str) -> tuple[pd.DataFrame, Source]:
    """JSON lines, or one array of objects."""
    rows: Any
    if text.lstrip().startswith("["):
        try:
            rows = json.loads(text)
        except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, and thousands of brackets
            where = {"row": error.lineno} if isinstance(error, json.JSONDecodeError) else {}
            raise DataError(f"{file} is not JSON: {error}", _KNOWN, file=file, **where) from error
    else:
        lines = enumerate(text.splitlines(), 1)
        rows = [_json_line(line, number, file=file) for number, line in lines if line.strip()]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{file} holds no JSON objects", "Give one object per line, with a key per column.", file=file)
    return pd.DataFrame(rows), Source(file=file, first_line=1)


def _json_line(line: str, number: int, *, file: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        cause = f"{file}: row {number} is not JSON ({getattr(error, 'msg', error)})"
        raise DataError(cause, "Give one JSON object per line.", file=file, row=number) from error
