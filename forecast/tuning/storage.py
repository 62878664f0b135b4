"""Where studies are kept: a SQLite file, a journal file, or a database server by its URL.

SQLite is used as its documentation advises for several writers (sqlite.org/wal.html, sqlite.org/lang_transaction.html):
a write-ahead log, which costs no wait for the disk at each of a trial's forty writes, and transactions that take the
lock when they begin, so that two workers never take up the same queued trial.  On network drives neither works: a
journal file or a server is for them.
"""

import json
import os
import sqlite3
import time
import weakref
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.errors import ConfigError
from forecast.tuning.faults import FORMS, explained, no_driver, quiet

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage
    from optuna.storages.journal import JournalFileSymlinkLock
    from sqlalchemy import URL, Engine

JOURNAL = "journal:"
PATIENCE = 60  # seconds to wait for another writer of a SQLite file
CONNECT = 10  # seconds to wait for a server
FRESH = 1.0  # seconds for which what other workers have written is not read again while a trial runs
ATTEMPTS = 8  # at making the tables, which another process may be making just then
DRIVERS = {  # by kind of database: drivers and the modules they are, the first one installed is taken
    "postgresql": (("psycopg", "psycopg"), ("psycopg2", "psycopg2")),
    "mysql": (("mysqldb", "MySQLdb"), ("pymysql", "pymysql"), ("mysqlconnector", "mysql.connector")),
    "mariadb": (("mysqldb", "MySQLdb"), ("pymysql", "pymysql"), ("mysqlconnector", "mysql.connector")),
}
TABLES = {"studies", "study_directions", "trials", "version_info"}  # some of those that Optuna makes
BEING_MADE = ("already exists", "no such table", "locked", "unique", "duplicate", 'relation "')  # by another process


def open_storage(address: str | Path | None) -> "BaseStorage":
    """The storage at ``address``, made where there is none yet.

    address: a path is a SQLite file, ``journal:PATH`` a journal file; ``postgresql://…`` and ``mysql://…`` are servers.
    None is this process' memory.
    Raises ``ConfigError`` where it cannot be reached, is something else, or was made by another version of Optuna; what
    is in it then stays as it is.  Passwords are never part of a message.
    """
    from optuna.storages import InMemoryStorage

    if address is None:
        return InMemoryStorage()
    text = str(address)
    if text.startswith(JOURNAL):
        return _open_journal(Path(text.removeprefix(JOURNAL)).expanduser())
    with quiet(), explained(address):
        url = _url(text)
        if url.get_backend_name() == "sqlite":
            _require_sqlite(url)
        return _open_database(url)


# ---------------------------------------------------------------------- databases


def _url(text: str) -> "URL":
    """The address as SQLAlchemy's URL, with a driver that is installed."""
    from sqlalchemy import URL, make_url

    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser()))
    url = make_url(text.replace("postgres://", "postgresql://", 1) if text.startswith("postgres://") else text)
    kind = url.get_backend_name()
    if kind == "sqlite":
        return url
    if kind not in DRIVERS:
        raise ConfigError(f"a storage of the kind {kind!r} is not known", FORMS)
    if "+" not in url.drivername:
        installed = [driver for driver, module in DRIVERS[kind] if find_spec(module.split(".")[0]) is not None]
        if not installed:
            raise no_driver(kind)
        url = url.set(drivername=f"{kind}+{installed[0]}")
    return url


def _require_sqlite(url: "URL") -> None:
    """Refuse a path at which there is, or can be, no SQLite file."""
    if url.database in (None, "", ":memory:"):
        raise ConfigError("a database in memory is gone with the process", "Name a file.")
    path = Path(str(url.database))
    if path.is_dir():
        raise ConfigError(f"the storage {path} is a folder", "Name a file in it, such as study.db.", file=str(path))
    if not path.exists():
        _require_folder(path)
        return
    try:
        with open(path, "rb") as file:
            begin = file.read(16)
    except OSError as error:
        raise ConfigError(f"the storage {path} cannot be read: {error.strerror}", "Name another.") from error
    if begin and begin != b"SQLite format 3\0":
        journal = f"It looks like a journal file: give {JOURNAL}{path}." if begin.startswith(b"{") else ""
        raise ConfigError(f"{path} is no SQLite file", journal or "Name another file; this one stays as it is.")


