"""Made series with known causes, for learning, tests and demonstrations.  One seed gives one frame, on every machine.

Every generator takes the number of series and of observed steps, and ``ahead``: the steps after the last target whose
future covariates are known (their target is empty).  Every covariate it names moves the target; a forecaster that uses
them does better than one that does not.  Dimension key: S series, T steps (observed and ahead).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.named.entry import DatasetEntry
from forecast.datasets.schema import Roles
from forecast.errors import ConfigError

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]
Draw = Callable[[np.random.Generator, tuple[int, int]], NDArray[Any]]


@dataclass(frozen=True)
class _Grid:
    """The rows of S series on one common time axis.

    Every draw has a generator of its own and runs along time, so that more steps leave the earlier ones as they were.
    """

    series: int
    steps: int
    ahead: int
    rng: np.random.Generator

    @property
    def shape(self) -> tuple[int, int]:
        return self.series, self.steps + self.ahead

    def each_step(self, draw: Draw) -> NDArray[Any]:
        """(S, T) numbers; ``draw`` is asked for (T, S) of them."""
        return draw(self.rng.spawn(1)[0], self.shape[::-1]).T

    def each_series(self, draw: Draw) -> NDArray[Any]:
        """(S, 1) numbers."""
        return draw(self.rng.spawn(1)[0], (self.series, 1))

    def normal(self) -> Floats:
        return self.each_step(lambda rng, shape: rng.standard_normal(shape))

    def happens(self, chance: float) -> NDArray[np.bool_]:
        return self.each_step(lambda rng, shape: rng.random(shape) < chance)

    def smooth(self, memory: float) -> Floats:
        """(S, T) slow noise of variance 1: first-order autoregression that forgets as ``memory`` says."""
        noise = self.normal()
        noise[:, 1:] *= np.sqrt(1 - memory**2)
        for step in range(1, self.shape[1]):
            noise[:, step] += memory * noise[:, step - 1]
        return noise

    def kinds(self, names: tuple[str, ...]) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """One of ``names`` for every series, (S, 1), and its number; every name is used if there are enough series."""
        numbers = self.each_series(lambda rng, shape: rng.permutation(np.arange(self.series) % len(names))[:, None])
        return np.array(names)[numbers], numbers

    def events(self, chances: Mapping[str, float]) -> NDArray[np.str_]:
        """(S, T) one of the names at every step, each with its chance."""
        names, weights = list(chances), list(chances.values())
        return self.each_step(lambda rng, shape: rng.choice(names, p=weights, size=shape))

    def frame(
        self,
        name: str,
        times: pd.DatetimeIndex,
        target: Floats,
        *,
        past: Columns | None = None,
        future: Columns | None = None,
    ) -> pd.DataFrame:
        """A long frame.  Columns are (S, T) or (S, 1); target and past are emptied after the observed steps."""
        known = np.arange(self.shape[1]) < self.steps
        ids = [f"{name}-{number:02d}" for number in range(1, self.series + 1)]
        columns: dict[str, Any] = {"series": np.repeat(ids, self.shape[1]), "time": np.tile(times, self.series)}
        columns |= {key: np.where(known, value, np.nan).ravel() for key, value in {"y": target, **(past or {})}.items()}
        columns |= {key: np.broadcast_to(value, self.shape).ravel() for key, value in (future or {}).items()}
        return pd.DataFrame(columns)

    def times(self, first: str, freq: str) -> pd.DatetimeIndex:
        return pd.date_range(first, periods=self.shape[1], freq=freq)


def _grid(series: int, steps: int, ahead: int, seed: int) -> _Grid:
    for name, value, least in (("series", series, 1), ("steps", steps, 4), ("ahead", ahead, 0), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"{name}={value} is less than {least}", f"Give {name} as a whole number from {least} on.")
    return _Grid(series, steps, ahead, np.random.default_rng(seed))


def _delayed(values: Floats, steps: int) -> Floats:
    """``values`` (S, T) as they were ``steps`` earlier; the first value stands for what came before it."""
    return np.concatenate([np.repeat(values[:, :1], steps, axis=1), values[:, :-steps]], axis=1)


def trend(*, series: int = 20, steps: int = 120, ahead: int = 12, seed: int = 0) -> pd.DataFrame:
    """Monthly sales that grow in straight pieces.  Price is known ahead, orders run three months before sales."""
    grid = _grid(series, steps, ahead, seed)
    region, number = grid.kinds(("north", "south", "west"))
    size = grid.each_series(lambda rng, shape: rng.uniform(1, 4, shape))
    turns = grid.happens(1 / 40) * 0.5 * grid.normal()
    slopes = np.array([0.9, 0.4, -0.2])[number] + np.cumsum(turns, axis=1)
    orders = grid.smooth(0.7)
    price = 10 + np.round(2 * grid.smooth(0.9)) / 2
    campaign = grid.events({"none": 0.8, "print": 0.1, "web": 0.1})
    lift = 12.0 * (campaign == "print") + 20.0 * (campaign == "web") - 5 * (price - 10)
    sales = 60 * size + np.cumsum(slopes, axis=1) + 6 * _delayed(orders, 3) + lift + 2 * grid.normal()
    known = {"price": price, "campaign": campaign, "size": size, "region": region}
    return grid.frame("trend", grid.times("2014-01-01", "MS"), sales, past={"orders": orders}, future=known)


def seasons(*, series: int = 8, steps: int = 1344, ahead: int = 24, seed: int = 0) -> pd.DataFrame:
    """Hourly load with a day and a week.  Temperature and kind of day are known ahead, clouds only up to now."""
    grid = _grid(series, steps, ahead, seed)
    customer, number = grid.kinds(("home", "office"))
    hour = np.arange(grid.shape[1])
    weekend = (hour // 24) % 7 >= 5
    holiday = grid.happens(0.06)[:1, hour // 24]  # one calendar for all
    day_type = np.where(holiday, "holiday", np.where(weekend, "weekend", "workday"))
    free = weekend | holiday
    at_home = 5 + 2 * np.sin(2 * np.pi * (hour - 13) / 24) + np.sin(4 * np.pi * (hour - 1) / 24) + 1.5 * free
    at_work = 4 + 4 * np.exp(-(((hour % 24) - 13) ** 2) / 16) * ~free
    temperature = 12 + 6 * np.sin(2 * np.pi * (hour - 9) / 24) + 5 * grid.smooth(0.98)
    clouds = grid.smooth(0.97)
    connections = grid.each_series(lambda rng, shape: rng.integers(20, 200, shape)).astype(float)
    weather = 0.15 * np.abs(temperature - 18) + 0.5 * _delayed(clouds, 1)
    load = connections / 10 * (np.where(number == 0, at_home, at_work) + weather + 0.3 * grid.normal())
    known = {"temperature": temperature, "day_type": day_type, "connections": connections, "customer": customer}
    return grid.frame("load", grid.times("2023-01-02", "h"), load, past={"clouds": clouds}, future=known)


def regimes(*, series: int = 12, steps: int = 730, ahead: int = 14, seed: int = 0) -> pd.DataFrame:
    """Daily output of machines that change between modes of other level, swing and noise.  Modes are planned ahead."""
    grid = _grid(series, steps, ahead, seed)
    machine, number = grid.kinds(("old", "new"))
    first = grid.each_series(lambda rng, shape: rng.integers(0, 3, shape))
    stays = first + np.cumsum(grid.happens(1 / 30), axis=1)
    mode = (stays + stays // 5) % 3  # the order of the modes is regular, their lengths are not
    staff = np.round(20 + 4 * grid.smooth(0.95))
    wear = grid.smooth(0.98)
    capacity = grid.each_series(lambda rng, shape: rng.uniform(50, 150, shape))
    level = np.array([0.2, 1.0, 1.5])[mode] * (1 + 0.25 * number)
    swing = np.array([0.0, 0.1, 0.25])[mode] * np.sin(2 * np.pi * np.arange(grid.shape[1]) / 7)
    noise = np.array([0.02, 0.05, 0.12])[mode] * grid.normal()
    output = capacity * (level + swing + noise + 0.03 * (staff - 20) - 0.08 * _delayed(wear, 2))
    names = np.array(["idle", "normal", "rush"])[mode]
    known = {"staff": staff, "mode": names, "capacity": capacity, "machine": machine}
    return grid.frame("machine", grid.times("2022-01-01", "D"), output, past={"wear": wear}, future=known)


def intermittent(*, series: int = 40, steps: int = 208, ahead: int = 13, seed: int = 0) -> pd.DataFrame:
    """Weekly demand for spare parts: mostly nothing, then a few.  Promotions and price are known ahead."""
    grid = _grid(series, steps, ahead, seed)
    part, number = grid.kinds(("bearing", "filter", "pump"))
    fleet = grid.each_series(lambda rng, shape: rng.integers(5, 60, shape)).astype(float)
    promotion = grid.events({"none": 0.86, "flyer": 0.08, "bundle": 0.06})
    price = np.round(20 - 5 * grid.happens(0.15) + grid.smooth(0.95), 2)
    repairs = grid.each_step(lambda rng, shape: rng.poisson(0.05 * fleet.T, shape)).astype(float)
    chance = 0.04 + 0.1 * (number == 1) + 0.25 * (promotion == "flyer") + 0.45 * (promotion == "bundle")
    chance = chance + 0.015 * (20 - price) + 0.08 * _delayed(repairs, 1)  # a repair empties a shelf that is refilled
    ordered = grid.each_step(lambda rng, shape: rng.random(shape)) < np.clip(chance, 0.01, 0.95)
    size = 1 + grid.each_step(lambda rng, shape: rng.negative_binomial(2, 1 / (1 + fleet.T / 15), shape))
    known = {"price": price, "promotion": promotion, "fleet": fleet, "part": part}
    demand = (ordered * size).astype(float)
    return grid.frame("part", grid.times("2020-01-06", "W-MON"), demand, past={"repairs": repairs}, future=known)


def random_walk(*, series: int = 10, steps: int = 500, ahead: int = 0, seed: int = 0) -> pd.DataFrame:
    """Daily random walks: nothing to learn, so that the last value is the best forecast.  No covariates."""
    grid = _grid(series, steps, ahead, seed)
    return grid.frame("walk", grid.times("2023-01-01", "D"), 100 + np.cumsum(grid.normal(), axis=1))


def _roles(*, past: str, future: tuple[str, ...], static: tuple[str, ...]) -> Roles:
    return Roles(time="time", target="y", id="series", past=(past,), future=future, static=static)


_SOURCE = "made by forecast.datasets.named.synthetic"

SYNTHETIC: tuple[DatasetEntry, ...] = (
    DatasetEntry(
        name="trend",
        kind="synthetic",
        freq="MS",
        season=1,
        horizon=12,
        roles=_roles(past="orders", future=("price", "campaign"), static=("size", "region")),
        description="Monthly sales that grow in straight pieces; orders lead them, price and campaigns move them",
        load=trend,
        source=_SOURCE,
        licence="Apache-2.0",
    ),
    DatasetEntry(
        name="seasons",
        kind="synthetic",
        freq="h",
        season=24,
        horizon=24,
        roles=_roles(past="clouds", future=("temperature", "day_type"), static=("connections", "customer")),
        description="Hourly load with a daily and a weekly season, weather and holidays",
        load=seasons,
        source=_SOURCE,
        licence="Apache-2.0",
    ),
    DatasetEntry(
        name="regimes",
        kind="synthetic",
        freq="D",
        season=7,
        horizon=14,
        roles=_roles(past="wear", future=("staff", "mode"), static=("capacity", "machine")),
        description="Daily output of machines that change between modes of other level, swing and noise",
        load=regimes,
        source=_SOURCE,
        licence="Apache-2.0",
    ),
    DatasetEntry(
        name="intermittent",
        kind="synthetic",
        freq="W-MON",
        season=1,
        horizon=13,
        roles=_roles(past="repairs", future=("price", "promotion"), static=("fleet", "part")),
        description="Weekly demand for spare parts: mostly zero, driven by promotions, price and repairs",
        load=intermittent,
        source=_SOURCE,
        licence="Apache-2.0",
    ),
    DatasetEntry(
        name="random_walk",
        kind="synthetic",
        freq="D",
        season=1,
        horizon=14,
        roles=Roles(time="time", target="y", id="series"),
        description="Daily random walks: nothing to learn, the last value is the best forecast",
        load=random_walk,
        source=_SOURCE,
        licence="Apache-2.0",
    ),
)
