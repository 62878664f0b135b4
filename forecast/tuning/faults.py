"""What can go wrong with a storage, said in a sentence of cause and one of remedy, and never with a password."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecast.errors import ConfigError, ForecastError

FORMS = "Give a file (study.db), journal:FILE, or a URL such as postgresql://user:password@host/database."
INSTALL = {"postgresql": "pip install 'seqcast[postgres]'", "mysql": "pip install pymysql"}
_REMEDIES = (  # by what the database's own message contains; the first that fits
    ("no password supplied", "Put user and password into the URL: postgresql://user:password@host/database."),
    ("authentication failed", "Check user and password; a character such as @ : / in them is written %40 %3A %2F."),
    ("access denied", "Check user and password; a character such as @ : / in them is written %40 %3A %2F."),
    ("unknown database", "Make the database first, or correct its name in the URL."),
    ("database", "does not exist", "Make the database first (createdb NAME), or correct its name in the URL."),
    ("role", "does not exist", "Check the user in the URL."),
    ("permission denied", "Ask for the right to make tables there, or name another storage."),
    ("readonly", "Name a file that can be written."),
    ("read-only", "Name a storage that can be written."),
    ("disk is full", "Make room; what is finished is kept, and the same command goes on from there."),
    ("not a database", "Name another file; this one stays as it is."),
    ("malformed", "The file was damaged: take a copy of it from before, or name another file."),
    ("locked", "Another program keeps it locked; end that one, or use a journal file or a server for many workers."),
    ("unable to open", "Check that the folder exists and can be written."),
)
_UNREACHED = "See that the server is up and can be reached from here, and check host and port in the URL."


def shown(address: str | Path | None) -> str:
    """The address as it may be printed: without its password."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if address is None:
        return "memory"
    text = str(address)
    if "://" not in text:
        return text
    try:
        return make_url(text).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return text.partition("://")[0] + "://…"


def is_storage_error(error: BaseException) -> bool:
    """Whether the storage itself gave out: a server that went away, a full disk, a file that was removed."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, SQLAlchemyError | StorageInternalError)


def no_driver(kind: str) -> ConfigError:
    """The error for a database of which no driver is installed."""
    return ConfigError(f"no driver for {kind} is installed", f"Install one: {INSTALL.get(kind, INSTALL['mysql'])}.")


@contextmanager
def explained(address: str | Path | None) -> Iterator[None]:
    """Turn what goes wrong with the storage inside into a ``ConfigError`` that says what to do."""
    try:
        yield
    except ForecastError:
        raise
    except Exception as error:
        told = _account(error, address)
        if told is None:
            raise
        raise told from None  # the original may hold the password


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna writes nothing to its log inside."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _account(error: Exception, address: str | Path | None) -> ConfigError | None:
    """What a failure means; None where it is none of the storage's."""
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    name = shown(address)
    if isinstance(error, ArgumentError | NoSuchModuleError):
        return ConfigError(f"{name} is no storage that is known", FORMS, storage=name)
    if isinstance(error, RuntimeError) and "compatible with the table schema" in str(error):
        return _other_version(error, name)
    if not is_storage_error(error):
        return None
    message = _message(error, address)
    fitting = [remedy for *signs, remedy in _REMEDIES if all(sign in message.lower() for sign in signs)]
    remedy = fitting[0] if fitting else _UNREACHED if "://" in name else "Name another file."
    return ConfigError(f"the storage {name} cannot be used: {message}", remedy, storage=name)


def _other_version(error: Exception, name: str) -> ConfigError:
    """Of tables made by an older Optuna, which can be upgraded, or by a newer one."""
    import optuna

    made = str(error).partition("set up by optuna ")[2].partition(")")[0] or "another version"
    cause = f"the storage {name} was made by Optuna {made}, and this is Optuna {optuna.__version__}"
    address = name if "://" in name else f"sqlite:///{name}"
    upgrade = f"Copy it, then upgrade its tables (optuna storage upgrade --storage {address}), or name another storage."
    newer = "Install the newer one (pip install --upgrade optuna), or name another storage; this one stays as it is."
    return ConfigError(cause, upgrade if "upgrade --storage" in str(error) else newer, storage=name)


def _message(error: BaseException, address: str | Path | None) -> str:
    """The database's own words in one line, without the password."""
    from sqlalchemy import make_url

    inner = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
    lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
    text = lines[0] if lines else type(inner).__name__
    if address is not None and "://" in str(address):
        secret = make_url(str(address)).password
        text = text.replace(str(secret), "***") if secret else text
    return text.rstrip(".")
