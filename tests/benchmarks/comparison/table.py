"""The figures as Markdown: all of them, or one summary table with a column per contender, for the README."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from comparison.context import LABELS, Results

OPEN = "<!-- comparison: written by `python tests/benchmarks/compare.py --markdown README.md` -->"
CLOSE = "<!-- /comparison -->"
OURS = LABELS["ours"]
Row = Sequence[str]
Record = dict[str, Any]


def write(path: Path, results: Results) -> None:
    """The summary between the marks of a file that has them; else all tables, as the whole file."""
    before = path.read_text() if path.exists() else ""
    if OPEN not in before:
        path.write_text(full(results) + "\n")
        return
    marked = f"{OPEN}\n\n{summary(results)}\n\n{CLOSE}"
    path.write_text(re.sub(f"{re.escape(OPEN)}.*{re.escape(CLOSE)}", lambda _: marked, before, flags=re.S))


def full(results: Results) -> str:
    """All tables for which there are figures."""
    parts = [*_errors(results.of("accuracy")), _training(results.of("training")), _seconds(results), _versions(results)]
    return "\n\n".join(part for part in parts if part)


def summary(results: Results) -> str:
    """One table: a row per measure, a column per contender; of several models or settings of one, its best."""
    rows = [*_error_rows(results.of("accuracy")), *_training_rows(results.of("training")), *_second_rows(results)]
    columns = [label for label in LABELS.values() if any(label in cells for _, cells in rows)]
    lines = [(measure, *(cells.get(column, "") for column in columns)) for measure, cells in rows]
    return f"{_table(('', *columns), lines)}\n\n{_versions(results)}" if rows else ""


# ---------------------------------------------------------------- test errors


def _errors(records: list[Record]) -> Iterable[str]:
    """Who reached which error when, best first, and when seqcast was there."""
    for task, of_task in _by_measure(records):
        of_task.sort(key=lambda record: record["error"])
        rows = [
            (r["contender"], f"{r['error']:.3f}", f"{r['seconds']:.0f} s", "" if _is(r, OURS) else _reached(of_task, r))
            for r in of_task
        ]
        yield _table((task, f"test {of_task[0]['measured']}", "fit", f"{OURS} is there after"), rows)


def _error_rows(records: list[Record]) -> Iterable[tuple[str, dict[str, str]]]:
    for task, of_task in _by_measure(records):
        best, reached = {}, {}
        for label in LABELS.values():
            own = [record for record in of_task if _is(record, label)]
            if own:
                record = min(own, key=lambda record: record["error"])
                model = record["contender"].removeprefix(label).split()[0]
                best[label] = f"{record['error']:.3f} in {record['seconds']:.0f} s ({model})"
                reached[label] = "" if label == OURS else _reached(of_task, record)
        yield f"{task}: test {of_task[0]['measured']}", best
        yield f"… which {OURS} reaches after", reached


def _reached(records: list[Record], rival: Record) -> str:
    """Seconds of the shortest fit of seqcast that is at least as good."""
    seconds = [record["seconds"] for record in records if _is(record, OURS) and record["error"] <= rival["error"]]
    return f"{min(seconds):.0f} s" if seconds else "–"


def _is(record: Record, label: str) -> bool:
    """Whether a record, whose contender is named by label and model, is of that contender."""
    return bool(record["contender"].startswith(label + " "))


# ---------------------------------------------------------------- training speed


def _training(records: list[Record]) -> str:
    """Windows per second and the ratio to the floor run right after."""
    measures = _unique(record["measure"] for record in records)
    cells = {(r["contender"], r["measure"]): f"{r['rate']:,.0f} ({r['ratio']:.2f})" for r in records}
    rows = [
        (contender, *(cells.get((contender, measure), "") for measure in measures))
        for contender in _unique(record["contender"] for record in records)
    ]
    return _table(("windows/s trained (ratio to bare torch)", *measures), rows) if rows else ""


def _training_rows(records: list[Record]) -> Iterable[tuple[str, dict[str, str]]]:
    """As installed; one origin per pass for everybody, then the number of origins that trains the most windows."""
    for measure, of_measure in _by_measure(r for r in records if r["measure"].endswith("as installed")):
        data = measure.removesuffix(", as installed")
        forked = [r for r in of_measure if r["contender"].startswith(f"{OURS} ×") and r["contender"] != f"{OURS} × 1"]
        cells = {}
        for record in sorted((r for r in of_measure if r not in forked), key=lambda r: r["ratio"]):
            cells[re.split(",| × ", record["contender"])[0]] = f"{record['ratio']:.2f}"
        yield f"windows/s trained, × bare torch; {data}", {LABELS["floor"]: "1"} | cells
        if forked:
            most = max(forked, key=lambda r: r["ratio"])
            origins = most["contender"].removeprefix(f"{OURS} × ")
            yield f"… with {origins} origins per pass", {OURS: f"{most['ratio']:.0f}"}


# ---------------------------------------------------------------- seconds


def _seconds(results: Results) -> str:
    rows = list(_second_rows(results))
    columns = [label for label in LABELS.values() if any(label in cells for _, cells in rows)]
    lines = [(measure, *(cells.get(column, "") for column in columns)) for measure, cells in rows]
    return _table(("", *columns), lines) if rows else ""


def _second_rows(results: Results) -> Iterable[tuple[str, dict[str, str]]]:
    for section in ("prediction", "first step", "smallest"):
        for measure, of_measure in _by_measure(results.of(section)):
            yield measure, {record["contender"]: _cell(record) for record in of_measure}


def _cell(record: Record) -> str:
    seconds = record["seconds"]
    shown = f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    if "peak" in record:
        return f"{shown}, {record['peak'] / 1024:.1f} GB"
    return f"{shown}, {record['lines']} printed" if "lines" in record else shown


# ---------------------------------------------------------------- shared


def _versions(results: Results) -> str:
    records = results.of("versions")
    stated = sorted({part for r in records for part in r["stated"].split(", ") if not part.startswith("machine")})
    threads = sorted({r["threads"] for r in records})
    loads = [r["load"] for r in results.records.values()]
    if not stated:
        return ""
    return f"*{', '.join(stated)}; threads: {', '.join(map(str, threads))}; load {min(loads)} to {max(loads)}.*"


def _by_measure(records: Iterable[Record]) -> Iterable[tuple[str, list[Record]]]:
    records = list(records)
    for measure in _unique(record["measure"] for record in records):
        yield measure, [record for record in records if record["measure"] == measure]


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
