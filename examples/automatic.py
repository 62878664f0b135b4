"""What the automatic choice reaches on published tasks within a given time, beside seasonal naive.

    python examples/automatic.py                                                # two data sets that come along, briefly
    FORECAST_DATA=folder python examples/automatic.py --all --seconds 300       # every public task whose file is there
    FORECAST_DATA=folder python examples/automatic.py m4/hourly fev/epf_np --seconds 60 --markdown

The tasks are those of ``forecast.datasets.named.protocols``.  One forecaster is fitted on all rows before the first
test window; tasks with several windows (prices, births, transformer loads) roll on from there without another fit.
MASE, weighted quantile loss (levels 0.1 to 0.9) and coverage are over all windows; the ratios are to seasonal naive
over the season of the task, and their geometric mean over the tasks stands in the last line.
"""

import argparse
import math
import time
from typing import Any

import numpy as np

from forecast import AutoForecaster, SeasonalNaiveForecaster, load_dataset
from forecast.datasets.build import load_panel
from forecast.datasets.catalogue import available, find_dataset
from forecast.datasets.named.protocols import PROTOCOLS, Protocol, protocol
from forecast.evaluation.known import hide_after
from forecast.evaluation.metrics import actuals, mase_of_windows
from forecast.evaluation.scores import coverage, wql

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
NINE = slice(2, 11)  # places of the levels 0.1 to 0.9 beside the point forecast
TASKS = (
    "m4/hourly",
    "chronos/m3_monthly",
    "chronos/m3_quarterly",
    "chronos/m3_yearly",
    "chronos/m1_monthly",
    "chronos/exchange_rate",
    "gift-eval/us_births/short",
    "gift-eval/ettm1/short",
    "fev/epf_np",
    "fev/epf_pjm",
    "fev/walmart",
)
FIRST_LOOK = (  # on data that come along: the last two horizons
    Protocol(name="co2", dataset="co2", horizon=8, season=52, seasonal_naive=math.nan, windows=2),
    Protocol(name="elec_equip", dataset="elec_equip", horizon=12, season=12, seasonal_naive=math.nan, windows=2),
)
COLUMNS = ("task", "MASE", "ratio", "WQL", "ratio of WQL", "90 % held", "points", "seconds", "chosen")


def main() -> None:
    asked = _arguments()
    tasks = [protocol(name) for name in (TASKS if asked.all else asked.tasks)] or list(FIRST_LOOK)
    separator = " | " if asked.markdown else "  "
    print(separator.join(COLUMNS))
    if asked.markdown:
        print(separator.join(["---"] * len(COLUMNS)))
    rows = []
    for task in tasks:
        at_hand = available(find_dataset(task.dataset))
        if not at_hand:
            print(f"{task.name}: {at_hand.why}", flush=True)
            continue
        rows.append(measure(task, asked.seconds, threads=asked.threads, why=asked.why))
        print(separator.join(f"{value:.3f}" if isinstance(value, float) else str(value) for value in rows[-1].values()))
    if rows:
        print(summary(rows))


def measure(task: Protocol, seconds: float, *, threads: int | None = None, why: bool = False) -> dict[str, Any]:
    """Fit once before the first window of each series, forecast all windows, and score them."""
    panel = load_panel(load_dataset(task.dataset), find_dataset(task.dataset).roles)
    series, ends = task.split(panel)
    scored, series = np.unique(series, return_inverse=True)
    panel = panel.select(scored)  # series too short for the task are not learned from either
    first = panel.ends.copy()
    np.minimum.at(first, series, ends)
    known = hide_after(panel, first)
    began = time.perf_counter()
    model = AutoForecaster(horizon=task.horizon, max_time=seconds, levels=LEVELS, threads=threads).fit(known)
    took = time.perf_counter() - began
    naive = SeasonalNaiveForecaster(horizon=task.horizon, season=task.season, levels=LEVELS).fit(known)
    actual = actuals(panel, series, ends, horizon=task.horizon)
    error, loss, held = score(task, panel, series, ends, actual, model)
    base, base_loss, _ = score(task, panel, series, ends, actual, naive)
    if why:
        print(*model.report_["why"], sep="\n")
        print(model.report_["trials"], model.report_["left_out"], sep="\n", flush=True)
    return {
        "task": task.name,
        "MASE": error,
        "ratio": error / base,
        "WQL": loss,
        "ratio of WQL": loss / base_loss,
        "90 % held": held,
        "points": int(np.isfinite(actual).sum()),
        "seconds": round(took),
        "chosen": " + ".join(f"{share:.2f} {label}" for label, share in model.report_["weights"].items()),
    }


def score(
    task: Protocol, panel: Any, series: np.ndarray, ends: np.ndarray, actual: np.ndarray, model: Any
) -> tuple[float, float, float]:
    """MASE, weighted quantile loss and the coverage of the 90 % interval of a fitted forecaster."""
    values = model.forecast_windows(panel, series, ends, levels=LEVELS)
    error = mase_of_windows(panel, series, ends, values[..., 0], season=task.season)
    loss = wql(actual, values[..., NINE], LEVELS[1:-1])
    return error, float(loss), float(coverage(actual, values[..., 1], values[..., -1]))


def summary(rows: list[dict[str, Any]]) -> str:
    """The geometric means of the ratios, and the mean coverage."""
    means = {name: math.exp(np.mean([math.log(row[name]) for row in rows])) for name in ("ratio", "ratio of WQL")}
    held = np.mean([row["90 % held"] for row in rows])
    return (
        f"geometric mean of the ratios to seasonal naive: MASE {means['ratio']:.3f}, WQL {means['ratio of WQL']:.3f}; "
        f"mean coverage of the 90 % interval {held:.1%}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(PROTOCOLS)}")
    parser.add_argument("--all", action="store_true", help="the tasks of the published table")
    parser.add_argument("--seconds", type=float, default=20.0, help="time limit of each fit")
    parser.add_argument("--threads", type=int, help="CPU threads of the networks; all cores by default")
    parser.add_argument("--why", action="store_true", help="also print how each choice was made")
    parser.add_argument("--markdown", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
