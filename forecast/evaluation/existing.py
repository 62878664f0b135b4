"""Forecasts that are there already, from any source, as a backtest: they are measured, and nothing is forecast anew.

Dimension key: N rows of the frame, S series, W windows, H horizon, C channels, Q levels.
"""

from typing import Any, overload

import numpy as np
import pandas as pd

from forecast.datasets.arrays import Floats
from forecast.datasets.build import load_panel
from forecast.datasets.frames import as_frame
from forecast.datasets.output import FORECAST
from forecast.datasets.panel import Panel
from forecast.datasets.roles import join_id
from forecast.datasets.schema import Roles
from forecast.datasets.seasons import detect_season
from forecast.errors import DataError, unknown_name
from forecast.evaluation.metrics import actuals as actuals_of
from forecast.evaluation.placing import ACTUAL, Names, Places
from forecast.evaluation.results import Backtest, By


@overload
def evaluate(
    forecasts: Any, actuals: Any = None, *, by: None = None, season: int | None = None, **columns: Any
) -> dict[str, float]: ...


@overload
def evaluate(
    forecasts: Any, actuals: Any = None, *, by: By, season: int | None = None, **columns: Any
) -> pd.DataFrame: ...


def evaluate(
    forecasts: Any, actuals: Any = None, *, by: By | None = None, season: int | None = None, **columns: Any
) -> dict[str, float] | pd.DataFrame:
    """The measures of forecasts that are there already; by: as in ``Backtest.metrics``, the rest: as in ``from_frame``.

    >>> evaluate(their_forecasts, "sales.csv", by="series", forecast="AutoARIMA")  # doctest: +SKIP
    """
    return from_frame(forecasts, actuals, season=season, **columns).metrics(by)


def from_frame(
    forecasts: Any,
    actuals: Any = None,
    *,
    forecast: str = FORECAST,
    origin: str | None = None,
    season: int | None = None,
    **roles: Any,
) -> Backtest:
    """A backtest of a long frame (or file) of forecasts, one row per window and step, such as ``Backtest.frame`` gives.

    forecasts: columns of the id (if there are several series), the time, ``target`` (if there are several) and the
    forecast; quantile levels are called q0.05 and so on.  ``fold`` or an origin, the time of the last step that was
    known (``origin`` or ``cutoff``), tell forecasts of one step apart; without them each series has one window.
    Without an origin a window begins right after it.  Steps that are not there do not count.
    actuals: the data with the rows before the origins, as in ``fit``, which scale MASE and RMSSE (else these are NaN);
    None: the column ``actual`` of the forecasts.
    season: of MASE and RMSSE; default: found from the rows before the first origins.
    forecast, origin: names of columns.  roles: those of the data (``id``, ``time``, ``target``, ``freq`` …), found
    where not named; id and time are looked for in both.

    Raises ``DataError`` for rows that are twice there, lie off the data's grid or are of unknown series, and for
    columns that are missing or hold no numbers; ``ConfigError`` for an unknown role.
    """
    for name in roles:
        if name not in Roles.__dataclass_fields__:
            raise unknown_name("role", name, Roles.__dataclass_fields__)
    frame, _ = as_frame(forecasts)
    frame = join_id(frame, roles.get("id"))
    known = None if actuals is None else load_panel(actuals, Roles(**roles))
    names = Names.find(frame, roles, known, forecast=forecast, origin=origin)
    panel = _panel_of(frame, names, roles) if known is None else known
    places = Places.find(frame, names, panel, history=known is not None)
    values = _filled(places, [frame[name] for name in (names.forecast, *names.levels)])
    if known is None:
        actual = _filled(places, [frame[ACTUAL]])[..., 0]
    else:
        actual = actuals_of(panel, places.series, places.ends + places.gap, horizon=places.shape[1])
        if places.cells is not None:
            there = np.zeros(actual.size, bool)
            there[places.cells] = True
            actual[~there.reshape(actual.shape)] = np.nan
        if np.isnan(actual).all():
            raise DataError("no actual of any forecast has come yet", "Give the data up to what was forecast.")
    return Backtest(
        name=forecast,
        panel=panel,
        horizon=places.shape[1],
        gap=places.gap,
        folds=int(places.fold.max()) + 1,
        step=places.step(),
        season=season or (1 if known is None else detect_season(panel.cut(places.first(len(panel))))),
        levels=tuple(names.levels.values()),
        fold=places.fold,
        series=places.series,
        ends=places.ends,
        values=values,
        actual=actual,
        fits=0,
        fit_seconds=0.0,
        predict_seconds=0.0,
        history=known is not None,
    )


def _panel_of(frame: pd.DataFrame, names: Names, roles: dict[str, Any]) -> Panel:
    """The panel of the actuals that stand beside the forecasts, each step once."""
    keys = [name for name in (names.id, names.time) if name is not None]
    each = [*keys, names.target] if names.target is not None else keys
    rows = frame[[*each, ACTUAL]][~frame.duplicated(each)]
    if names.target is None:
        target: Any = ACTUAL
    else:
        target = tuple(rows[names.target].unique())
        rows = rows.pivot(index=keys, columns=names.target, values=ACTUAL).reset_index()
    told = {name: value for name, value in roles.items() if name in ("freq", "timezone")}
    return load_panel(rows, Roles(id=names.id, time=names.time, target=target, **told))


def _filled(places: Places, columns: list[pd.Series]) -> Floats:
    """(W, H, C, K) of columns (N,), each row at its place; NaN elsewhere."""
    given = [column.to_numpy(np.float64) for column in columns]
    shape = (*places.shape, len(columns))
    if places.cells is None:
        return np.stack(given, axis=-1).reshape(shape)
    values = np.full((int(np.prod(places.shape)), len(columns)), np.nan)
    for place, column in enumerate(given):
        values[places.cells, place] = column
    return values.reshape(shape)
