"""From what the user calls his data to a panel: a file, ``-``, a built-in data set, a frame or an array."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from forecast.datasets.build import load_panel
from forecast.datasets.catalogue import DATASETS, find_dataset, load_dataset
from forecast.datasets.named.entry import DatasetEntry
from forecast.datasets.panel import Panel
from forecast.datasets.schema import Roles
from forecast.errors import ConfigError, DataError


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Data as read.  name: what to call them.  settings: the roles for a forecaster, those of a data set included."""

    name: str
    panel: Panel
    settings: dict[str, Any]


def open_data(
    data: Any, settings: Mapping[str, Any] | None = None, *, future_data: Any = None, horizon: int | None = None
) -> Opened:
    """Read ``data`` by the roles among ``settings``, which may hold any setting of a forecaster.

    A text names a file, ``-`` or, where no such file exists, a built-in data set.  horizon: steps to be forecast; a
    data set with covariates known ahead then gets that many rows after its last target.
    """
    given = dict(settings or {})
    name = data_name(data)
    if isinstance(data, str | Path):
        data, given = _named(data, given, horizon)
    roles = Roles(**{f.name: given[f.name] for f in fields(Roles) if f.name in given})
    if future_data is not None and isinstance(future_data, str | Path) and not Path(future_data).exists():
        raise DataError(f"{future_data} does not exist", "Check the path of --future-data.", file=str(future_data))
    return Opened(name=name, panel=load_panel(data, roles, future_data=future_data), settings=given)


def name_to_data(data: str) -> Any:
    """What a saved forecaster can read: the file of that name, or the built-in data set."""
    return _named(data, {}, None)[0]


def data_name(data: Any) -> str:
    """What to call the data in titles and default folder names: a file without folder and ending, a data set's name."""
    if not isinstance(data, str | Path):
        return str(getattr(data, "name", None) or "data")
    if str(data) == "-":
        return "stdin"
    name = Path(data).name
    for ending in (".gz", ".zip"):
        name = name.removesuffix(ending)
    return Path(name).stem or name


def _named(data: str | Path, given: dict[str, Any], horizon: int | None) -> tuple[Any, dict[str, Any]]:
    try:
        found = str(data) == "-" or Path(data).is_file() or (Path(data).exists() and str(data) not in DATASETS)
    except OSError as error:  # a name that the system does not take
        cause = f"{str(data)[:60]!r} cannot be read: {error.strerror}"
        raise DataError(cause, "Check the path.", file=str(data)) from None
    if found:
        return str(data), given
    entry = _data_set(str(data))
    roles = {f.name: value for f in fields(Roles) if (value := getattr(entry.roles, f.name))}
    ahead = horizon if entry.roles.future and "future" not in given else None
    return load_dataset(entry.name, ahead=ahead), {**roles, **given}


def _data_set(name: str) -> DatasetEntry:
    """The built-in data set of that name; ``DataError`` for what is neither that nor a file."""
    try:
        return find_dataset(name)
    except ConfigError:
        close = get_close_matches(name.lower(), DATASETS, n=1)
        hint = f"Did you mean the data set {close[0]!r}? " if close else ""
        raise DataError(
            f"{name!r} is no file that exists, and no built-in data set",
            f"{hint}Check the path, or see `forecast datasets`.",
            file=name,
        ) from None
