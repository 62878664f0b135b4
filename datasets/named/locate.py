"""Find the files of a public data set: in the user's folder, in the cache, or at the address that the user names.

``FORECAST_DATA``: a folder that is searched at any depth.  ``FORECAST_MIRROR``: a base address (http, https or file).
``FORECAST_CACHE``: where downloads are kept.
"""

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from forecast.datasets.named.download import NotThere, cache_folder, check_cached, fetch, keep_copy
from forecast.datasets.named.entry import DatasetEntry, PublicFile
from forecast.errors import ConfigError, DataError

Places = dict[str, list[Path]]  # file name -> where it lies, nearest to the top first


@dataclass(frozen=True)
class Availability:
    """Whether a data set can be loaded here (``bool(...)``), and from where or why not."""

    ok: bool
    why: str

    def __bool__(self) -> bool:
        return self.ok


def locate(entry: DatasetEntry) -> tuple[Path, ...]:
    """One path per file of the entry, downloading what is not on this machine.  Raises ``DataError``."""
    folder = _data_folder()
    mirror = _mirror()
    found = _choose(entry.files, _places(folder, entry.files)) if folder else ()
    if len(found) == len(entry.files):
        return found
    cached = [_cached(entry, file) for file in entry.files]
    if not mirror and not all(cached):
        raise _not_here(entry, folder)
    return tuple(
        path or _from_mirror(mirror or "", entry, file) for path, file in zip(cached, entry.files, strict=True)
    )


def availability(entries: Iterable[DatasetEntry]) -> dict[str, Availability]:
    """For every entry by name whether ``load_dataset`` can load it here.  Asks no mirror."""
    entries = list(entries)
    try:
        folder, mirror = _data_folder(), _mirror()
    except (ConfigError, DataError) as error:
        return {e.name: Availability(not e.files, error.cause if e.files else "built in") for e in entries}
    places = _places(folder, [file for entry in entries for file in entry.files]) if folder else {}
    return {entry.name: _available(entry, folder, places, mirror) for entry in entries}


def _available(entry: DatasetEntry, folder: Path | None, places: Places, mirror: str | None) -> Availability:
    if not entry.files:
        return Availability(True, "built in")
    found = _choose(entry.files, places)
    if len(found) == len(entry.files):
        return Availability(True, f"in {found[0].parent}")
    if all(_cached(entry, file, check=False) for file in entry.files):
        return Availability(True, f"in {cache_folder() / entry.name}")
    if mirror:
        return Availability(True, f"to be downloaded from {mirror}")
    return Availability(False, _not_here(entry, folder).cause)


def _data_folder() -> Path | None:
    named = os.environ.get("FORECAST_DATA")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataError(f"FORECAST_DATA names {named!r}, which is no folder", "Name a folder that exists.", file=named)
    return folder


def _mirror() -> str | None:
    address = os.environ.get("FORECAST_MIRROR")
    if address and urlsplit(address).scheme not in ("http", "https", "file"):
        remedy = "Give a base address that begins with https://, http:// or file://."
        raise ConfigError(f"FORECAST_MIRROR={address!r} is no address that files can be fetched from", remedy)
    return address or None


def _not_here(entry: DatasetEntry, folder: Path | None) -> DataError:
    """The error that names what was looked for and the two ways to provide it."""
    wanted = " and ".join(file.name for file in entry.files) + " (also as .gz or .zip)"
    if folder is None:
        cause = f"data set {entry.name!r} needs files that do not come with this package: {wanted}"
    else:
        cause = f"data set {entry.name!r} is not in {folder} (FORECAST_DATA), searched at any depth for: {wanted}"
    remedy = (
        "Put it into a folder named by FORECAST_DATA, or name a base address to download it from in FORECAST_MIRROR."
    )
    return DataError(cause, remedy, name=entry.name)


def _places(folder: Path, files: Iterable[PublicFile]) -> Places:
    """Every file below ``folder`` that has a wanted name.  Follows links, but enters no folder twice."""
    wanted = {name for file in files for name in file.forms}
    places: Places = {}
    entered: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        folders[:] = () if real in entered else sorted(name for name in folders if not name.startswith("."))
        if real not in entered:
            for name in wanted.intersection(names):
                places.setdefault(name, []).append(Path(where, name))
        entered.add(real)
    for paths in places.values():
        paths.sort(key=lambda path: (len(path.parts), str(path)))
    return places


def _choose(files: Iterable[PublicFile], places: Places) -> tuple[Path, ...]:
    """One path per file; files that lie together in one folder are taken together.  () if one is missing."""
    choices = [[path for path in _candidates(file, places) if _is_it(path, file)] for file in files]
    if not choices or not all(choices):
        return ()
    together = set.intersection(*({path.parent for path in paths} for paths in choices))
    return tuple(next((path for path in paths if path.parent in together), paths[0]) for paths in choices)


def _candidates(file: PublicFile, places: Places) -> Iterator[Path]:
    for name in file.forms:
        yield from places.get(name, ())


def _is_it(path: Path, file: PublicFile) -> bool:
    """Whether the first line holds the file's marker; a file that cannot be read is left to the reader's error."""
    try:
        return file.marker in _first_line(path)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        return True


def _first_line(path: Path) -> str:
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            head = file.read(4096)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
            head = member.read(4096)
    else:
        with path.open("rb") as plain:
            head = plain.read(4096)
    return head.decode("latin-1").splitlines()[0] if head else ""


def _cached(entry: DatasetEntry, file: PublicFile, *, check: bool = True) -> Path | None:
    """The file as downloaded before, checked against its checksum."""
    known = dict(file.sha256)
    for name in file.forms:
        path = cache_folder() / entry.name / name
        if path.is_file():
            return check_cached(path, sha256=known.get(name)) if check else path
    return None


def _from_mirror(mirror: str, entry: DatasetEntry, file: PublicFile) -> Path:
    """Download the first form of the file that the mirror has, at its top or in a folder where publishers put it."""
    known = dict(file.sha256)
    target = cache_folder() / entry.name
    if urlsplit(mirror).scheme == "file":
        return _copied(Path(url2pathname(urlsplit(mirror).path)), target, file)
    for folder in ("", *file.folders):
        for name in file.forms:
            url = "/".join([mirror.rstrip("/"), *(quote(part) for part in (folder, name) if part)])
            try:
                return fetch(url, target / name, sha256=known.get(name))
            except NotThere:
                continue
    looked = ", ".join(file.forms)
    where = " or ".join(repr(folder) for folder in file.folders)
    remedy = f"Put one of them at the top of the address{' or in ' + where if where else ''}, or set FORECAST_DATA."
    raise DataError(f"data set {entry.name!r} is not at {mirror} (FORECAST_MIRROR): looked for {looked}", remedy)


def _copied(folder: Path, target: Path, file: PublicFile) -> Path:
    """A ``file://`` mirror is searched at any depth like FORECAST_DATA, then copied whole or not at all."""
    if not folder.is_dir():
        raise DataError(
            f"FORECAST_MIRROR names {folder}, which is no folder", "Name a folder that exists.", file=str(folder)
        )
    found = _choose([file], _places(folder, [file]))
    if not found:
        looked = ", ".join(file.forms)
        remedy = "Put one of them into that folder, or set FORECAST_DATA."
        raise DataError(f"nothing below {folder} (FORECAST_MIRROR) is named {looked}", remedy, file=str(folder))
    return keep_copy(found[0], target / found[0].name, sha256=dict(file.sha256).get(found[0].name))
