"""A data file of any size as plain frames of a bounded number of rows, and the files of a folder."""

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd

from forecast.datasets.files import read_file
from forecast.datasets.frames import plain_piece
from forecast.datasets.packed.folder import IDS, MANIFEST
from forecast.datasets.reading.delimited import read_first, read_next
from forecast.datasets.source import Source
from forecast.errors import DataError

PIECE_CELLS = 1 << 20  # of a Parquet file, taken at a time
PIECE_BYTES = 1 << 24  # of a text file
_TRIES = 1000  # line ends looked at, from the last one back, for one that lies in no quotes
_TEXT = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".tsf", ".data")
_PACKED = tuple(f"{name}{packed}" for name in _TEXT for packed in (".gz", ".bz2", ".xz", ".zip"))
_ENDINGS = (*_TEXT, *_PACKED, ".parquet", ".pq")
_OPENERS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}

Frame = tuple[pd.DataFrame, Source]


def data_files(folder: Path) -> list[Path]:
    """The data files of a folder and those below it, by name; hidden ones and those of other kinds are left aside.

    So are panels packed, and models saved, into a folder below: what describes them is no data.
    """
    packed = {path.parent for path in folder.rglob(MANIFEST) if (path.parent / IDS).is_file()}
    packed |= {path.parent for path in folder.rglob("model.json")}
    found = [path for path in sorted(folder.rglob("*")) if path.name.lower().endswith(_ENDINGS) and path.is_file()]
    found = [path for path in found if path.parent not in packed]
    files = [path for path in found if not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)]
    if not files:
        remedy = "Give a folder of Parquet or CSV files, or one that forecast pack has made."
        raise DataError(f"{folder} holds no data files", remedy, file=str(folder))
    return files


def pieces_of(path: Path, *, words: frozenset[str]) -> Iterator[Frame]:
    """The rows of a file in order.  words: columns that are text, whatever a piece of them looks like.

    Of Parquet and delimited text, plain or packed by gzip, bzip2 or xz, only a piece is in memory at a time; other
    files are read whole.  Raises DataError naming the file.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
        if head.startswith(b"PAR1"):
            yield from _of_parquet(path)
            return
        opener: Callable[..., Any] = next((use for magic, use in _OPENERS.items() if head.startswith(magic)), open)
        with opener(path, "rb") as stream:
            yield from _of_text(stream, path, words)
    except (OSError, EOFError, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read: {reason}", "See whether the file is whole.", file=str(path)) from error


def _of_parquet(path: Path) -> Iterator[Frame]:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise DataError(f"{path}: Parquet needs pyarrow", "pip install 'seqcast[parquet]'", file=str(path)) from error
    row = 0
    try:
        with pyarrow.parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            rows = max(1, PIECE_CELLS // max(file.metadata.num_columns, 1))
            for batch in file.iter_batches(batch_size=rows, use_threads=False):
                frame = pa.Table.from_batches([batch]).to_pandas()
                if len(frame):
                    yield plain_piece(frame, Source(file=str(path), first_line=row))
                row += len(frame)
                del frame, batch
                pa.default_memory_pool().release_unused()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a whole Parquet file: {error}", "Write it again.", file=str(path)) from error


def _of_text(stream: IO[bytes], path: Path, words: frozenset[str]) -> Iterator[Frame]:
    block, rest = _lines(stream, b"")
    if _read_whole(block, path) or not (rest or words):
        yield plain_piece(*read_file(path))
        return
    frame, source, piece = read_first(block, file=str(path), words=words)
    yield plain_piece(frame, source)
    line = block.count(b"\n")
    while rest:
        block, rest = _lines(stream, rest)
        frame, source = read_next(block, piece, file=str(path), line=line)
        if len(frame):
            yield plain_piece(frame, source)
        line += block.count(b"\n")


def _lines(stream: IO[bytes], rest: bytes) -> tuple[bytes, bytes]:
    """What is left of before and about ``PIECE_BYTES`` more, up to a line end outside of quotes; and what follows."""
    block = rest
    while more := stream.read(PIECE_BYTES):
        block += more
        end, quotes = len(block), block.count(b'"')
        for _ in range(_TRIES):
            cut = block.rfind(b"\n", 0, end) + 1
            quotes -= block.count(b'"', cut, end)
            if not cut or quotes % 2 == 0:
                break
            end = cut - 1
        if cut and quotes % 2 == 0 and (ahead := block[cut:] or stream.read(1)):
            return block[:cut], ahead
    return block, b""


def _read_whole(head: bytes, path: Path) -> bool:
    """Whether a file is of a kind that cannot be read in pieces: JSON, .tsf, UTF-16, lines that end in CR alone."""
    start = head[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    names = path.name.lower().split(".")[1:]
    other = {"json", "jsonl", "ndjson", "tsf", "zip"} & set(names) or start.startswith((b"{", b"[", b"<", b"@relation"))
    return bool(other) or b"\0" in head[:4096] or b"\n" not in head or not head.strip()
