"""A PostgreSQL server of the tests' own, and objectives that workers can import."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # ``quick_objectives``, which worker processes import, too


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server on a socket, its user asked for a password; ``{database}`` is to be filled in."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (pip install 'seqcast[postgres]')")
    missing = [name for name in ("initdb", "postgres", "createdb") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no PostgreSQL on this machine: {', '.join(missing)} not found")
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        user = _other_user(folder)
        (folder / "password").write_text("se@cret:/{x}")
        (folder / "password").chmod(0o644)
        data, options = folder / "data", {"user": user, "cwd": place, "capture_output": True, "text": True}
        made = subprocess.run(
            [
                "initdb",
                "-D",
                data,
                "-U",
                "tuner",
                "-A",
                "scram-sha-256",
                "--pwfile",
                folder / "password",
                "-E",
                "UTF8",
                "--no-sync",
            ],
            **options,
        )
        assert made.returncode == 0, made.stderr
        with open(folder / "log", "w") as log:
            process = subprocess.Popen(
                ["postgres", "-D", data, "-k", place, "-c", "listen_addresses=", "-c", "fsync=off"],
                user=user,
                cwd=place,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(folder, process)
            yield f"postgresql://tuner:se%40cret%3A%2F%7Bx%7D@/{{database}}?host={place}"
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(30)


@pytest.fixture
def database(server: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of its own."""
    import psycopg

    name = f"db{abs(hash(request.node.nodeid)) % 10**9}"
    with psycopg.connect(server.format(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return server.format(database=name)


def _other_user(folder: Path) -> str | int:
    """The server refuses to run as root: then another user runs it, who gets the folder."""
    if os.getuid() != 0:
        return os.getuid()
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, found.pw_uid, found.pw_gid)
        return name
    pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _wait(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        if list(folder.glob(".s.PGSQL.*")) and "ready to accept" in (folder / "log").read_text():
            return
        assert process.poll() is None, (folder / "log").read_text()
        time.sleep(0.1)
    raise AssertionError("the server did not start: " + (folder / "log").read_text())
