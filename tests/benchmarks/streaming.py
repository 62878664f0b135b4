"""Milliseconds per streamed row over histories of 100 to 100,000 steps; a backtest in one pass beside the exact one.

    python tests/benchmarks/streaming.py            # one series, 24 ahead, hidden 64, lookback 168, one thread
    python tests/benchmarks/streaming.py backtest   # 1,000 origins × 7 channels with fitted weights

Updates of all histories take turns with one call of a bare ``nn.LSTM`` on one token, so that all meet the same load.
Rows that bring a new anchor, and the first turn of each phase of a patch after it, are counted apart.  Weights are
barely trained: time does not depend on them.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from forecast import HybridForecaster, LSTMForecaster, TransformerForecaster, backtest
from forecast.datasets.build import load_panel

HISTORIES = (100, 1_000, 10_000, 100_000)
LOOKBACK, HORIZON, UPDATES = 168, 24, 600
FAMILIES: dict[str, Callable[..., Any]] = {
    "lstm, steps": lambda **settings: LSTMForecaster(tokens="steps", **settings),
    "lstm, patches": lambda **settings: LSTMForecaster(patch=24, **settings),
    "transformer, patches": lambda **settings: TransformerForecaster(patch=24, **settings),
    "transformer, steps": lambda **settings: TransformerForecaster(tokens="steps", **settings),
    "hybrid, patches": lambda **settings: HybridForecaster(patch=24, **settings),
}


def hourly(rows: int, series: int = 1) -> pd.DataFrame:
    """A wide frame of hourly waves with noise."""
    steps = np.arange(rows)[:, None] + 3 * np.arange(series)
    values = np.sin(steps * 2 * np.pi / 24) + 0.3 * np.random.default_rng(0).normal(size=steps.shape)
    times = pd.date_range("2000-01-01", periods=rows, freq="h")
    return pd.DataFrame(values, index=times, columns=[f"s{i}" for i in range(series)])


def milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1_000


def bare_step() -> Callable[[], object]:
    """One token through ``nn.LSTM`` with its state."""
    lstm, token = torch.nn.LSTM(64, 64, batch_first=True), torch.zeros(1, 1, 64)
    state = (torch.zeros(1, 1, 64), torch.zeros(1, 1, 64))

    def step() -> None:
        with torch.inference_mode():
            lstm(token, state)

    return step


def summary(found: list[float]) -> str:
    return f"{np.median(found):6.3f} {np.percentile(found, 99):7.3f}" if found else " " * 14


def updates() -> None:
    """The table of updates."""
    frame = hourly(HISTORIES[-1] + UPDATES)["s0"]
    floors: list[float] = []
    print(f"{'milliseconds: median, 99th percentile':38} {'update':>14} {'first turns':>14} {'new anchor':>14}")
    for name, make in FAMILIES.items():
        model = make(horizon=HORIZON, lookback=LOOKBACK, season=24, max_steps=2, threads=1).fit(frame[-2_000:])
        for past, found in timed_updates(model, frame, floors).items():
            columns = (summary(found[kind]) for kind in ("update", "first", "anchor"))
            print(f"{name:26} {past:>11,} {' '.join(columns)}")
        as_frames, whole = timed_frames(model, frame, past=HISTORIES[1])
        print(f"{name + ', as a frame':26} {HISTORIES[1]:>11,} {summary(as_frames)}")
        print(f"{name + ', predict':26} {HISTORIES[1]:>11,} {summary(whole)}")
    print(f"{'bare nn.LSTM, one token':38} {summary(floors)}")


def timed_updates(model: Any, frame: pd.Series, floors: list[float]) -> dict[int, dict[str, list[float]]]:
    """Milliseconds of each kind of update by length of history; those of the floor are added to ``floors``."""
    floor = bare_step()
    streams = {past: model.stream(frame[:past]) for past in HISTORIES}
    found: dict[int, dict[str, list[float]]] = {past: {"anchor": [], "first": [], "update": []} for past in HISTORIES}
    for step in range(UPDATES):
        for past, stream in streams.items():
            spent = milliseconds(partial(stream.update, float(frame.iloc[past + step])))
            age = int(stream.age[0])
            found[past]["anchor" if age == 0 else "first" if age < model.resolved_.patch else "update"].append(spent)
        floors.append(milliseconds(floor))
    return found


def timed_frames(model: Any, frame: pd.Series, *, past: int) -> tuple[list[float], list[float]]:
    """Milliseconds of updates with a frame of one row, and of ``predict`` with all rows."""
    stream = model.stream(frame[:past])
    rows = [milliseconds(partial(stream.update, frame[k : k + 1])) for k in range(past, past + 100)]
    return rows, [milliseconds(partial(model.predict, frame[:past])) for _ in range(20)]


def passes() -> None:
    """Seconds of 1,000 origins × 7 channels, exact and anchored, in turns."""
    folder = os.environ.get("FORECAST_DATA")
    frame = hourly(17_420, 7) if folder is None else pd.read_csv(os.path.join(folder, "ett", "ETTh1.csv.gz"))
    print(f"{'synthetic' if folder is None else 'ETTh1'}: seconds to forecast, MASE; exact, then anchored")
    for name, make in FAMILIES.items():
        for horizon in (24, 96):
            model = make(horizon=horizon, max_steps=20, threads=1).fit(frame[:12_000])
            panel = load_panel(frame[: 13_000 + horizon], model.roles(), schema=model.schema_)
            found: dict[bool, list[Any]] = {False: [], True: []}
            for anchored in (False, True) * 3:
                asked = {"folds": 1_000, "step": 1, "fitted": True, "season": 24}
                found[anchored].append(backtest(model, panel, anchored=anchored, **asked))
            columns = (
                f"{np.median([one.predict_seconds for one in many]):6.2f} {many[0].metrics()['mase']:.4f}"
                for many in found.values()
            )
            print(
                f"{name:22} lookback {model.resolved_.lookback:>4}, {horizon:>3} ahead {'   '.join(columns)}",
                flush=True,
            )


if __name__ == "__main__":
    torch.set_num_threads(1)
    passes() if sys.argv[1:] == ["backtest"] else updates()
    print(f"load average {os.getloadavg()[0]:.1f}; torch {torch.__version__}")
