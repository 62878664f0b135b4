"""Real series that come inside statsmodels, as plain frames with a time column.  Nothing is fetched."""

from functools import partial
from importlib import import_module

import numpy as np
import pandas as pd

from forecast.datasets.named.entry import DatasetEntry
from forecast.datasets.schema import Roles


def _packaged(name: str) -> pd.DataFrame:
    """The frame that ``statsmodels.datasets.<name>`` holds."""
    frame: pd.DataFrame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
    return frame


def _first_days(years: "pd.Series[float]", months: "pd.Series[float] | int" = 1) -> "pd.Series[pd.Timestamp]":
    """The first day of each year, or of each month of a year, as timestamps."""
    parts = pd.DataFrame({"year": years.astype(int), "month": months, "day": 1})
    return pd.to_datetime(parts.astype(int))


def _indexed(name: str, columns: dict[str, str]) -> pd.DataFrame:
    """A frame whose index is its time; columns renamed and chosen by ``columns``.  Missing weeks stay NaN."""
    frame = _packaged(name).rename(columns=columns)[list(columns.values())]
    return frame.rename_axis("date").reset_index()


def _yearly(name: str, year: str, columns: dict[str, str]) -> pd.DataFrame:
    frame = _packaged(name)
    values = frame.rename(columns=columns)[list(columns.values())]
    values.insert(0, "date", _first_days(frame[year]))
    return values


def _quarterly(name: str, columns: dict[str, str] | None = None) -> pd.DataFrame:
    frame = _packaged(name)
    dates = _first_days(frame["year"], frame["quarter"] * 3 - 2)
    values = frame.drop(columns=["year", "quarter"]).rename(columns=columns or {})
    values.insert(0, "date", dates)
    return values


def _elnino() -> pd.DataFrame:
    """The year-by-month table as one monthly series."""
    table = _packaged("elnino").set_index("YEAR")
    dates = pd.date_range(f"{int(table.index[0])}-01-01", periods=table.size, freq="MS")
    return pd.DataFrame({"date": dates, "temperature": table.to_numpy(float).ravel()})


def _fertility() -> pd.DataFrame:
    """The country-by-year table as a long frame: countries without a single value left out, years as they are."""
    table = _packaged("fertility").set_index("Country Name")
    years = [column for column in table.columns if column.isdigit()]
    table = table[years].dropna(axis="index", how="all").dropna(axis="columns", how="all")
    dates = pd.to_datetime([f"{year}-01-01" for year in table.columns])
    return pd.DataFrame(
        {
            "country": np.repeat(table.index.to_numpy(str), len(dates)),
            "date": np.tile(dates, len(table)),
            "births_per_woman": table.to_numpy(float).ravel(),
        }
    )


def _grunfeld() -> pd.DataFrame:
    frame = _yearly("grunfeld", "year", {"firm": "firm", "invest": "invest", "value": "value", "capital": "capital"})
    return frame[["firm", "date", "invest", "value", "capital"]]


