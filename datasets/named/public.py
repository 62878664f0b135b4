"""The public benchmark files, by name.  None of them comes with this package: see ``locate`` for where they are found.

Checksums are of those exact files that were seen; other forms of a file are recorded at their first download.
"""

from forecast.datasets.named import benchmarks
from forecast.datasets.named.entry import DatasetEntry, PublicFile
from forecast.datasets.schema import Roles

_SHA256 = {
    "ETTh1.csv.gz": "3c56c865b8f6fc9b760a07f055ff8a993d3cf2a747235dc382b98821ed35f029",
    "ETTm1.csv.gz": "ca45123028f1acad120b5f971ca64594746aa9b881d56cdff589ee9aa6cdbd8f",
    "weather.csv.gz": "a08c6d04be34805e0167e75461d7cc6a565f81ca3296f43cc154ce9cbcf9027c",
    "exchange_rate.csv": "d55e7aa2641009814a18ba3279431b13f6d413b0eab195b9ff21988d8cf94e97",
    "Hourly-train.csv.gz": "4d56abb6310bc349657607a9ab0fed833985c7558f5c3e246818057e51667e2a",
    "Hourly-test.csv": "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
    "m4_hourly_dataset.tsf.gz": "8bae954816a479b58023ad982a6c9269fa376fa7ade9d2fdcea3ec9562299b20",
    "AirPassengers.csv": "5f8b316b84545d9cfb05612298df8415ce4c44421c7012d109465564b07ebc06",
    "train.csv.zip": "3c0f8ab69c83de7593389c03b39249fc550ea606c2a1cd14b88a5ac71470acbf",
    "features.csv": "56f4892cbfcd018afcb8703f8885bd520ef4bfdc4ee5d2f856cac6a1a3330de6",
    "stores.csv": "88d146882923f04c85a24e0e0260a06ec09a173f3fb976a41b77b0d6003044d3",
    "NP.csv.gz": "e314043ab1dbc07dae2850693517f4d5aef680033db5a19be2d4c2506ab79fe2",
    "PJM.csv.gz": "75da9b509c6a245a5a4ef3490d2ce3c4694496352e5b7dd9cab15288a3af4f4b",
    "hour.csv.gz": "8200671f865a04c3170337db38666dbb7b856b5f0f98be8c00c49801d0bf0cd5",
    "day.csv": "a6bcf826782d3c0fbfdcbeead17cd0884185a0dafe8ff10cd48a874ee7ba18be",
    "raw.csv.gz": "7f942332746ea16abad083b53f8f481f98fabc0d9ec60f21cdf6a4705d9e3ee1",
    "m1_monthly_dataset.tsf": "0c9cb65c1ad1d7acf34ef659d7669fddfd5fb54ca484762c2706e02d2e89e66e",
    "m3_monthly_dataset.tsf": "962e5e217d3c98780ef240416daa4773a8e65961ea47e0a769178be58622d9c5",
    "m3_quarterly_dataset.tsf": "f2c52d0e4c8e948cd66dab139459609b71efbbf063f19927b8bd5d71d0512f16",
    "m3_yearly_dataset.tsf": "ca9f01bf47f46f18d656ff8fe9c4e018162ae219071b8df5f41ee3cf7d53e2bf",
    "us_births_dataset.tsf": "7c5c0f85661592d30000aa8a9066d938629ee5f3f5a3f72c75517179a50b38bb",
    "sunspot_dataset_without_missing_values.tsf": "6c4137ec1b9b8f95c56dd9e60a06f8f68d2aa98164432a1f981be711c9902472",
    "vehicle_trips_dataset_without_missing_values.tsf": (
        "b1961f0010964684cb86e31c729c3c1e0a96723fc5aa8dbbb6137c9f89d1a4d6"
    ),
}


def _file(name: str, *folders: str, marker: str = "") -> PublicFile:
    known = tuple((form, _SHA256[form]) for form in (name, f"{name}.gz", f"{name}.zip") if form in _SHA256)
    return PublicFile(name=name, marker=marker, folders=folders, sha256=known)


def _long_horizon(
    name: str,
    file: PublicFile,
    freq: str,
    season: int,
    description: str,
    source: str,
    licence: str,
    *,
    horizon: int = 96,
) -> DatasetEntry:
    return DatasetEntry(
        name=name,
        kind="public",
        freq=freq,
        season=season,
        horizon=horizon,
        roles=Roles(time="date"),
        description=description,
        source=source,
        licence=licence,
        load=benchmarks.wide,
        files=(file,),
    )


