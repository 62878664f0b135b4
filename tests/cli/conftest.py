"""Shared by the tests of the command line: small files, and a way to call a command in this process."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from forecast.cli.main import app

Call = Callable[..., Any]


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Call]:
    """``call("inspect", "sales.csv")`` runs a command in an empty folder and gives exit_code, stdout and stderr."""
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        yield lambda *words: CliRunner().invoke(app, [str(word) for word in words])
    finally:
        os.chdir(before)


def weekly(steps: int = 120, seed: int = 0) -> pd.DataFrame:
    """Daily values with a weekly cycle."""
    noise = np.random.default_rng(seed).normal(0, 0.3, steps)
    return pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=steps),
            "sales": (20 + 5 * np.sin(np.arange(steps) * 2 * np.pi / 7) + noise).round(3),
        }
    )


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """One series in a file."""
    path = tmp_path / "sales.csv"
    weekly().to_csv(path, index=False)
    return path


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """Three series in a long file."""
    frames = [weekly(seed=seed).assign(shop=name) for seed, name in enumerate("abc")]
    path = tmp_path / "shops.csv"
    pd.concat(frames).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model fitted on the ``sales`` series; copy it before changing anything in it."""
    from forecast import create

    folder = tmp_path_factory.mktemp("trained") / "model"
    create("seasonal-naive", horizon=7).fit(weekly().rename(columns={"sales": "y"})).save(folder)
    return folder
