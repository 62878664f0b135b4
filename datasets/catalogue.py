"""Data sets by name: real and made ones that need no network, and public benchmark files where they are at hand."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.named.entry import DatasetEntry
from forecast.datasets.named.locate import Availability, availability, locate
from forecast.datasets.named.public import PUBLIC
from forecast.datasets.named.shipped import SHIPPED
from forecast.datasets.named.synthetic import SYNTHETIC
from forecast.errors import ConfigError, unknown_name

DATASETS: Mapping[str, DatasetEntry] = MappingProxyType(
    {entry.name: entry for entry in (*SHIPPED, *SYNTHETIC, *PUBLIC)}
)


def dataset_table() -> tuple[DatasetEntry, ...]:
    """Every data set that has a name: real ones, then made ones, then public files."""
    return tuple(DATASETS.values())


def find_dataset(name: str) -> DatasetEntry:
    """The entry of a data set; capitals and ``-`` do not matter (ETTh1, epf-np).  ``ConfigError`` names the nearest."""
    entry = DATASETS.get(name.lower().replace("-", "_"))
    if entry is None:
        raise unknown_name("data set", name, DATASETS)
    return entry


def available(entry: DatasetEntry) -> Availability:
    """Whether ``load_dataset`` can load it here, and from where or why not.  Nothing is downloaded."""
    return availability([entry])[entry.name]


def load_dataset(name: str, *, ahead: int | None = None, **options: Any) -> pd.DataFrame:
    """The data set as a frame whose columns play the roles that its entry states.

    ahead: rows with an empty target at the end of each series, which carry the covariates known ahead: as many more
    steps in made data, the last steps with their target taken out in recorded data.  Default: the usual horizon in made
    data that has such covariates, else 0.  options: what the entry's ``options`` name, e.g. ``seed`` and ``steps``.
    Raises ``ConfigError`` for an unknown name or option, ``DataError`` when public files are not at hand or damaged.
    """
    entry = find_dataset(name)
    for option in options:
        if option not in entry.options:
            raise unknown_name(f"option of data set {entry.name!r}", option, (*entry.options, "ahead"))
    if ahead is not None and ahead < 0:
        raise ConfigError(f"ahead={ahead} is negative", "Give the number of steps after the last target.")
    paths = locate(entry) if entry.files else ()
    if "ahead" not in entry.options:
        return _without_last(entry.load(*paths, **options), entry, ahead or 0)
    if ahead is not None:
        options["ahead"] = ahead
    return entry.load(*paths, **options)


def _without_last(frame: pd.DataFrame, entry: DatasetEntry, steps: int) -> pd.DataFrame:
    """The frame with targets and past covariates of the last ``steps`` rows of every series emptied."""
    if not steps:
        return frame
    time, identity = frame[entry.roles.time], entry.roles.id
    groups = time.groupby(frame[identity]) if identity else time
    rank = groups.rank(method="first", ascending=False).to_numpy()
    emptied = (
        [name for name in frame.columns if name != entry.roles.time]
        if not entry.target
        else [*entry.target, *entry.roles.past]
    )
    columns = {name: frame[name].astype(float) if frame[name].dtype.kind in "iub" else frame[name] for name in emptied}
    return frame.assign(**{name: column.mask(rank <= steps, np.nan) for name, column in columns.items()})
