"""Folders and files that are written whole or not at all, and refused before any work is done.

What is to come is collected in a hidden folder; only when everything is there does it move to its place.
"""

import errno
import glob
import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from forecast.errors import ConfigError

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where folders are not claimed
    fcntl = None  # type: ignore[assignment]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # faults of the place, whatever is written there

_CLAIMED: dict[tuple[int, int], int] = {}  # folders that this process is in, by device and number: the thread


@contextmanager
def written_whole(folder: Path, *, force: bool, names: Sequence[str]) -> Iterator[Path]:
    """A folder to write into, which becomes ``folder`` at the end of the block; nothing is left if the block fails.

    force: ``folder`` may hold files.  Those called one of ``names`` are replaced or removed, in that order, all others
    stay.  Raises ``ConfigError`` at once where ``folder`` cannot be written or is not empty, and when its disk is full.
    """
    folder = folder.absolute()
    require_free(folder, force=force)
    made = _make_missing(folder.parents, folder)
    place = folder if folder.exists() else folder.parent  # the parent of a folder that is there may be read-only
    _sweep(place, folder.name)
    partial = place / f".{folder.name}-{secrets.token_hex(4)}.part"
    done = False
    try:
        _make(partial, folder)
        with claimed(partial):
            yield partial
        try:
            require_free(folder, force=force)  # another run may have filled it meanwhile
            _move_in(partial, folder, names)
        except OSError as error:
            raise refusal(folder, error) from error
        done = True
    except OSError as error:
        if error.errno in NO_ROOM:
            raise refusal(folder, error) from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if not done:
            _remove_empty(made)


def require_free(folder: Path, *, force: bool, allowed: Sequence[str] = ()) -> None:
    """``ConfigError`` unless ``folder`` is absent, empty but for ``allowed`` names, or to be replaced."""
    try:
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is a file, not a folder", "Name another folder (-o).", file=str(folder))
        if folder.is_dir() and not force and any(not _is_ours(entry, allowed) for entry in folder.iterdir()):
            raise ConfigError(
                f"the output folder {folder} is not empty",
                "Name another (-o), or replace what is in it with force=True (--force).",
                file=str(folder),
            )
    except OSError as error:
        raise refusal(folder, error) from error


def _is_ours(entry: Path, allowed: Sequence[str]) -> bool:
    """Whether it may lie in a free folder: of an ``allowed`` name, or half-written by a process that was killed."""
    return entry.name in allowed or (entry.name.startswith(".") and entry.name.endswith(".part"))


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """See that ``folder`` exists and can be written; what was made for it and is still empty at the end goes again."""
    made = _make_missing([folder, *folder.absolute().parents], folder)
    try:
        _require_writable(folder)
        yield
    finally:
        _remove_empty(made)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep everyone else who claims ``folder`` out of it; ``ConfigError`` where someone is in it already.

    A thread may claim again what it has.  The system gives the claim back when the process ends, however it ends.
    """
    if fcntl is None:
        yield
        return
    handle = _open_folder(folder)
    try:
        found = os.fstat(handle)
        place, me = (found.st_dev, found.st_ino), threading.get_ident()
        if _CLAIMED.get(place) == me:
            yield
            return
        if _lock(handle) is False:
            cause = f"another process is at work in {folder}"
            raise ConfigError(cause, "Wait for it to end, or name another folder (-o).", file=str(folder))
        _CLAIMED[place] = me
        try:
            yield
        finally:
            _CLAIMED.pop(place, None)  # without locks another thread may have had it meanwhile
    finally:
        os.close(handle)


def _lock(handle: int) -> bool | None:
    """Whether nobody else holds the open folder, which is ours now; None where the file system knows no such claims."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _sweep(place: Path, name: str) -> None:
    """Remove what writers of a folder of that name left in ``place`` when they were killed."""
    for left in place.glob(f".{glob.escape(name)}-*.part") if fcntl is not None else ():
        try:
            handle = os.open(left, os.O_RDONLY)
        except OSError:  # not ours to remove, or just gone
            continue
        try:
            if _lock(handle):  # its writer is gone
                shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(handle)


def _open_folder(folder: Path) -> int:
    try:
        return os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise refusal(folder, error) from error


def write_file(path: Path, text: str | bytes) -> None:
    """Write a file as a whole: it is the old one until it is the new one.  ``ConfigError`` where it cannot be."""
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        partial.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.replace(partial, path)
    except OSError as error:
        raise refusal(path, error) from error
    finally:
        if partial.exists():
            partial.unlink()


def write_through(path: Path, data: bytes) -> None:
    """Write a file to the disk itself, not only to the system's memory.  ``OSError`` where that cannot be."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def require_writable_file(path: Path) -> None:
    """``ConfigError`` unless a file of that name can be written, so that no work is done in vain."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder, not a file", "Name a file (-o).", file=str(path))
    if not path.parent.is_dir():
        raise ConfigError(f"the folder {path.parent} does not exist", "Make it, or name another file (-o).")
    _require_writable(path.parent)


def refusal(path: Path, error: OSError) -> ConfigError:
    """The ``ConfigError`` for a file or folder that the system does not let us write."""
    reason = error.strerror or str(error)
    return ConfigError(f"{path} cannot be written: {reason}", "Name another place (-o).", file=str(path))


def _make_missing(folders: Iterable[Path], wanted: Path) -> list[Path]:
    """Make those of ``folders`` (innermost first) that are missing; returns them, outermost first."""
    missing = [folder for folder in folders if not _exists(folder, wanted)][::-1]
    for folder in missing:
        _make(folder, wanted)
    return missing


def _exists(path: Path, wanted: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise refusal(wanted, error) from error


def _make(path: Path, wanted: Path) -> None:
    try:
        path.mkdir()
    except OSError as error:
        raise refusal(wanted, error) from error


def _require_writable(folder: Path) -> None:
    probe = folder / f".{secrets.token_hex(4)}.part"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise refusal(folder, error) from error


def _move_in(partial: Path, folder: Path, names: Sequence[str]) -> None:
    if not folder.exists():
        os.replace(partial, folder)
        return
    for name in names:
        new, old = partial / name, folder / name
        if old.is_dir() and not old.is_symlink():
            os.replace(old, partial / f"{name}.old")
        elif not new.exists() or new.is_dir():
            old.unlink(missing_ok=True)
        if new.exists():
            os.replace(new, old)


def _remove_empty(made: Sequence[Path]) -> None:
    for folder in reversed(made):
        try:
            folder.rmdir()
        except OSError:  # something is in it, so it has a reason to be
            return