SHIPPED: tuple[DatasetEntry, ...] = (
    DatasetEntry(
        name="co2",
        kind="real",
        freq="W-SAT",
        season=52,
        horizon=26,
        roles=Roles(time="date", target="co2"),
        description="Weekly CO2 in the air above Mauna Loa (ppm), 1958-2001: trend, year and 59 empty weeks",
        source="statsmodels.datasets.co2; Keeling and Whorf, Carbon Dioxide Information Analysis Center",
        licence="public domain",
        load=partial(_indexed, "co2", {"co2": "co2"}),
    ),
    DatasetEntry(
        name="sunspots",
        kind="real",
        freq="YS",
        season=11,
        horizon=11,
        roles=Roles(time="date", target="sunspots"),
        description="Yearly sunspot number, 1700-2008: a cycle of about 11 years that is never quite regular",
        source="statsmodels.datasets.sunspots; National Geophysical Data Center",
        licence="public domain",
        load=partial(_yearly, "sunspots", "YEAR", {"SUNACTIVITY": "sunspots"}),
    ),
    DatasetEntry(
        name="elnino",
        kind="real",
        freq="MS",
        season=12,
        horizon=12,
        roles=Roles(time="date", target="temperature"),
        description="Monthly sea surface temperature off Peru (Nino 1+2, degrees Celsius), 1950-2010",
        source="statsmodels.datasets.elnino; NOAA, ERSST.V3B",
        licence="public domain",
        load=partial(_elnino),
    ),
    DatasetEntry(
        name="nile",
        kind="real",
        freq="YS",
        season=1,
        horizon=10,
        roles=Roles(time="date", target="volume"),
        description="Yearly flow of the Nile at Aswan (1e8 m3), 1871-1970: noise around a level that drops in 1899",
        source="statsmodels.datasets.nile; Cobb (1978)",
        licence="public domain",
        load=partial(_yearly, "nile", "year", {"volume": "volume"}),
    ),
    DatasetEntry(
        name="macrodata",
        kind="real",
        freq="QS",
        season=1,
        horizon=8,
        roles=Roles(time="date"),
        description="Twelve quarterly series of the United States' economy, 1959-2009, side by side (wide)",
        source="statsmodels.datasets.macrodata; Federal Reserve Bank of St. Louis, Bureau of Labor Statistics",
        licence="public domain",
        load=partial(_quarterly, "macrodata"),
    ),
    DatasetEntry(
        name="elec_equip",
        kind="real",
        freq="MS",
        season=12,
        horizon=12,
        roles=Roles(time="date", target="turnover"),
        description="Monthly turnover index of the makers of electrical equipment, euro area, 1995-2016",
        source="statsmodels.datasets.elec_equip; Eurostat STS.M.I7.W.TOVT.NS0016.4.000",
        licence="public domain",
        load=partial(_indexed, "elec_equip", {"STS.M.I7.W.TOVT.NS0016.4.000": "turnover"}),
    ),
    DatasetEntry(
        name="german_rates",
        kind="real",
        freq="QS",
        season=4,
        horizon=8,
        roles=Roles(time="date", target=("inflation", "interest")),
        description="German quarterly inflation and interest rate, 1972-1998: two targets forecast together",
        source="statsmodels.datasets.interest_inflation; JMulTi data set E6",
        licence="not stated",
        load=partial(_quarterly, "interest_inflation", {"Dp": "inflation", "R": "interest"}),
    ),
    DatasetEntry(
        name="danish_money",
        kind="real",
        freq="QS",
        season=4,
        horizon=4,
        roles=Roles(time="date", target="money", past=("income", "prices", "bond_rate", "deposit_rate")),
        description="Danish quarterly demand for money (log), 1974-1987, beside income, prices and interest rates",
        source="statsmodels.datasets.danish_data; Johansen and Juselius (1990)",
        licence="public domain",
        load=partial(
            _indexed,
            "danish_data",
            {"lrm": "money", "lry": "income", "lpy": "prices", "ibo": "bond_rate", "ide": "deposit_rate"},
        ),
    ),
    DatasetEntry(
        name="fertility",
        kind="real",
        freq="YS",
        season=1,
        horizon=5,
        roles=Roles(time="date", target="births_per_woman", id="country"),
        description="Births per woman by country and year, 1960-2011: a panel with gaps and late starts",
        source="statsmodels.datasets.fertility; World Bank SP.DYN.TFRT.IN",
        licence="World Bank terms of use",
        load=partial(_fertility),
    ),
    DatasetEntry(
        name="grunfeld",
        kind="real",
        freq="YS",
        season=1,
        horizon=3,
        roles=Roles(time="date", target="invest", id="firm", past=("value", "capital")),
        description="Yearly investment of eleven firms, 1935-1954, with their value and capital as past covariates",
        source="statsmodels.datasets.grunfeld; Grunfeld (1950), Kleiber and Zeileis (2008)",
        licence="public domain",
        load=partial(_grunfeld),
    ),
)
