"""Writes the folders that stand for the current format: run it once for each new format, and never for an old one.

python tests/data/models/make.py
"""

from pathlib import Path

import numpy as np
import pandas as pd

from forecast import create
from forecast.persistence import FORMAT

HERE = Path(__file__).parent
TINY = {"max_steps": 30, "hidden_size": 4, "lookback": 12, "patch": 3, "origins": 1, "device": "cpu", "threads": 1}


def sales() -> pd.DataFrame:
    """Two shops, four years of months, with all three kinds of covariates."""
    months = np.arange(48)
    shops = [
        pd.DataFrame(
            {
                "month": pd.date_range("2020-01-01", periods=48, freq="MS"),
                "shop": name,
                "sales": np.round(level + 10 * np.sin(months * np.pi / 6) + months % 5, 1),
                "price": 1.0 + months % 4 / 10,
                "visitors": 50.0 + months % 7,
                "size": name == "north",
            }
        )
        for name, level in (("north", 100), ("south", 60))
    ]
    return pd.concat(shops, ignore_index=True).astype({"size": "str"})


def main() -> None:
    roles = {"time": "month", "target": "sales", "id": "shop", "transform": "log1p", "lower": 0.0}
    covariates = {"past": ("visitors",), "static": ("size",)}
    for name, settings in (("seasonal-naive", {}), ("lstm", TINY | covariates), ("transformer", TINY | covariates)):
        folder = HERE / f"v{FORMAT}-{name}"
        model = create(name, horizon=3, **roles, **settings).fit(sales())
        model.save(folder, force=True)
        model.predict(levels=(0.1, 0.5, 0.9)).to_csv(HERE / f"{folder.name}.csv", index=False)


if __name__ == "__main__":
    main()
