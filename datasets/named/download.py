"""Fetch one file whole or not at all: resumed where it broke off, checked, and renamed only when complete.

Beside a cached file ``NAME`` lie ``NAME.sha256`` (its checksum as first seen, checked at every later use) and, while a
transfer is unfinished, ``NAME.part`` with ``NAME.part.mark`` (tag and size of the version that is being fetched).
"""

import hashlib
import json
import os
import re
import shutil
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from forecast.errors import DataError

_BLOCK = 1 << 20
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # answers that another try may change


class NotThere(DataError):
    """The server has no file at this address (404 or 410)."""


def cache_folder() -> Path:
    """Where downloads are kept: ``FORECAST_CACHE``, else this platform's place for a user's caches."""
    named = os.environ.get("FORECAST_CACHE")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "seqcast" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "seqcast"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqcast"


def checksum(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_cached(path: Path, *, sha256: str | None = None) -> Path:
    """The cached file itself, if it is still what was once fetched; ``DataError`` if not."""
    expected = sha256 or _recorded(path)
    if expected is not None and checksum(path) != expected:
        raise DataError(f"{path} has changed since it was downloaded", "Delete it to download it anew.", file=str(path))
    return path


def fetch(
    url: str, target: Path, *, sha256: str | None = None, attempts: int = 4, pause: float = 0.5, timeout: float = 30.0
) -> Path:
    """Download ``url`` (http or https) to ``target`` and return it.

    sha256: the checksum it must have; without one, that recorded at an earlier download of the same file.
    attempts, pause, timeout: tries, seconds before the second one (doubled each time), seconds of silence allowed.
    Raises ``NotThere`` when the server does not have it and ``DataError`` when it cannot be had whole and right; what
    has arrived is kept, and the next call goes on from there.
    """
    expected = sha256 or _recorded(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _part_file(target) as part:
            transfer = _Transfer(url, part, attempts=attempts, pause=pause, timeout=timeout)
            found = transfer.run(expected)
            os.replace(part, target)
            transfer.mark.unlink(missing_ok=True)
        _beside(target, ".sha256").write_text(found + "\n")
    except OSError as error:
        raise _not_kept(target, error) from error
    return target


def keep_copy(source: Path, target: Path, *, sha256: str | None = None) -> Path:
    """As ``fetch`` for a file of this machine: copied whole or not at all, and checked."""
    expected = sha256 or _recorded(target)
    part = _beside(target, f".part-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part)
        found = checksum(part)
        if expected not in (None, found):
            raise _wrong(str(source), found, expected)
        os.replace(part, target)
        _beside(target, ".sha256").write_text(found + "\n")
    except OSError as error:
        raise _not_kept(target, error) from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _not_kept(target: Path, error: OSError) -> DataError:
    cause = f"{target} cannot be written: {error.strerror or error}"
    return DataError(cause, "Name a folder with room that you may write to in FORECAST_CACHE.", file=str(target))


def _wrong(source: str, found: str, expected: str | None) -> DataError:
    return DataError(
        f"{source} has the wrong checksum (SHA-256 {found}, expected {expected})",
        "The mirror holds another or a damaged version of this file: use another one, "
        "or put the file into a folder and name that in FORECAST_DATA.",
        file=source,
        value=found,
    )


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _recorded(path: Path) -> str | None:
    record = _beside(path, ".sha256")
    return record.read_text().strip() if record.exists() else None


@contextmanager
def _part_file(target: Path) -> Iterator[Path]:
    """The part file that this process alone writes; a private one, not resumed, while another process writes it."""
    part = _beside(target, ".part")
    with part.open("ab") as held:
        try:
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows: there, a file that another process writes cannot be replaced anyway
            pass
        except OSError:
            part = _beside(target, f".part-{os.getpid()}")
            part.touch()
        private = part != _beside(target, ".part")
        try:
            yield part
        finally:
            if part.exists() and (private or not part.stat().st_size):
                part.unlink()
                _beside(part, ".mark").unlink(missing_ok=True)


@dataclass(frozen=True)
class _Transfer:
    """One file on its way into its part file."""

    url: str
    part: Path
    attempts: int
    pause: float
    timeout: float

    @property
    def mark(self) -> Path:
        """What the server said of the version being fetched: its tag and its size."""
        return _beside(self.part, ".mark")

    def run(self, expected: str | None) -> str:
        """Fill the part file and return its checksum.  Wrong bytes are thrown away: going on from them cannot help."""
        resumed = self.part.stat().st_size > 0
        self._fill()
        found = checksum(self.part)
        if resumed and expected not in (None, found):  # the beginning may come from another version
            os.truncate(self.part, 0)
            self._fill()
            found = checksum(self.part)
        if expected in (None, found):
            return found
        os.truncate(self.part, 0)
        raise _wrong(self.url, found, expected)

    def _fill(self) -> None:
        """Try until the part file is whole; raises and leaves what has arrived."""
        fault = ""
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                if self._request():
                    return
                fault = f"it broke off after {self.part.stat().st_size} bytes"
            except HTTPError as error:
                with error:
                    self._refuse(error)
                    fault = f"{error.code} {error.reason}"
            except (URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
                fault = str(getattr(error, "reason", "") or error or type(error).__name__)
        raise DataError(
            f"{self.url} could not be downloaded in {self.attempts} tries: {fault}",
            "Check the network and the address in FORECAST_MIRROR, then try again: it goes on where it stopped.",
            file=self.url,
        )

    def _refuse(self, error: HTTPError) -> None:
        """Raise for an answer that another try would not change."""
        if error.code in (404, 410):
            raise NotThere(f"{self.url} does not exist ({error.code})", file=self.url) from error
        if error.code not in _PASSING:
            cause = f"{self.url} was refused: {error.code} {error.reason}"
            raise DataError(cause, "Check the address in FORECAST_MIRROR.", file=self.url) from error

    def _request(self) -> bool:
        """Ask for what is missing and append it.  True when the part file is whole."""
        known = self._known()
        have = self.part.stat().st_size if known else 0  # without its mark, nobody knows of which version a part is
        headers = {"User-Agent": "seqcast", "Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-"} | ({"If-Range": known["tag"]} if known.get("tag") else {})
        try:
            answer = urlopen(Request(self.url, headers=headers), timeout=self.timeout)
        except HTTPError as error:
            if not have or error.code != 416:
                raise
            with error:
                return self._beyond_the_end(error.headers.get("Content-Range"), have)
        with answer:
            if answer.headers.get_content_type() == "text/html":
                remedy = "Check the address in FORECAST_MIRROR: it must hold the files themselves."
                raise DataError(f"{self.url} answered with a web page, not with a file", remedy, file=self.url)
            if answer.status == 206:
                first, size = _range(answer.headers.get("Content-Range"))
                if first != have or known.get("size") not in (None, size):
                    os.truncate(self.part, 0)  # another range or another version than ours: begin again
                    return False
            else:  # a whole answer: the first, or from a server that ignores ranges, or of a newer version
                have = 0
                os.truncate(self.part, 0)
                self._remember(answer.headers)
            return self._append(answer, have)

    def _known(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.mark.read_text()))
        except (FileNotFoundError, ValueError):
            return {}

    def _beyond_the_end(self, content_range: str | None, have: int) -> bool:
        """The server has no bytes after ours: the file is whole, or ours is no beginning of it."""
        if content_range == f"bytes */{have}":
            return True
        os.truncate(self.part, 0)
        return False

    def _append(self, answer: HTTPResponse, have: int) -> bool:
        received = 0
        with self.part.open("r+b") as file:
            file.truncate(have)
            file.seek(have)
            while block := answer.read(_BLOCK):
                file.write(block)
                received += len(block)
        announced = answer.headers.get("Content-Length")
        return announced is None or received == int(announced)

    def _remember(self, headers: Message) -> None:
        """Weak tags are left out: they do not promise equal bytes."""
        tag, size = headers.get("ETag") or headers.get("Last-Modified"), headers.get("Content-Length")
        tag = None if tag and tag.startswith("W/") else tag
        self.mark.write_text(json.dumps({"tag": tag, "size": int(size) if size else None}))


def _range(content_range: str | None) -> tuple[int | None, int | None]:
    """First byte and whole size that a ``Content-Range`` header states."""
    found = re.match(r"bytes (\d+)-\d+/(\d+|\*)", content_range or "")
    if not found:
        return None, None
    return int(found[1]), None if found[2] == "*" else int(found[2])
