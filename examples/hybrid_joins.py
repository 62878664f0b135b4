"""Which way to join recurrence and attention wins: a backtest of every join over several seeds.

    python examples/hybrid_joins.py                                             # a small made-up data set, few steps
    FORECAST_DATA=folder python examples/hybrid_joins.py m4_hourly --seconds 20 --seeds 3 --horizon 48
    python examples/hybrid_joins.py load.csv --seconds 30 --folds 10

Every join is fitted on the rows before the folds and scored on them: MASE, mean over series and folds.  Joins whose
seeds overlap are not told apart by their means.  The last column is the share of attention in what goes through the
gate, the mean over forecasts and features, where a join has a gate between the two halves.
"""

import argparse
from typing import Any

import numpy as np
from torch import Tensor, nn

from forecast import HybridForecaster, create, load_dataset
from forecast.datasets.build import load_panel
from forecast.datasets.catalogue import DATASETS
from forecast.datasets.panel import Panel
from forecast.presets import PRESETS

STEPS = 30  # of training where no seconds are given: enough to show what is printed


def main() -> None:
    asked = _arguments()
    data = load_dataset(asked.data) if asked.data in DATASETS else asked.data
    rows = [name for name, row in PRESETS.items() if row.family == "hybrid"]
    limit: dict[str, Any] = {"max_time": asked.seconds} if asked.seconds else {"max_steps": STEPS}
    naive = create("seasonal-naive", horizon=asked.horizon)
    panel = load_panel(data, naive.roles())
    score = naive.backtest(panel, folds=asked.folds).metrics()["mase"]
    print(f"{'join':24}{'MASE':>8}{'lowest':>9}{'highest':>9}{'attention':>11}")
    print(f"{'seasonal-naive':24}{score:8.3f}")
    for name in rows:
        found = [
            measure(create(name, horizon=asked.horizon, seed=seed, **limit), panel, asked.folds)
            for seed in range(asked.seeds)
        ]
        errors = [error for error, _ in found]
        shares = [share for _, share in found if share is not None]
        share = f"{np.mean(shares):11.0%}" if shares else f"{'–':>11}"
        print(f"{name:24}{np.mean(errors):8.3f}{min(errors):9.3f}{max(errors):9.3f}{share}", flush=True)


def measure(model: HybridForecaster, panel: Panel, folds: int) -> tuple[float, float | None]:
    """MASE of a fit on the rows before the folds, and the mean share of attention in its gate, if it has one."""
    model.fit(panel.cut(np.maximum(panel.ends - folds * model.horizon, 1)))
    shares: list[float] = []

    def read(gate: nn.Module, views: tuple[Tensor, ...], _: Tensor) -> None:
        shares.append(float(gate.weights(*views).mean()))

    for module in model.network_.modules():
        if getattr(module, "explains", None) == "gate":
            module.register_forward_hook(read)
    error = model.backtest(panel, folds=folds, fitted=True).metrics()["mase"]
    return error, float(np.mean(shares)) if shares else None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default="seasons", help="a built-in data set or a file")
    parser.add_argument("--horizon", type=int, default=24)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0, help=f"of each fit; {STEPS} steps when 0")
    return parser.parse_args()


if __name__ == "__main__":
    main()
