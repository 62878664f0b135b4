"""A panel of shops with covariates of every kind, and forecasters of few steps over it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecast import create

SMALL: dict[str, Any] = {"horizon": 4, "lookback": 12, "patch": 3, "season": 6, "hidden_size": 8, "threads": 1}
ROLES: dict[str, Any] = {
    "id": "shop",
    "target": "sales",
    "past": ("visitors",),
    "future": ("price", "promo", "noise"),
    "static": ("size", "kind"),
}


def shops(steps: int = 120, ahead: int = 4) -> pd.DataFrame:
    """Three shops whose sales follow the price of the day, and a column of noise."""
    frames = []
    for number, name in enumerate(["north", "south", "west"]):
        random = np.random.default_rng(number)
        price, noise, visitors = random.normal(size=(3, steps))
        sales = 30 + 10 * number + 4 * price + 2 * np.sin(np.arange(steps) * np.pi / 3) + random.normal(0, 0.3, steps)
        sales[steps - ahead :] = np.nan
        noise[5:8] = np.nan
        frame = {"day": pd.date_range("2024-01-01", periods=steps), "sales": sales, "price": price, "noise": noise}
        more = {"promo": random.choice(["half", "full", "none"], steps), "visitors": visitors}
        frames.append(pd.DataFrame({"shop": name, **frame, **more, "size": float(number), "kind": "ab"[number % 2]}))
    return pd.concat(frames, ignore_index=True)


def fitted(name: str, frame: Any = None, **settings: Any) -> Any:
    """A forecaster of a step of training, whose weights are then drawn at random, so that nothing weighs nothing."""
    own = {**SMALL, "max_steps": 1, **(ROLES if frame is None else {}), **settings}
    model = create(name, **own).fit(shops() if frame is None else frame)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in model.network_.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture(scope="module")
def hybrid() -> Any:
    return fitted("hybrid")


@pytest.fixture(scope="module")
def tft() -> Any:
    return fitted("tft")