def _require_folder(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        cause = f"the folder {path.absolute().parent} of the storage does not exist"
        raise ConfigError(cause, "Make it, or name another file.", file=str(path))


def _open_database(url: "URL") -> "BaseStorage":
    """Connect, make the tables of a new storage, and see that an old one is of this version."""
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _thrifty(_connect(url))
        except ImportError:
            raise no_driver(url.get_backend_name()) from None
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            if attempt == ATTEMPTS or not any(sign in str(error.orig).lower() for sign in BEING_MADE):
                raise
            time.sleep(0.1 * attempt)
    raise AssertionError("not reached")


def _connect(url: "URL") -> "RDBStorage":
    from optuna.storages import RDBStorage
    from sqlalchemy import create_engine, inspect

    options = _engine_options(url)
    engine = create_engine(url, **options)  # which only looks
    try:
        tables = inspect(engine).get_table_names()
    finally:
        engine.dispose()
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite and tables and TABLES.isdisjoint(tables):
        cause = f"{url.database} holds other tables ({', '.join(tables[:3])}) and no studies"
        raise ConfigError(cause, "Name another file; this one stays as it is.", file=str(url.database))
    if sqlite:
        options["connect_args"]["factory"] = _Connection
    # Optuna fills braces of a URL in, and would make missing tables before it finds that the others are too old
    text = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    storage = RDBStorage(text, engine_kwargs=options, skip_table_creation="alembic_version" in tables)
    if sqlite:
        _lock_at_begin(storage.engine)
    return storage


def _engine_options(url: "URL") -> dict[str, Any]:
    """For SQLAlchemy's engine: patience with other writers, and connections that are tried before they are used."""
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": PATIENCE}}
    timeout = "connection_timeout" if "mysqlconnector" in url.drivername else "connect_timeout"
    return {"connect_args": {timeout: CONNECT}, "pool_pre_ping": True}


class _Connection(sqlite3.Connection):
    """A connection to a SQLite file that writes ahead to a log."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        with suppress(sqlite3.OperationalError):  # somebody has it open in the old way
            self.execute("PRAGMA journal_mode=WAL")  # stays as it is on a drive without shared memory
        self.execute("PRAGMA synchronous=NORMAL")  # a power cut may cost the last trial, never the file


def _lock_at_begin(engine: "Engine") -> None:
    """Let every transaction take the lock when it begins."""
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own

    @event.listens_for(engine, "begin")
    def began(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # the connection that made the tables


def _thrifty(storage: "RDBStorage") -> "BaseStorage":
    """A database of which, while a trial runs, what others have written is read at most once in ``FRESH`` seconds.

    Every question to a pruner would read all unfinished trials anew: two thirds of what a study costs.
    """
    from optuna.storages import _CachedStorage

    class Thrifty(_CachedStorage):
        def __init__(self, backend: "RDBStorage") -> None:
            super().__init__(backend)
            self.read_at: dict[int, float] = {}  # by study; emptied, all is read anew

        def _read_trials_from_remote_storage(self, study_id: int) -> None:
            now = time.monotonic()
            if now - self.read_at.get(study_id, -FRESH) >= FRESH:
                super()._read_trials_from_remote_storage(study_id)
                self.read_at[study_id] = now

        def close(self) -> None:
            storage.engine.dispose()

        def create_new_trial(self, *given: Any, **named: Any) -> int:
            self.read_at.clear()
            return super().create_new_trial(*given, **named)

        def set_trial_state_values(self, *given: Any, **named: Any) -> bool:
            self.read_at.clear()
            return super().set_trial_state_values(*given, **named)

    thrifty = Thrifty(storage)
    weakref.finalize(thrifty, storage.engine.dispose)  # for those that nobody closes
    return thrifty


# ---------------------------------------------------------------------- journals


def _open_journal(path: Path) -> "BaseStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    path = path.absolute()  # of a relative one a worker that was killed would leave its lock for ever
    _require_folder(path)
    if path.is_dir():
        raise ConfigError(f"the storage {path} is a folder", "Name a file in it.", file=str(path))
    try:
        with quiet():
            lock = JournalFileSymlinkLock(str(path))
            _mend(path, lock)
            return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except OSError as error:
        raise ConfigError(f"the journal {path} cannot be used: {error.strerror}", "Name another file.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        cause = f"{path} is no journal of studies, or was damaged ({type(error).__name__}: {error})"
        raise ConfigError(cause, "Name another file; this one stays as it is.", file=str(path)) from None


def _mend(path: Path, lock: "JournalFileSymlinkLock") -> None:
    """Take away a last line that was cut short when a machine went down: what follows it could not be read."""
    if not path.exists() or not path.stat().st_size:
        return
    with open(path, "rb") as file:
        json.loads(file.readline())["op_code"]  # is it a journal at all?
        file.seek(-1, os.SEEK_END)
        if file.read(1) == b"\n":
            return
    lock.acquire()
    try:
        with open(path, "rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
    finally:
        lock.release()
