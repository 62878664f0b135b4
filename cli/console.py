"""What commands print: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def print_text(text: str = "") -> None:
    """A line of the result."""
    print(text)


def remark(text: str, *, quiet: bool) -> None:
    """A line on standard error, unless the user wants quiet."""
    if not quiet:
        print(text, file=sys.stderr, flush=True)


def print_table(rows: Sequence[Mapping[str, Any]], *, title: str = "", mark: str | None = None) -> None:
    """Rows of plain values: a rich table on a terminal, else aligned text.  mark: first cell of the row to stress."""
    if not rows:
        return
    columns = list(rows[0])
    cells = [[cell(row[column]) for column in columns] for row in rows]
    numeric = [all(isinstance(row[column], int | float | None) for row in rows) for column in columns]
    if sys.stdout.isatty():
        _rich_table(columns, cells, numeric, title, mark)
    else:
        _plain_table(columns, cells, numeric, title)


def print_pairs(values: Mapping[str, Any]) -> None:
    """Names and values, one to a line."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        print(f"{name.ljust(width)}  {cell(value)}")


def cell(value: Any) -> str:
    """A value as a reader wants it: four significant digits, lists without brackets, a dash for nothing."""
    if value is None or value != value:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple | list):
        return ", ".join(map(cell, value)) or "-"
    return " ".join(str(value).split())


def _plain_table(columns: list[str], cells: list[list[str]], numeric: list[bool], title: str) -> None:
    widths = [max(len(column), *(len(row[i]) for row in cells)) for i, column in enumerate(columns)]
    if title:
        print(title)
    for row in (columns, *cells):
        aligned = [text.rjust(w) if n else text.ljust(w) for text, w, n in zip(row, widths, numeric, strict=True)]
        print("  ".join(aligned).rstrip())


def _rich_table(columns: list[str], cells: list[list[str]], numeric: list[bool], title: str, mark: str | None) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column, number in zip(columns, numeric, strict=True):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row), style="bold green" if row[0] == mark else None)
    Console().print(table)
