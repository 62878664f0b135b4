"""Every preset on one data set for the same seconds: error, speed, size and memory, beside seasonal naive.

    python examples/compare_presets.py                                          # three presets, seconds each
    FORECAST_DATA=folder python examples/compare_presets.py m4_hourly --all --seconds 60 --horizon 48 --markdown
    python examples/compare_presets.py load.csv --models lstm,patchtst,tft --horizon 24

Each preset is fitted in a process of its own, without the last horizons (``--folds``), which are then forecast and
scored: MASE and the squared error of the standardised series, both the mean over windows.  A preset that is worse than
seasonal naive is marked so.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

from forecast import create, load_dataset
from forecast.datasets.build import load_panel
from forecast.datasets.catalogue import find_dataset
from forecast.errors import ConfigError, DataError
from forecast.presets import PRESETS
from forecast.presets.catalogue import networks

COLUMNS = ("preset", "family", "mase", "mse", "seconds", "windows/s", "parameters", "peak MB", "")
FIRST_LOOK = ("lstm", "transformer", "hybrid")


def main() -> None:
    asked = _arguments()
    if asked.one:
        print(json.dumps(measure(asked.one, asked)))
        return
    names = asked.models.split(",") if asked.models else FIRST_LOOK
    if asked.all:
        names = networks()
    separator = " | " if asked.markdown else "  "
    print(separator.join(COLUMNS))
    if asked.markdown:
        print(separator.join(["---"] * len(COLUMNS)))
    naive = None
    for name in ("seasonal-naive", *names):
        found = _in_a_process(name)
        if "error" in found:
            print(separator.join([name, PRESETS[name].family, found["error"]]), flush=True)
            continue
        naive = found["mase"] if naive is None else naive
        behind = "worse than seasonal naive" if found["mase"] > naive else ""
        cells = [f"{found[column]}" for column in COLUMNS[:-1]]
        print(separator.join([*cells, behind]), flush=True)


def measure(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Fit one preset on all but the last horizon of every series and score that."""
    frame, roles = _data(asked)
    settings: dict[str, Any] = {"horizon": asked.horizon, **roles}
    row = PRESETS[name]
    if row.family != "baseline":
        settings |= {"max_time": asked.seconds, **json.loads(asked.settings)}
    model = create(name, **settings)
    panel = load_panel(frame, model.roles())
    before = panel.ends - asked.folds * asked.horizon
    began = time.perf_counter()
    model.fit(panel.cut(before))
    seconds = time.perf_counter() - began
    used = np.flatnonzero(before > 0)
    series = np.repeat(used, asked.folds)
    ends = (before[used, None] + asked.horizon * np.arange(asked.folds)).ravel()
    values = model.forecast_windows(panel, series, ends)[..., 0]  # (W, H, C)
    errors, squares = [], []
    for number, end, forecast in zip(series, ends, values, strict=True):
        first = panel.offsets[number]
        target = panel.target[first : first + end + asked.horizon].astype(np.float64)
        past, future = target[: before[number]], target[end:]
        season = model.season_ if len(past) > model.season_ else 1
        scale = np.nanmean(np.abs(past[season:] - past[:-season]), axis=0)
        errors.append(np.nanmean(np.abs(forecast - future), axis=0) / scale)
        squares.append(np.nanmean(np.square((forecast - future) / np.nanstd(past, axis=0))))
    report = model.report_
    steps, batch, origins = (report.get(key, 0) for key in ("steps", "batch_size", "origins"))
    return {
        "preset": name,
        "family": row.family,
        "mase": round(float(np.mean(errors)), 3),
        "mse": round(float(np.mean(squares)), 3),
        "seconds": round(seconds, 1),
        "windows/s": round(steps * batch * origins / seconds),
        "parameters": report.get("parameters", 0),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _data(asked: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The data, and what the roles of its columns are where it has a name."""
    try:
        entry = find_dataset(asked.data)
    except ConfigError:
        return asked.data, {}
    known = {key: getattr(entry.roles, key) for key in ("time", "target", "id", "past", "future", "static")}
    return load_dataset(asked.data), {key: value for key, value in known.items() if value}


def _in_a_process(name: str) -> dict[str, Any]:
    """``measure`` in a new process, so that neither memory nor speed depends on the one before."""
    told = [sys.executable, "-P", __file__, *sys.argv[1:], "--one", name]
    done = subprocess.run(told, capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", default="co2", help="a file, or the name of a data set")
    parser.add_argument("--horizon", type=int, default=26)
    parser.add_argument("--folds", type=int, default=1, help="horizons at the end that are forecast")
    parser.add_argument("--seconds", type=float, default=4.0, help="time limit of each fit")
    parser.add_argument("--models", help="presets, separated by commas")
    parser.add_argument("--all", action="store_true", help="all presets")
    parser.add_argument("--settings", default="{}", help='settings of every network, as JSON: {"threads": 1}')
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    try:
        return parser.parse_args()
    except DataError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
