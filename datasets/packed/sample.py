"""Some rows of the files of a folder, by which the roles of the columns are found, and the places of rows in files."""

from dataclasses import dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Ints
from forecast.datasets.packed.pieces import Frame, pieces_of
from forecast.datasets.source import Source

_FILES, _ROWS = 16, 8_000  # files looked into, and rows of each at the start and at the end of what is read of it


@dataclass(frozen=True, kw_only=True)
class Sources(Source):
    """The files as one source whose rows are numbered through, so that an error names file and line.

    places: (first row, file, number of that row in the file) of each piece, in order.
    """

    places: list[tuple[int, str, int]] = field(default_factory=list)
    rows: Ints | None = None  # the numbers of the rows that an error counts from 0

    def where(self, row: int) -> dict[str, object]:
        row = row if self.rows is None else int(self.rows[row])
        starts = [first for first, _, _ in self.places]
        first, file, line = self.places[int(np.searchsorted(starts, row, side="right")) - 1]
        return {"file": file, "row": row - first + line}


def sample_of(files: list[Path], *, words: frozenset[str]) -> Frame:
    """Rows from several files: one alone may hold a single series.  words: columns that are text."""
    chosen = [files[k] for k in np.unique(np.linspace(0, len(files) - 1, _FILES).round().astype(int))]
    parts: list[Frame] = list(chain.from_iterable(map(lambda path: _ends(path, words), chosen)))
    places, row = [], 0
    for frame, source in parts:
        places.append((row, str(source.file), source.first_line))
        row += len(frame)
    held: dict[str, Any] = {f.name: getattr(parts[0][1], f.name) for f in fields(Source)} if parts else {}
    whole = pd.concat([frame for frame, _ in parts], ignore_index=True) if parts else pd.DataFrame()
    return whole, Sources(**held, places=places)


def _ends(path: Path, words: frozenset[str]) -> list[Frame]:
    """The first and the last of some thousand rows of a file, aware times in UTC: zones may differ between files."""
    found: list[Frame] = []
    rows = 0
    for frame, source in pieces_of(path, words=words):
        first = source.first_line
        for part in (frame[:_ROWS], frame[max(_ROWS, len(frame) - _ROWS) :]):
            if len(part):
                zoned = [name for name in part.columns if isinstance(part[name].dtype, pd.DatetimeTZDtype)]
                plain = part.assign(**{name: part[name].dt.tz_convert("UTC") for name in zoned})
                found.append((plain, _at(source, first + int(part.index[0]))))
        rows += len(frame)
        if rows >= _ROWS:
            break
    return found


def _at(source: Source, line: int) -> Source:
    held: dict[str, Any] = {f.name: getattr(source, f.name) for f in fields(Source)}
    return Source(**held | {"first_line": line})