def _transformer(file: str, station: int, freq: str, season: int) -> DatasetEntry:
    return _long_horizon(
        file.lower(),
        _file(f"{file}.csv", "ETT-small", "ett", marker="HUFL"),
        freq,
        season,
        f"Load and oil temperature of electricity transformer {station}, seven series, 2016-2018",
        "zhouhaoyi/ETDataset",
        "CC BY-ND 4.0",
    )


def _prices(market: str, place: str, covariates: tuple[str, ...]) -> DatasetEntry:
    return DatasetEntry(
        name=f"epf_{market.lower()}",
        kind="public",
        freq="h",
        season=24,
        horizon=24,
        roles=Roles(time="date", target="OT", future=covariates or ("exogenous_1", "exogenous_2")),
        description=f"Hourly day-ahead electricity price, {place}, with two forecasts known a day ahead",
        source="thuml/TimeXer, from epftoolbox (Lago et al., 2021)",
        licence="not stated",
        load=benchmarks.electricity_prices if covariates else benchmarks.other_electricity_prices,
        files=(_file(f"{market}.csv", "EPF", "epf", marker="OT"),),
    )


def _m4(group: str, season: int, horizon: int) -> DatasetEntry:
    return DatasetEntry(
        name=f"m4_{group.lower()}",
        kind="public",
        freq="steps",
        season=season,
        horizon=horizon,
        roles=Roles(time="time", target="target", id="id"),
        description=f"M4 competition, {group.lower()} series without dates; the last {horizon} steps are its test",
        source="Mcompetitions/M4-methods",
        licence="not stated",
        load=benchmarks.m4,
        files=(
            _file(f"{group}-train.csv", "Dataset/Train", "Train", f"m4_{group.lower()}", marker="V1"),
            _file(f"{group}-test.csv", "Dataset/Test", "Test", f"m4_{group.lower()}", marker="V1"),
        ),
    )


def _monash(name: str, stem: str, freq: str, season: int, horizon: int, description: str) -> DatasetEntry:
    return DatasetEntry(
        name=name,
        kind="public",
        freq=freq,
        season=season,
        horizon=horizon,
        roles=Roles(time="time", target="target", id="id"),
        description=description,
        source="Monash forecasting archive (Godahewa et al., 2021)",
        licence="not stated in the files; citations in their headers",
        load=benchmarks.monash,
        files=(_file(f"{stem}.tsf", "monash", stem),),
    )


def _bike(name: str, file: str, freq: str, season: int, horizon: int) -> DatasetEntry:
    return DatasetEntry(
        name=name,
        kind="public",
        freq=freq,
        season=season,
        horizon=horizon,
        roles=Roles(
            time="time",
            target="cnt",
            past=("weathersit", "temp", "atemp", "hum", "windspeed"),
            future=("holiday", "workingday"),
        ),
        description="Bikes rented in Washington, 2011-2012, with weather and holidays; empty hours are absent",
        source="UCI Bike Sharing (Fanaee-T and Gama, 2013)",
        licence="free to use; publications must cite it",
        load=benchmarks.bike,
        files=(_file(file, "bike", "Bike-Sharing-Dataset", marker="casual"),),
    )


_FOUND = "thuml/Autoformer and others"
_UNKNOWN = "not stated"

