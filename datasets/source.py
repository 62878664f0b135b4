"""How the user holds the data: what a plain frame of columns cannot say, kept so that the answer has the same shape."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from forecast.datasets.schema import Note


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a plain frame came from.

    kind: a Series, a bare array (or list), or a frame or file, whose columns decide whether it is wide or long.
    time: the column that holds the time for certain (it was the index of the frame or Series); None: to be found.
    id: the column that holds the series' name for certain (the other level of the index); None: to be found.
    indexed: the time was the index, so the answer has it as its index too.
    target: columns that are the target for certain: ``y`` given beside X, a Series, the columns of an array.
    static: columns known to be constant per series (the attributes of a ``.tsf`` file).
    parts: columns that were joined into the column ``time`` (year, month, day); they are covariates only by name.
    labels: the user's own column labels, where they were not text.
    file: what was read; first_line: the line of the file that holds row 0, so that errors can name lines.
    """

    kind: Literal["series", "array", "frame"] = "frame"
    time: str | None = None
    id: str | None = None
    indexed: bool = False
    target: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    labels: Mapping[str, Hashable] = field(default_factory=dict)
    file: str | None = None
    first_line: int = 0
    notes: tuple[Note, ...] = ()

    def where(self, row: int) -> dict[str, object]:
        """The place of row number ``row`` (from 0) for an error: ``file`` and ``row``, counted as the user counts."""
        return {"file": self.file, "row": row + self.first_line} if self.file else {"row": row + self.first_line}
