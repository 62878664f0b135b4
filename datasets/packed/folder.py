"""A panel as a folder of plain arrays, which are memory-mapped where they have a row per step.

``panel.json`` describes the others and is written last: without it the folder holds no panel.  It records the size, the
time of the last change and the SHA-256 of every file, and a SHA-256 of itself.  An array is taken as whole while size
and time are as recorded; where the time is another, as in a copy, the checksum decides.

Dimension key: S series, N rows of all series together, C channels.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.checks import observed_steps
from forecast.datasets.fingerprint import fingerprint
from forecast.datasets.inputs import future_moments, past_moments
from forecast.datasets.panel import Panel
from forecast.datasets.scaling import blocks, series_statistics
from forecast.datasets.schema import Note, Schema
from forecast.datasets.stored import Moments, Stored
from forecast.datasets.timeline import Timeline
from forecast.errors import DataError
from forecast.plain import as_tuples

FORMAT = 1
MANIFEST, IDS = "panel.json", "ids.json"
ROWS = ("target", "past", "future", "past_codes", "future_codes")  # a row per step: memory-mapped
SERIES = ("starts", "offsets", "ends", "static", "static_codes", "steps", "count", "base", "mean", "squares")
_AGAIN = "Pack it again from its source (forecast pack, forecast.datasets.pack)."


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a panel was packed from.  files: name, size, time of the last change and SHA-256 of each.

    asked: the roles, or the schema of a forecaster, by which they were read.
    """

    folder: str = ""
    files: tuple[Mapping[str, Any], ...] = ()
    asked: str = ""


