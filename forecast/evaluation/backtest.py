"""Rolling-origin evaluation: each forecast is made from what was known at its origin, and scored on what came after."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

import numpy as np

from forecast.datasets.panel import Panel
from forecast.errors import ConfigError, DataError
from forecast.evaluation.contenders import contenders, is_several, same_horizon
from forecast.evaluation.known import require_known_ahead
from forecast.evaluation.origins import Origins, fold_origins, require_folds
from forecast.evaluation.plan import OnFold, OnReport, Plan
from forecast.evaluation.results import Backtest
from forecast.evaluation.runner import Runner

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster


class Options(TypedDict, total=False):
    """The options of ``backtest``, for type checkers."""

    folds: int
    step: int | None
    horizon: int | None
    gap: int
    window: int | None
    refit: bool | int
    warm: bool
    fitted: bool
    anchored: bool
    levels: Iterable[float] | None
    season: int | None
    future_data: Any
    on_report: OnReport | None
    on_fold: OnFold | None


@overload
def backtest(forecaster: "Forecaster | str", data: Any, **options: Unpack[Options]) -> Backtest: ...


@overload
def backtest(
    forecaster: "Mapping[str, Forecaster | str] | Sequence[Forecaster | str]", data: Any, **options: Unpack[Options]
) -> dict[str, Backtest]: ...


def backtest(
    forecaster: "Forecaster | str | Mapping[str, Forecaster | str] | Sequence[Forecaster | str]",
    data: Any,
    *,
    folds: int = 10,
    step: int | None = None,
    horizon: int | None = None,
    gap: int = 0,
    window: int | None = None,
    refit: bool | int = False,
    warm: bool = False,
    fitted: bool = False,
    anchored: bool = False,
    levels: Iterable[float] | None = None,
    season: int | None = None,
    future_data: Any = None,
    on_report: OnReport | None = None,
    on_fold: OnFold | None = None,
) -> Backtest | dict[str, Backtest]:
    """Forecast ``folds`` origins of every series and compare with what came.

    forecaster: one, the name of a preset (with ``horizon``), or a list or mapping of these: then a backtest of each by
    name, all on the same windows and with the same season.  Presets read the columns of the first that is no preset.

    The origins of a series lie ``step`` rows apart (default: horizon) and are counted back from its own last observed
    target, where the last horizon ends; a series too short for all takes part in the last folds, from the first that
    leaves it one observed step.  An unfitted clone is fitted on the rows before each series' first origin and forecasts
    all windows of the fit in one call; it may read the rows between as context.  Later targets and past covariates are
    removed from what it gets.  One of which it is not known that it keeps to its origins (``keeps_to_origins``) is
    given every fold by itself.

    gap: rows between the origin and the first step that is scored, for data that come late; the clone's horizon is
    longer by it.  window: a fit and a forecast see that many rows before their origin; None: all of them.
    refit: fit anew every so many folds (True: every fold).  warm: go on from the weights before instead, as
    ``fine_tune`` does; forecasters without weights are fitted anew.
    fitted: score the weights of ``forecaster`` itself; refused unless all scored targets are later than its training.
    anchored: forecast the origins of a series in as few passes of a causal network as can be, as ``stream`` does: with
    location and scale of an anchor, the first origin and every lookback steps from there, and a context that grows
    from one lookback to two.  Without it every origin has a window of its own, as ``predict`` has.
    levels: default: the forecaster's.  season: of MASE and RMSSE; default: the forecaster's, else found from the rows
    before the first origins.  data, future_data: as in ``fit``.
    on_report: as in ``fit``.  on_fold(folds, mase): told a few times per fit how many folds are done, and their error
    so far (NaN where no series has a scale); it may raise to stop.

    Raises ``ConfigError`` for wrong arguments and ``DataError`` for folds that do not fit, saying how many would, and
    for a covariate that ends with an origin although it is declared as known ahead.
    """
    named = contenders(forecaster, horizon)
    steps = same_horizon(named, horizon)
    plan = Plan(
        folds=folds,
        step=steps if step is None else step,
        horizon=steps,
        gap=gap,
        window=window,
        refit=refit,
        warm=warm,
        fitted=fitted,
        anchored=anchored,
        season=next((one.season for one in named.values() if one.season), None) if season is None else season,
        on_report=on_report,
        on_fold=on_fold,
    )
    plan.check()
    read: dict[str, Panel] = {}  # by what it was read with: each file or frame is read once
    results: dict[str, Backtest] = {}
    for name, one in named.items():
        key = str(getattr(one, "schema_", "")) if fitted else str(one.roles())
        if key not in read:
            read[key] = _read(one, data, fitted=fitted, future_data=future_data)
        results[name] = _backtest(name, one, read[key], plan, levels)
    return results if is_several(forecaster) else results.popitem()[1]


def _backtest(
    name: str, forecaster: "Forecaster", panel: Panel, plan: Plan, levels: Iterable[float] | None
) -> Backtest:
    """One forecaster on a panel in the user's units."""
    if plan.gap and not plan.fitted:
        forecaster = forecaster.clone().set_params(horizon=forecaster.horizon + plan.gap)
    if plan.anchored:
        from forecast.estimators.anchored import require_causal

        require_causal(forecaster, plan.reach)
    needed = 2 * forecaster.horizon + 1
    if plan.window is not None and plan.window < needed:
        raise ConfigError(f"window={plan.window} rows are too few to fit on", f"Give at least {needed}, or None.")
    panel, origins, left_out = _place(panel, plan, train=1 if plan.fitted else needed)
    if plan.fitted:
        _refuse_trained(forecaster, panel, origins)
    require_known_ahead(panel, origins)
    season = plan.season or _season(panel.cut(origins.first))
    runner = Runner(forecaster, panel, origins, plan, levels=_levels(forecaster, levels))
    runner.run(season)
    return Backtest(
        name=name,
        panel=panel,
        horizon=plan.horizon,
        gap=plan.gap,
        folds=plan.folds,
        step=plan.step,
        season=season,
        levels=runner.levels,
        fold=origins.fold,
        series=origins.series,
        ends=origins.ends,
        values=runner.values,
        actual=runner.actual,
        fits=runner.fits,
        fit_seconds=runner.fit_seconds,
        predict_seconds=runner.predict_seconds,
        left_out=left_out,
        report=runner.report,
    )


