"""How far back does each mechanism still remember?  Synthetic tasks whose answer lies k steps before the origin.

    python examples/long_memory.py                                              # one mechanism, k = 30, seconds
    python examples/long_memory.py --all --lengths 100,1000,10000 --seconds 60 --markdown

- recall: one of k noisy steps is marked by a past covariate, in the first tenth of the window; it is the answer.
- adding: two steps are marked, one in each half; the answer is their sum (Hochreiter & Schmidhuber 1997, section 5.4).
- season: each series repeats a pattern of k random steps, and the window holds one cycle: the answer is its first step.

Every series holds one window of k steps and the answer, those that are scored are new, and tokens are single steps; the
linear path beside the network is off, which would solve the last task alone.  The score is the share of the answer's
variance that the forecast explains: 1 is perfect, 0 is the mean.  A mechanism that reaches .9 goes on to the next k.
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

from forecast import create
from forecast.presets import PRESETS

LEARNED = 0.9
GOOD_ENOUGH = 0.08  # mean absolute error in training, of answers with deviation 1, at which a fit may end
NUMBERS = 4_000_000  # rows of all training series together
MOST_SERIES, TEST_SERIES = 4000, 200
MECHANISMS = (
    *("rnn", "gru", "lstm", "xlstm", "p-slstm", "seq2seq", "seq2seq-bahdanau"),
    *("transformer", "transformer-encoder", "transformer-local", "transformer-strided", "logsparse", "informer"),
    *("autoformer", "reformer", "linear-transformer", "adaptive-span", "hierarchical", "transformer-xl"),
    *("compressive-transformer", "compact", "hybrid", "hybrid-interleaved", "hybrid-delta", "hybrid-memory"),
)


def main() -> None:
    asked = _arguments()
    if asked.one:
        print(json.dumps(measure(asked.one, asked.task, int(asked.lengths), asked)))
        return
    names = asked.models.split(",") if asked.models else MECHANISMS if asked.all else ("gru",)
    lengths = [int(length) for length in asked.lengths.split(",")]
    separator = " | " if asked.markdown else "  "
    header = ["mechanism", *(f"k = {length:,}" for length in lengths)]
    print(f"{asked.task}: share of the answer explained (seconds; windows per second; MB at most)\n")
    print(separator.join(header))
    if asked.markdown:
        print(separator.join(["---"] * len(header)))
    for name in names:
        cells = [name]
        for length in lengths:
            found = _in_a_process(name, length, asked)
            cells.append(found["text"])
            if found["score"] < LEARNED:
                break
        print(separator.join(cells + ["–"] * (len(header) - len(cells))), flush=True)


def measure(name: str, task: str, length: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Fit on series of one window each and score on new ones."""
    import resource

    count = min(MOST_SERIES, NUMBERS // length)
    train, test = make(task, length, count, seed=1), make(task, length, TEST_SERIES, seed=2)
    model = create(
        name,
        **{
            "horizon": 1,
            "lookback": length,
            "tokens": "steps",
            "season": 1,
            "time": "t",
            "target": "y",
            "id": "id",
            "past": ["mark"],
            "min_context": length,
            "levels": None,
            "highway": False,
            "calendar": False,
            "dropout": 0.0,
            "max_steps": 1_000_000,
            "max_time": asked.seconds,
            "patience": None,
            **json.loads(asked.settings),
        },
    )
    began = time.perf_counter()
    model.fit(train, validation=0, on_report=lambda step, seconds, losses: losses["loss"] < GOOD_ENOUGH)
    seconds = time.perf_counter() - began
    known = test[test["t"] < length]
    answer = test.loc[test["t"] == length, "y"].to_numpy()
    forecast = model.predict(known)["y"].to_numpy()
    score = 1 - np.mean(np.square(forecast - answer)) / np.var(answer)
    windows = model.report_["steps"] * model.resolved_.batch_size / seconds
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"score": float(score), "text": f"{score:.2f} ({seconds:.0f} s; {windows:,.0f}; {memory:,})"}


def make(task: str, length: int, count: int, *, seed: int) -> pd.DataFrame:
    """Long frame of series with ``length`` steps and the answer as the step after them."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, length + 1)).astype(np.float32)
    marks = np.zeros((count, length + 1), np.float32)
    rows = np.arange(count)
    if task == "season":
        values[:, length] = values[:, 0]
    else:
        first = rng.integers(0, max(length // 10, 1), count)
        marks[rows, first] = 1
        values[:, length] = values[rows, first]
        if task == "adding":
            second = rng.integers(length // 2, length, count)
            marks[rows, second] = 1
            values[:, length] += values[rows, second]
    return pd.DataFrame(
        {
            "id": np.repeat(rows, length + 1),
            "t": np.tile(np.arange(length + 1), count),
            "y": values.ravel(),
            "mark": marks.ravel(),
        }
    )


def _in_a_process(name: str, length: int, asked: argparse.Namespace) -> dict[str, Any]:
    """``measure`` in a process of its own; a mechanism that fails says why."""
    told = [sys.executable, "-P", __file__, "--one", name, "--lengths", str(length), "--task", asked.task]
    told += ["--seconds", str(asked.seconds), "--settings", asked.settings]
    try:
        done = subprocess.run(told, capture_output=True, text=True, timeout=20 * asked.seconds + 120)
    except subprocess.TimeoutExpired:
        return {"score": 0.0, "text": "out of time"}
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["out of memory"])[-1]
        return {"score": 0.0, "text": reason[:90]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=("recall", "adding", "season"), default="recall")
    parser.add_argument("--lengths", default="30", help="steps between the answer and the origin, separated by commas")
    parser.add_argument("--seconds", type=float, default=10.0, help="time limit of each fit")
    parser.add_argument("--models", help="presets, separated by commas: " + ", ".join(sorted(PRESETS)))
    parser.add_argument("--all", action="store_true", help="one preset per mechanism")
    parser.add_argument("--settings", default="{}", help="settings of all, as JSON")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
