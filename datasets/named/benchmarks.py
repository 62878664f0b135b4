"""Files of public benchmarks as frames with one time column.

Structure is put right (broken headers, dates in parts, tables to be joined); values are not: the published numbers were
computed on the files as they are, ``-9999`` and invented dates included.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from forecast.datasets.files import read_table
from forecast.errors import ConfigError, DataError

Part = Literal["all", "train", "test"]
_WEATHER = {1: "clear", 2: "mist", 3: "light rain or snow", 4: "heavy rain or snow"}
_WEEK = np.timedelta64(7, "D")


def wide(path: Path) -> pd.DataFrame:
    """A table ``date`` and one column per series, as the long-horizon benchmarks use them; all rows, in their order."""
    frame = _with_columns(path, "date")
    names = {name: name.replace("(\ufffdmol", "(µmol").replace("W/m\ufffd", "W/m²").replace("/m\ufffd/", "/m²/")
             for name in frame.columns}  # fmt: skip
    return frame.rename(columns=names)


def electricity_prices(path: Path) -> pd.DataFrame:
    """Price ``OT`` with two forecasts known a day ahead, under the names of the file without the blank before them."""
    frame = _with_columns(path, "date", "OT")
    return frame.rename(columns=str.strip)


def other_electricity_prices(path: Path) -> pd.DataFrame:
    """As ``electricity_prices``; the two forecasts are named by their place, as names differ between publishers."""
    frame = electricity_prices(path)
    covariates = [name for name in frame.columns if name not in ("date", "OT")]
    if len(covariates) != 2:
        cause = f"{path} has {len(covariates)} columns besides date and OT, expected 2"
        raise DataError(cause, "Use the files that TimeXer publishes (dataset/EPF).", file=str(path))
    return frame.rename(columns=dict(zip(covariates, ("exogenous_1", "exogenous_2"), strict=True)))


def m4(train: Path, test: Path, *, part: Part = "all") -> pd.DataFrame:
    """Long frame id, time, target.  The files have no dates: time counts the steps from 0, the test's go on.

    part: "train", "test", or "all": both, so that the last steps of every series are the competition's test.
    """
    if part not in ("all", "train", "test"):
        raise ConfigError(f"part={part!r} is not known", "Give 'all', 'train' or 'test'.")
    head, tail = _with_columns(train, "id", "time", "target"), _with_columns(test, "id", "time", "target")
    lengths = head.groupby("id", sort=False).size()
    lacking = set(lengths.index).symmetric_difference(tail["id"])
    if lacking:
        cause = f"{train} and {test} do not hold the same series ({min(lacking)} is in one of them only)"
        raise DataError(cause, "Use the two files of one frequency.", file=str(test))
    tail = tail.assign(time=tail["time"] + lengths.reindex(tail["id"]).to_numpy())
    if part != "all":
        return head if part == "train" else tail
    both = pd.concat([head, tail], ignore_index=True)
    place = pd.Index(lengths.index).get_indexer(both["id"])
    return both.iloc[np.lexsort([both["time"], place])].reset_index(drop=True)


def monash(path: Path) -> pd.DataFrame:
    """A ``.tsf`` file as a long frame id, time, target and attributes."""
    return _with_columns(path, "id", "time", "target")


def passengers(path: Path) -> pd.DataFrame:
    return _with_columns(path, "Month", "#Passengers")


def bike(path: Path) -> pd.DataFrame:
    """Rentals with weather and calendar, ``time`` first.  Hours without a row stay absent; weather is in words.

    casual and registered add up to cnt and play no role: they are known only together with it.
    """
    frame = _with_columns(path, "dteday", "cnt", "weathersit")
    hours = frame["hr"] if "hr" in frame else 0
    frame = frame.assign(weathersit=frame["weathersit"].map(_WEATHER))
    return _timed(frame, frame["dteday"] + pd.to_timedelta(hours, unit="h"), drop=("instant", "dteday"))


def beijing(path: Path) -> pd.DataFrame:
    """Hourly particles with weather; the date in four columns becomes ``time``, missing targets stay empty."""
    frame = _with_columns(path, "year", "month", "day", "hour", "pm2.5", "cbwd")
    dates = pd.to_datetime(frame[["year", "month", "day", "hour"]])
    return _timed(frame, dates, drop=("No", "year", "month", "day", "hour"))


def walmart(train: Path, features: Path, stores: Path, *, ahead: int = 0) -> pd.DataFrame:
    """Weekly sales per store and department (``id``: "store_dept"), joined with features and stores.

    Weeks without a row stay absent.  ahead: rows with empty sales after the last week of each series, as far as the
    features are known (39 weeks after the last week of all).
    """
    sales = _with_columns(train, "Store", "Dept", "Date", "Weekly_Sales", "IsHoliday").drop(columns="IsHoliday")
    known = _with_columns(features, "Store", "Date", "IsHoliday", "MarkDown1")
    ends = sales.groupby(["Store", "Dept"], as_index=False)["Date"].max()
    later = ends.loc[ends.index.repeat(ahead)]
    later = later.assign(Date=later["Date"] + np.tile(np.arange(1, ahead + 1) * _WEEK, len(ends)))
    later = later[later["Date"] <= known["Date"].max()]
    rows = pd.concat([sales, later], ignore_index=True).sort_values(["Store", "Dept", "Date"], kind="stable")
    rows = rows.merge(known, on=["Store", "Date"], how="left", validate="many_to_one")
    rows = rows.merge(_with_columns(stores, "Store", "Type", "Size"), on="Store", how="left", validate="many_to_one")
    store, dept = rows["Store"].astype(str), rows["Dept"].astype(str)
    joined: pd.DataFrame = rows.assign(IsHoliday=rows["IsHoliday"].astype(np.int64), Store=store, Dept=dept)
    joined.insert(0, "id", store + "_" + dept)
    return joined


def _with_columns(path: Path, *needed: str) -> pd.DataFrame:
    """The file as a frame that has all of ``needed``; ``DataError`` says which it lacks."""
    frame: pd.DataFrame = read_table(path)
    lacking = [name for name in needed if name not in frame.columns]
    if lacking:
        cause = f"{path} has no column {', '.join(map(repr, lacking))}, so it is another file than it seems"
        remedy = "Rename it, or put the benchmark's own file into a folder nearer to the top of FORECAST_DATA."
        raise DataError(cause, remedy, file=str(path), column=lacking[0])
    return frame


def _timed(frame: pd.DataFrame, times: pd.Series, *, drop: tuple[str, ...]) -> pd.DataFrame:
    """The frame with ``time`` as its first column and without the columns that only spelled it."""
    frame = frame.drop(columns=[name for name in (*drop, "time") if name in frame.columns])
    frame.insert(0, "time", times)
    return frame
