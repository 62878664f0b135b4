"""Packed panels by their source: made once, found again, made anew when the files have changed.

A folder is claimed while a panel is made or opened in it, so that of two processes the second waits and finds what the
first has made.  The claim ends with the process, however it ends.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from forecast.datasets.build import load_panel
from forecast.datasets.named.download import cache_folder
from forecast.datasets.packed.folder import (
    MANIFEST,
    Origin,
    checksum,
    is_packed,
    open_panel,
    read_manifest,
    restamp,
    write_panel,
)
from forecast.datasets.packed.pieces import data_files
from forecast.datasets.packed.spread import pack_files
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Note, Roles, Schema
from forecast.errors import ConfigError, DataError
from forecast.folders import NO_ROOM, made_folder, refusal, require_free

_UNFINISHED = ".part"


def pack(data: Any, folder: str | Path, roles: Roles | None = None, *, force: bool = False) -> Panel:
    """Make a panel on disk of a folder of files (or of anything that ``load_panel`` takes), and open it.

    It is opened by ``load_panel(folder)`` in milliseconds, and its rows are memory-mapped.  In memory is, while it is
    made of a folder, a piece of a file and some series at a time (about 0.3 GB beside the libraries, more where one
    series alone is longer than a million rows) and a few hundred bytes for every series; on disk, until it is done,
    about three times the size of the panel.
    What is made of the same files by the same roles already is only opened.  Written whole or not at all.

    Raises ConfigError where ``folder`` holds something else (``force`` replaces a panel), DataError as ``load_panel``.
    """
    target, roles = Path(folder).expanduser().absolute(), roles or Roles()
    source = Path(data).expanduser().absolute() if isinstance(data, str | Path) else None
    if source is None or not source.is_dir():
        panel = load_panel(data, roles)
        with made_folder(target), _claimed(target):
            require_free(target, force=force and is_packed(target), allowed=_unfinished(target))
            _build(target, lambda partial: write_panel(panel, partial))
            return open_panel(target)
    files = data_files(source)
    with made_folder(target), _claimed(target):
        if is_packed(target) and _is_current(target, _origin(source, files, roles, None)):
            return open_panel(target)
        require_free(target, force=force and is_packed(target), allowed=_unfinished(target))
        _build(target, lambda partial: _pack(source, files, partial, roles, None))
        return open_panel(target)


def load_folder(folder: Path, roles: Roles, *, schema: Schema | None) -> Panel:
    """The panel in a folder, or that of its files, made in the cache where it is not there yet.

    schema: of training, by which the files are to be read, or which the panel must have.
    """
    if is_packed(folder):
        with _claimed(folder):
            panel = open_panel(folder)
        _require_same(panel, roles, schema, folder)
        return panel
    folder = folder.absolute()
    files = data_files(folder)
    origin = _origin(folder, files, roles, schema)
    key = hashlib.sha256(f"{origin.folder}\n{origin.asked}".encode()).hexdigest()[:16]
    entry = cache_folder() / "panels" / f"{folder.name}-{key}"
    try:
        with made_folder(entry), _claimed(entry):
            found = _found(entry, origin)
            if found is None:
                _build(entry, lambda partial: _pack(folder, files, partial, roles, schema))
            panel = found or open_panel(entry)
    except ConfigError as error:
        if not str(error.where.get("file", "")).startswith(str(cache_folder())):
            raise
        remedy = "Name another folder for the cache (FORECAST_CACHE), or pack the files elsewhere (forecast pack)."
        raise ConfigError(error.cause, remedy, **error.where) from error
    made = "made" if found is None else "reused"
    message = f"the files of the folder are a memory-mapped panel in {entry}, {made}"
    return replace(panel, notes=(*panel.notes, Note(topic="layout", message=message, count=len(files))))


def _found(entry: Path, origin: Origin) -> Panel | None:
    """The panel in the cache if it is whole and of the files as they are now."""
    try:
        return open_panel(entry) if is_packed(entry) and _is_current(entry, origin) else None
    except DataError:  # cut short, edited or of a newer version: it is made anew
        return None


def _pack(source: Path, files: list[Path], partial: Path, roles: Roles, schema: Schema | None) -> None:
    origin = _origin(source, files, roles, schema)
    pack_files(files, partial, roles=roles, schema=schema, origin=origin)
    sums = tuple({**record, "sha256": checksum(path)} for record, path in zip(origin.files, files, strict=True))
    if _origin(source, files, roles, schema) != origin:
        raise DataError(f"files in {source} changed while they were read", "Run it again.", file=str(source))
    restamp(partial, replace(origin, files=sums))


# ---------------------------------------------------------------------- the same source or another


def _origin(folder: Path, files: list[Path], roles: Roles, schema: Schema | None) -> Origin:
    """The files as they are now, without their checksums."""
    found = [(path.relative_to(folder), path.stat()) for path in files]
    records = tuple({"name": str(name), "bytes": s.st_size, "changed": s.st_mtime_ns} for name, s in found)
    asked = {"roles": asdict(roles), "schema": None if schema is None else asdict(schema)}
    return Origin(folder=str(folder), files=records, asked=json.dumps(asked, sort_keys=True))


def _is_current(packed: Path, origin: Origin) -> bool:
    """Whether a panel was made of these files; where only times have changed, the checksums decide."""
    stated = read_manifest(packed)["origin"]
    before = {record["name"]: record for record in stated["files"]}
    if stated["asked"] != origin.asked or before.keys() != {record["name"] for record in origin.files}:
        return False
    if any(before[record["name"]]["bytes"] != record["bytes"] for record in origin.files):
        return False
    moved = [record["name"] for record in origin.files if before[record["name"]]["changed"] != record["changed"]]
    if any(checksum(Path(origin.folder) / name) != before[name]["sha256"] for name in moved):
        return False
    if moved:  # the next one need not read them all
        sums = tuple({**record, "sha256": before[record["name"]]["sha256"]} for record in origin.files)
        try:
            restamp(packed, replace(origin, files=sums))
        except OSError:
            pass
    return True


def _require_same(panel: Panel, roles: Roles, schema: Schema | None, folder: Path) -> None:
    """Refuse roles that the packed panel does not have."""
    own = panel.schema
    if schema is not None:
        names = [f.name for f in fields(Schema) if f.name not in ("shape", "indexed", "ignored", "timezone")]
        differ = [name for name in names if getattr(own, name) != getattr(schema, name)]
        if differ:
            cause = f"the panel in {folder} was packed with another {differ[0]} than the forecaster was trained with"
            raise DataError(cause, "Give the folder of files that it was packed from.", file=str(folder))
        return
    covariates = {name: (*getattr(own, name), *getattr(own, f"{name}_codes")) for name in ("past", "future", "static")}
    packed = {"time": own.time, "id": own.id, "target": own.target, "freq": own.freq, "timezone": own.timezone}
    for name, value in {**packed, **covariates}.items():
        asked = getattr(roles, name)
        asked = (asked,) if name == "target" and isinstance(asked, str) else asked
        if asked and (set(asked) != set(value or ()) if isinstance(value, tuple) else asked != value):
            raise ConfigError(
                f"{name}={asked!r}, but the panel in {folder} was packed with {value!r}",
                "Leave it out, or pack the files again with it.",
                name=name,
            )


# ---------------------------------------------------------------------- whole or not at all


def _build(folder: Path, write: Callable[[Path], None]) -> None:
    """Have a panel written beside what is in the folder, and move it in; the description goes first and comes last."""
    for left in _unfinished(folder):
        shutil.rmtree(folder / left, ignore_errors=True)
    partial = folder / f".{secrets.token_hex(4)}{_UNFINISHED}"
    try:
        partial.mkdir()
        write(partial)
        (folder / MANIFEST).unlink(missing_ok=True)
        names = sorted(os.listdir(partial), key=lambda name: name == MANIFEST)
        for name in names:
            os.replace(partial / name, folder / name)
        _sync(folder)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise refusal(folder, error) from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _unfinished(folder: Path) -> list[str]:
    """What processes that were killed have left in a folder that is ours now."""
    return [name for name in os.listdir(folder) if name.startswith(".") and name.endswith(_UNFINISHED)]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # a file system without it
        pass
    finally:
        os.close(handle)


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Wait until no other process is at work in ``folder``, and keep them out; it is made where one took it away."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        yield
        return
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError:  # a file system without such claims
                pass
            if folder.exists() and os.path.samestat(os.fstat(handle), os.stat(folder)):
                yield
                return
        finally:
            os.close(handle)