def _place(panel: Panel, plan: Plan, *, train: int) -> tuple[Panel, Origins, tuple[str, ...]]:
    """The series that are long enough for a fold, the origins in them, and the ids of the others."""
    require_folds(panel, plan.folds, horizon=plan.horizon, gap=plan.gap, step=plan.step, train=train)
    origins = fold_origins(panel, reach=plan.reach, folds=plan.folds, step=plan.step)
    used = np.unique(origins.series)
    left_out = tuple(map(str, np.delete(panel.ids, used)))
    if left_out:
        panel = panel.select(used)
        origins = replace(origins, series=np.searchsorted(used, origins.series), first=origins.first[used])
    return panel, origins, left_out


def _read(forecaster: "Forecaster", data: Any, *, fitted: bool, future_data: Any) -> Panel:
    if fitted:
        forecaster._require_fit()
    schema = forecaster.schema_ if fitted else None
    return forecaster._panel(data, schema=schema, future_data=future_data)


def _levels(forecaster: "Forecaster", levels: Iterable[float] | None) -> tuple[float, ...]:
    from forecast.estimators.base import check_levels

    given = forecaster.levels if levels is None else levels
    return () if given is None else check_levels(given)


def _season(panel: Panel) -> int:
    from forecast.datasets.seasons import detect_season

    return detect_season(panel)


def _refuse_trained(forecaster: "Forecaster", panel: Panel, origins: Origins) -> None:
    """``DataError`` naming the first series whose training reaches past its first origin: its targets were learned."""
    ends = {str(name): end for name, end in forecaster.fitted_ends_.items()}
    known = np.flatnonzero([str(name) in ends for name in panel.ids])
    if not len(known):
        return
    last = np.array([ends[str(name)] for name in panel.ids[known]], dtype=np.int64)
    trained = forecaster.panel_.timeline.ticks(last)  # times, not steps: row steps differ between panels
    first = panel.timeline.ticks((panel.starts + origins.first - 1)[known])
    late = np.flatnonzero(trained > first)
    if not len(late):
        return
    name = panel.ids[known[late[0]]]
    origin = panel.timeline.times((panel.starts + origins.first - 1)[known[late[:1]]])[0]
    end = forecaster.panel_.timeline.times(last[late[:1]])[0]
    raise DataError(
        f"series {name!r} was trained up to {end}, later than its first origin {origin}: {len(late)} of {len(panel)} "
        "series would be scored on targets that the weights have seen",
        "Fit on rows before the first origin, ask for fewer folds, or leave fitted off (a clone is then fitted).",
        series=name,
    )
