"""Influenza-like illness, one and four weeks ahead: ARIMA, LSTM, sequence to sequence with attention, Transformer.

    python examples/influenza.py                              # made-up weekly shares of ten regions, half a minute
    python examples/influenza.py --file ili.csv --seconds 60  # your own: columns region, week, share

The comparison of Wu et al. (2020, Deep Transformer models for time series forecasting: the influenza prevalence case):
ten weeks of lookback, correlation and root mean squared error over the last third of the weeks, each region by itself
and then averaged.  Their data are not free to ship, so the script makes epidemics of its own: each winter a wave of
random height, onset and growth rate runs through the regions, under noise of reporting.
"""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from forecast import Forecaster, create

OURS = {"lookback": 10, "tokens": "steps", "location": "last", "scale": "series"}  # ten weeks are ten tokens
RIVALS: dict[str, dict[str, Any]] = {
    "naive": {},
    "arima": {},
    "lstm": OURS,
    "seq2seq-bahdanau": OURS,
    "transformer-encoder-decoder": OURS,
}


def main() -> None:
    asked = _arguments()
    frame = pd.read_csv(asked.file, parse_dates=["week"]) if asked.file else epidemics(asked.regions, asked.years)
    weeks = frame["week"].nunique()
    folds = weeks // 3
    print(f"{frame['region'].nunique()} regions, {weeks} weeks, the last {folds} of them forecast\n")
    print(f"{'':28s} {'1 week ahead':>22s} {'4 weeks ahead':>22s}")
    print(f"{'':28s} {'correlation':>14s} {'RMSE':>7s} {'correlation':>14s} {'RMSE':>7s}")
    for name, settings in RIVALS.items():
        own = settings | {"max_time": asked.seconds} if settings else {}
        forecaster = create(name, horizon=4, id="region", time="week", target="share", **own)
        scores = judge(forecaster, frame, folds - 3)
        columns = "".join(f" {scores[step][0]:14.3f} {scores[step][1]:7.3f}" for step in (0, 3))
        print(f"{name:28s}{columns}", flush=True)


def judge(forecaster: Forecaster, frame: pd.DataFrame, folds: int) -> list[tuple[float, float]]:
    """(correlation, RMSE) for each step ahead, the mean over regions of what their weeks give."""
    result = forecaster.backtest(frame, folds=folds, step=1, levels=())
    found, came = result.values[:, :, 0, 0], result.actual[:, :, 0]  # (W, H)
    scores = []
    for step in range(found.shape[1]):
        of_region = []
        for region in np.unique(result.series):
            rows = result.series == region
            pair = found[rows, step], came[rows, step]
            of_region.append((np.corrcoef(*pair)[0, 1], np.sqrt(np.mean(np.square(pair[0] - pair[1])))))
        correlation, error = np.mean(of_region, axis=0)
        scores.append((float(correlation), float(error)))
    return scores


def epidemics(regions: int, years: int, seed: int = 0) -> pd.DataFrame:
    """Weekly shares of visits for influenza-like illness, in percent: a susceptible–infectious wave each winter."""
    rng = np.random.default_rng(seed)
    weeks = pd.date_range("2010-07-04", periods=52 * years, freq="W")
    share = np.zeros((regions, len(weeks)))
    for year in range(years):
        onset, growth, height = rng.integers(12, 24), rng.uniform(0.35, 0.6), rng.uniform(2, 6)
        for region in range(regions):
            peak = 52 * year + onset + rng.normal(0, 2) + 6
            wave = 1 / np.cosh(growth * rng.uniform(0.85, 1.15) / 2 * (np.arange(len(weeks)) - peak)) ** 2
            share[region] += height * rng.uniform(0.7, 1.3) * wave
    season = 0.3 * np.cos(2 * np.pi * (np.arange(len(weeks)) - 29) / 52)
    share = (share + 1 + season + rng.uniform(0, 0.5, (regions, 1))) * np.exp(rng.normal(0, 0.05, share.shape))
    names = [f"region {number + 1}" for number in range(regions)]
    return pd.DataFrame(
        {"region": np.repeat(names, len(weeks)), "week": np.tile(weeks, regions), "share": share.round(3).ravel()}
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", help="CSV with the columns region, week and share")
    parser.add_argument("--seconds", type=float, default=5.0, help="time limit of each fit")
    parser.add_argument("--regions", type=int, default=10)
    parser.add_argument("--years", type=int, default=9)
    return parser.parse_args()


if __name__ == "__main__":
    main()
