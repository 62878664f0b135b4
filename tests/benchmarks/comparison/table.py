"""The figures as Markdown, and their place in a file between two marks."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from comparison.context import LABELS, Results

OPEN = "<!-- comparison: written by `python tests/benchmarks/compare.py --markdown FILE` -->"
CLOSE = "<!-- /comparison -->"
Row = Sequence[str]


def markdown(results: Results) -> str:
    """All tables for which there are figures."""
    parts = [
        _accuracy(results.of("accuracy")),
        _training(results.of("training")),
        _seconds(results),
        _versions(results),
    ]
    return "\n\n".join(part for part in parts if part)


def write(path: Path, text: str) -> None:
    """Between the marks where the file has them; else the file is this text."""
    marked = f"{OPEN}\n\n{text}\n\n{CLOSE}"
    before = path.read_text() if path.exists() else ""
    if OPEN in before and CLOSE in before:
        marked = re.sub(f"{re.escape(OPEN)}.*{re.escape(CLOSE)}", lambda _: marked, before, flags=re.S)
    path.write_text(marked if before else marked + "\n")


def _accuracy(records: list[dict[str, Any]]) -> str:
    """Who reached which error when, best first, and when seqcast was there."""
    blocks = []
    for task in _unique(record["measure"] for record in records):
        of_task = sorted((r for r in records if r["measure"] == task), key=lambda r: r["error"])
        ours = [r for r in of_task if r["contender"].startswith(LABELS["ours"])]
        measured = of_task[0]["measured"]
        rows = []
        for record in of_task:
            reached = [r["seconds"] for r in ours if r["error"] <= record["error"]]
            when = f"{min(reached):.0f} s" if reached and record not in ours else ""
            rows.append((record["contender"], f"{record['error']:.3f}", f"{record['seconds']:.0f} s", when))
        head = (task, f"test {measured}", "fit", f"{LABELS['ours']} is there after")
        blocks.append(_table(head, rows))
    return "\n\n".join(blocks)


def _training(records: list[dict[str, Any]]) -> str:
    """Windows per second and the ratio to the floor run right after; of a rival's variants the fastest."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records:
        key = (record["contender"].split(",")[0], record["measure"])
        if key not in best or record["ratio"] > best[key]["ratio"]:
            best[key] = record
    measures = _unique(record["measure"] for record in records)
    rows = []
    for contender in _unique(name for name, _ in best):
        cells = [best.get((contender, measure)) for measure in measures]
        rows.append((contender, *(f"{c['rate']:,.0f} ({c['ratio']:.2f})" if c else "" for c in cells)))
    return _table(("windows/s trained (ratio to bare torch)", *measures), rows) if rows else ""


def _seconds(results: Results) -> str:
    """One row per measure, one column per contender."""
    records = [r for section in ("prediction", "first step", "smallest") for r in results.of(section)]
    columns = [label for label in LABELS.values() if any(r["contender"] == label for r in records)]
    rows = []
    for measure in _unique(record["measure"] for record in records):
        cells = {r["contender"]: _cell(r) for r in records if r["measure"] == measure}
        rows.append((measure, *(cells.get(column, "") for column in columns)))
    return _table(("seconds", *columns), rows) if rows else ""


def _cell(record: dict[str, Any]) -> str:
    seconds = f"{record['seconds']:.3f}" if record["seconds"] < 1 else f"{record['seconds']:.1f}"
    if "peak" in record:
        return f"{seconds} / {record['peak'] / 1024:.1f} GB"
    return f"{seconds} / {record['lines']} lines" if "lines" in record else seconds


def _versions(results: Results) -> str:
    records = results.of("versions")
    stated = sorted({part for r in records for part in r["stated"].split(", ") if not part.startswith("machine")})
    threads = sorted({r["threads"] for r in records})
    loads = [r["load"] for r in results.records.values()]
    if not stated:
        return ""
    return f"*{', '.join(stated)}; threads: {', '.join(map(str, threads))}; load {min(loads)} to {max(loads)}.*"


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