class Writer:
    """Writes a panel to a folder, some series at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, IO[bytes]] = {name: open(folder / f"{name}.bin", "wb") for name in ROWS}
        self.digests = {name: hashlib.sha256() for name in ROWS}
        self.shapes: dict[str, tuple[str, list[int]]] = {}
        self.parts: dict[str, list[NDArray[Any]]] = {name: [] for name in SERIES if name != "offsets"}
        self.lengths: list[NDArray[Any]] = []
        self.ids: list[pd.Index] = []
        self.past, self.future = Moments(), Moments()

    def close(self) -> None:
        """Close the files, whether or not the panel is whole."""
        for file in self.files.values():
            file.close()

    def add(self, panel: Panel) -> None:
        """The next series, in memory."""
        for name in ROWS:
            array = np.ascontiguousarray(getattr(panel, name))
            dtype, (rows, *rest) = self.shapes.get(name, (array.dtype.str, [0, *array.shape[1:]]))
            assert dtype == array.dtype.str and rest == list(array.shape[1:])
            self.shapes[name] = dtype, [rows + len(array), *rest]
            if array.size:
                self.files[name].write(array.data)
                self.digests[name].update(array.data)
        found = series_statistics(panel)
        here = {**vars(found), **{name: getattr(panel, name) for name in ("starts", "ends", "static", "static_codes")}}
        for name, part in {**here, "steps": observed_steps(panel)}.items():
            self.parts[name].append(part)
        self.lengths.append(panel.lengths)
        self.ids.append(panel.ids)
        self.past, self.future = self.past.joined(past_moments(panel)), self.future.joined(future_moments(panel))

    def finish(self, *, schema: Schema, timeline: Timeline, notes: tuple[Note, ...], origin: Origin) -> None:
        """Write what is left, and the description last of all."""
        records: dict[str, dict[str, Any]] = {}
        for name, file in self.files.items():
            file.flush()
            os.fsync(file.fileno())
            file.close()
            dtype, shape = self.shapes[name]
            records[name] = _record(self.folder / f"{name}.bin", dtype, shape, self.digests[name].hexdigest())
        arrays = {name: np.concatenate(parts) for name, parts in self.parts.items()}
        arrays["offsets"] = np.concatenate([[0], np.concatenate(self.lengths).cumsum()])
        for name in SERIES:
            array = np.ascontiguousarray(arrays[name])
            digest = _write(self.folder / f"{name}.bin", array.tobytes())
            records[name] = _record(self.folder / f"{name}.bin", array.dtype.str, list(array.shape), digest)
        digest = _write(self.folder / IDS, json.dumps(_pack_ids(self.ids)).encode())
        content = {
            "schema": asdict(schema),
            "timeline": timeline.to_json(),
            "notes": [asdict(note) for note in notes],
            "past": asdict(self.past),
            "future": asdict(self.future),
            "origin": asdict(origin),
            "arrays": records,
            "ids": _record(self.folder / IDS, "", [], digest),
            "fingerprint": "",
        }
        content["fingerprint"] = fingerprint(_panel(self.folder, content))
        _write_manifest(self.folder, content)


def write_panel(panel: Panel, folder: Path, *, origin: Origin | None = None) -> None:
    """A panel in memory as the files of a folder that exists."""
    require_grid(panel.timeline)
    writer = Writer(folder)
    try:
        for first, last in blocks(panel.offsets):
            writer.add(panel.between(first, last))
        writer.finish(schema=panel.schema, timeline=panel.timeline, notes=panel.notes, origin=origin or Origin())
    finally:
        writer.close()


def restamp(folder: Path, origin: Origin) -> None:
    """Record anew what a panel was packed from."""
    _write_manifest(folder, {**read_manifest(folder), "origin": asdict(origin)})


def _write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    document = {"format": FORMAT, "sha256": _of_json(content), "content": content}
    partial = folder / f".{MANIFEST}"
    _write(partial, json.dumps(document, indent=1).encode())
    os.replace(partial, folder / MANIFEST)


def require_grid(timeline: Timeline) -> None:
    """``DataError`` for a panel that keeps a time with each of its rows."""
    if timeline.freq == "rows":
        raise DataError(
            'freq="rows" keeps a time with each row, which a panel on disk has no place for',
            "Name a frequency, or give the data as one file or frame.",
        )


def is_packed(folder: Path) -> bool:
    """Whether the folder holds a panel, whole or not."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The description of a panel; ``DataError`` where it is damaged or of a newer format."""
    try:
        document = json.loads((folder / MANIFEST).read_bytes())
        made, content = int(document["format"]), dict(document["content"])
        stated = str(document["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(folder / MANIFEST, f"is no description of a panel: {error}") from error
    if made > FORMAT:
        cause = f"{folder} was packed by a newer version (format {made}, this one reads up to {FORMAT})"
        raise DataError(cause, "Install that version, or pack it again.", file=str(folder))
    if _of_json(content) != stated:
        raise _damaged(folder / MANIFEST, "was edited")
    return content


def open_panel(folder: Path) -> Panel:
    """The panel in a folder, its rows memory-mapped.

    Raises DataError, naming the file, for one that is missing, cut short or edited.
    """
    content = read_manifest(folder)
    for name, record in {**content["arrays"], "ids": content["ids"]}.items():
        _check(folder / (IDS if name == "ids" else f"{name}.bin"), record, thorough=name not in ROWS)
    return _panel(folder, content)


def _panel(folder: Path, content: Mapping[str, Any]) -> Panel:
    arrays: dict[str, Any] = {name: _load(folder, name, content["arrays"][name]) for name in (*ROWS, *SERIES)}
    stored = Stored(
        folder=folder,
        arrays={name: arrays[name] for name in ROWS},
        **{name: arrays[name] for name in ("ends", "steps", "count", "base", "mean", "squares")},
        past=Moments(**as_tuples_in(content["past"])),
        future=Moments(**as_tuples_in(content["future"])),
        fingerprint=content["fingerprint"],
    )
    schema = as_tuples_in(content["schema"])
    schema["categories"] = as_tuples_in(schema["categories"])
    return Panel(
        schema=Schema(**schema),
        timeline=Timeline.from_json(content["timeline"]),
        ids=_unpack_ids(json.loads((folder / IDS).read_bytes())),
        notes=tuple(Note(**as_tuples_in(note)) for note in content["notes"]),
        stored=stored,
        **{name: arrays[name] for name in (*ROWS, "starts", "offsets", "ends", "static", "static_codes")},
    )


def as_tuples_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a JSON object with tuples for lists."""
    return {name: as_tuples(value) for name, value in values.items()}


def _load(folder: Path, name: str, record: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape, path = np.dtype(record["dtype"]), tuple(record["shape"]), folder / f"{name}.bin"
    if not np.prod(shape):
        return np.zeros(shape, dtype)
    if name in ROWS:
        return np.memmap(path, dtype=dtype, mode="r", shape=shape)
    return np.fromfile(path, dtype).reshape(shape)


def _pack_ids(parts: list[pd.Index]) -> dict[str, Any]:
    ids = parts[0].append(parts[1:]) if len(parts) > 1 else parts[0]
    ids = ids.astype(ids.categories.dtype) if isinstance(ids, pd.CategoricalIndex) else ids
    if not all(type(value) in (str, int, float, bool) for value in ids.tolist()):
        raise DataError("the ids of the series are neither text nor numbers", "Write them as text.")
    return {"dtype": str(ids.dtype), "name": ids.name, "values": ids.tolist()}


def _unpack_ids(values: Mapping[str, Any]) -> pd.Index:
    ids: pd.Index = pd.Index(values["values"], dtype=values["dtype"], name=values["name"])
    return ids


# ---------------------------------------------------------------------- whole or not


def _write(path: Path, data: bytes) -> str:
    """Write a file and see that it is on the disk; its checksum."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(data).hexdigest()


def _record(path: Path, dtype: str, shape: list[int], digest: str) -> dict[str, Any]:
    found = path.stat()
    return {"dtype": dtype, "shape": shape, "bytes": found.st_size, "changed": found.st_mtime_ns, "sha256": digest}


def _check(path: Path, record: Mapping[str, Any], *, thorough: bool) -> None:
    try:
        found = path.stat()
    except OSError as error:
        raise _damaged(path, f"cannot be read: {error.strerror}") from error
    if found.st_size != record["bytes"]:
        change = "was cut short" if found.st_size < record["bytes"] else "was added to"
        raise _damaged(path, f"{change}: it has {found.st_size:,} bytes, {record['bytes']:,} were written")
    same = found.st_mtime_ns == record["changed"]
    if same and not thorough:
        return
    if checksum(path) != record["sha256"]:
        raise _damaged(path, "was edited: its checksum is another")
    if not same:  # a copy: the next one to open it need not read it all
        try:
            os.utime(path, ns=(found.st_atime_ns, record["changed"]))
        except OSError:
            pass


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_json(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"{path} {what}", _AGAIN, file=str(path))