PUBLIC: tuple[DatasetEntry, ...] = (
    _transformer("ETTh1", 1, "h", 24),
    _transformer("ETTh2", 2, "h", 24),
    _transformer("ETTm1", 1, "15min", 96),
    _transformer("ETTm2", 2, "15min", 96),
    _long_horizon(
        "weather",
        _file("weather.csv", "weather", marker="Tpot"),
        "10min",
        144,
        "Weather station in Jena, 21 measures, 2020; -9999 stands for a fault (kept), one row twice, one gap",
        _FOUND,
        _UNKNOWN,
    ),
    _long_horizon(
        "exchange_rate",
        _file("exchange_rate.csv", "exchange_rate", "exchange", marker="date"),
        "D",
        5,
        "Eight daily exchange rates of business days under invented dates: calendar features mean nothing here",
        _FOUND,
        _UNKNOWN,
    ),
    _long_horizon(
        "electricity",
        _file("electricity.csv", "electricity", marker="date"),
        "h",
        24,
        "Hourly load of 321 clients, 2016-2019 as dated",
        _FOUND,
        _UNKNOWN,
    ),
    _long_horizon(
        "traffic",
        _file("traffic.csv", "traffic", marker="date"),
        "h",
        24,
        "Hourly occupancy of 862 road sensors around San Francisco",
        _FOUND,
        _UNKNOWN,
    ),
    _long_horizon(
        "ili",
        _file("national_illness.csv", "illness", marker="ILI"),
        "W-TUE",
        52,
        "Weekly influenza-like illness in the United States, seven series",
        _FOUND,
        _UNKNOWN,
        horizon=24,
    ),
    _prices("NP", "Nord Pool", ("Grid load forecast", "Wind power forecast")),
    _prices("PJM", "Pennsylvania, New Jersey, Maryland", ("System load forecast", "Zonal COMED load foecast")),
    _prices("BE", "Belgium", ()),
    _prices("FR", "France", ()),
    _prices("DE", "Germany", ()),
    _m4("Hourly", 24, 48),
    _m4("Daily", 1, 14),
    _m4("Weekly", 1, 13),
    _m4("Monthly", 12, 18),
    _m4("Quarterly", 4, 8),
    _m4("Yearly", 1, 6),
    _monash("m4_hourly_dated", "m4_hourly_dataset", "h", 24, 48, "M4 competition, hourly, with its (doubtful) dates"),
    _monash("m1_monthly", "m1_monthly_dataset", "MS", 12, 18, "M1 competition, 617 monthly series"),
    _monash("m1_quarterly", "m1_quarterly_dataset", "QS", 4, 8, "M1 competition, 203 quarterly series"),
    _monash("m1_yearly", "m1_yearly_dataset", "YS", 1, 6, "M1 competition, 181 yearly series"),
    _monash("m3_monthly", "m3_monthly_dataset", "MS", 12, 18, "M3 competition, 1428 monthly series"),
    _monash("m3_quarterly", "m3_quarterly_dataset", "QS", 4, 8, "M3 competition, 756 quarterly series"),
    _monash("m3_yearly", "m3_yearly_dataset", "YS", 1, 6, "M3 competition, 645 yearly series"),
    _monash("us_births", "us_births_dataset", "D", 7, 30, "Births in the United States per day, 1969-1988"),
    _monash("sunspot_daily", "sunspot_dataset_without_missing_values", "D", 1, 30, "Sunspot number per day from 1818"),
    _monash(
        "vehicle_trips",
        "vehicle_trips_dataset_without_missing_values",
        "D",
        7,
        30,
        "Trips of 329 for-hire vehicle bases in New York per day, 2015, with many starts",
    ),
    DatasetEntry(
        name="airpassengers",
        kind="public",
        freq="MS",
        season=12,
        horizon=12,
        roles=Roles(time="Month", target="#Passengers"),
        description="International airline passengers per month in thousands, 1949-1960",
        source="Box and Jenkins, as in unit8co/darts",
        licence="Apache-2.0 (repository)",
        load=benchmarks.passengers,
        files=(_file("AirPassengers.csv", "airpassengers", marker="Passengers"),),
    ),
    _bike("bike_hour", "hour.csv", "h", 24, 24),
    _bike("bike_day", "day.csv", "D", 7, 14),
    DatasetEntry(
        name="beijing_pm25",
        kind="public",
        freq="h",
        season=24,
        horizon=24,
        roles=Roles(time="time", target="pm2.5", past=("DEWP", "TEMP", "PRES", "cbwd", "Iws", "Is", "Ir")),
        description="Fine particles in Beijing's air per hour, 2010-2014, with weather; 2067 hours are missing",
        source="UCI Machine Learning Repository (Liang et al., 2015)",
        licence=_UNKNOWN,
        load=benchmarks.beijing,
        files=(_file("raw.csv", "beijing_pm25", "Beijing_pm2.5", marker="pm2.5"),),
    ),
    DatasetEntry(
        name="walmart",
        kind="public",
        freq="W-FRI",
        season=52,
        horizon=39,
        roles=Roles(
            time="Date",
            target="Weekly_Sales",
            id="id",
            past=("Temperature", "Fuel_Price", "CPI", "Unemployment"),
            future=("IsHoliday", "MarkDown1", "MarkDown2", "MarkDown3", "MarkDown4", "MarkDown5"),
            static=("Store", "Dept", "Type", "Size"),
        ),
        description="Weekly sales of 81 departments in 45 stores, 2010-2012, with holidays and markdowns known ahead",
        source="Kaggle, Walmart Recruiting - Store Sales Forecasting",
        licence="not stated (Kaggle competition)",
        load=benchmarks.walmart,
        files=(
            _file("train.csv", "walmart", marker="Weekly_Sales"),
            _file("features.csv", "walmart", marker="Fuel_Price"),
            _file("stores.csv", "walmart", marker="Store"),
        ),
    ),
)
