"""The picture of an explanation: attention maps, gates over time, and bars of variables and of their importance.

Dimension key: N queries, M keys.
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecast.curves import short
from forecast.datasets.output import SERIES
from forecast.errors import ConfigError
from forecast.plots import FORECAST, GRID, INK, MUTED, PALE, dress, headline, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forecast.explanations import Explanation

FEWEST_BARS, MOST_BARS, MOST_MAPS = 6, 12, 6
EXTRA = "pip install 'seqcast[report]'"
Paint = Callable[["Axes"], None]


def plot_explanation(explanation: "Explanation", path: str | Path | None = None) -> "Figure":
    """All that an explanation holds, the mean over its series; written as PNG to ``path`` where one is given.

    Raises ``ConfigError`` without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigError("the picture of an explanation needs matplotlib", f"Install it: {EXTRA}.") from error

    paints = _paints(explanation)
    columns = 2 if len(paints) == 4 else min(3, max(1, len(paints)))
    rows = max(1, math.ceil(len(paints) / columns))
    height = 1.0 + 3.6 * rows
    figure = Figure(figsize=(max(4.6 * columns, 8), height), layout="constrained")
    figure.get_layout_engine().set(rect=(0.012, 0.012, 0.976, 1 - 0.85 / height - 0.012))  # type: ignore[union-attr,call-arg]
    count = f"series {explanation.series[0]}" if len(explanation.series) == 1 else f"{len(explanation.series):,} series"
    headline(figure, f"What {explanation.forecaster} looked at", _subtitle(explanation, count), height)
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place < len(paints):
            paints[place](axes)
        else:
            axes.set_visible(False)
    if path is not None:
        save(figure, path)
    return figure


def _subtitle(explanation: "Explanation", count: str) -> str:
    return f"{explanation.horizon} steps ahead, {count}; steps are counted from the origin, the last observed one"


def _paints(explanation: "Explanation") -> list[Paint]:
    """One for each picture, in order."""
    paints: list[Paint] = []
    maps = list(explanation.attention.groupby("layer", sort=False))
    for layer, rows in maps[:MOST_MAPS]:
        paints.append(partial(_draw_map, layer=str(layer), rows=rows))
    if len(explanation.gates):
        paints.append(partial(_draw_gates, gates=explanation.gates))
    for layer, rows in explanation.variables.groupby("layer", sort=False):
        paints.append(partial(_draw_variables, layer=str(layer), rows=rows))
    if len(explanation.importance):
        paints.append(partial(_draw_importance, table=explanation.importance))
    return paints


def _draw_map(axes: "Axes", layer: str, rows: pd.DataFrame) -> None:
    table = rows.pivot_table(index="query", columns="key", values="weight", aggfunc="mean", sort=False)
    values = table.to_numpy(np.float64)
    low = min(0.0, float(values.min()))
    most = max(float(values.max()), -low)
    signed = low < -1e-6
    limits = (-most, most) if signed else (0.0, most)
    named = isinstance(table.columns[0], str)
    colours = "RdBu" if signed else "Blues"
    image = axes.imshow(values, colours, aspect="auto", interpolation="nearest", vmin=limits[0], vmax=limits[1])
    for labels, ticks in ((table.columns, axes.set_xticks), (table.index, axes.set_yticks)):
        shown = _some(len(labels), most=24 if named else 7)
        ticks(shown, [short(str(labels[place]).replace("-", "−"), 12) for place in shown])
    if named:
        axes.tick_params(axis="x", rotation=90)
    axes.set_xlabel("reads", fontsize=8.5, color=PALE)
    axes.set_ylabel("variate" if named else "token at step", fontsize=8.5, color=PALE)
    for side in axes.spines.values():
        side.set_color(GRID)
    axes.tick_params(colors=PALE, labelsize=8, length=0)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.046, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=PALE, labelsize=7.5, length=0)
    _title(axes, f"Attention: {layer}")


def _some(count: int, *, most: int) -> list[int]:
    """Evenly spread places, the last one among them."""
    stride = max(1, math.ceil(count / most))
    return list(range(count - 1, -1, -stride))[::-1]


def _draw_gates(axes: "Axes", gates: pd.DataFrame) -> None:
    colours = (FORECAST, "#d97706", MUTED)
    for (layer, rows), colour in zip(gates.groupby("layer", sort=False), colours, strict=False):
        table = rows.pivot_table(index=SERIES, columns="step", values="share", aggfunc="mean")
        steps = table.columns.to_numpy()
        if len(table) > 1:
            edges = np.quantile(table.to_numpy(), (0.1, 0.9), axis=0)
            axes.fill_between(steps, *edges, color=colour, alpha=0.18, lw=0, label="80% of the series")
        axes.plot(steps, table.mean(), color=colour, lw=1.8, marker="o", ms=2.6, label=str(layer))
    axes.axhline(0.5, color=MUTED, lw=0.8, ls=(0, (3, 3)))
    axes.set_ylim(0, 1)
    dress(axes)
    axes.set_xlabel("token at step", fontsize=8.5, color=PALE)
    axes.legend(frameon=False, fontsize=8, labelcolor=PALE)
    _title(axes, f"Gate: share of the {gates['half'].iloc[0]}")


def _draw_variables(axes: "Axes", layer: str, rows: pd.DataFrame) -> None:
    shares = rows.groupby("variable")["weight"].mean().sort_values(ascending=False).head(MOST_BARS)
    place = np.arange(len(shares))[::-1]
    axes.barh(place, shares, color="#8fb4ee", height=0.66)
    for at, share in zip(place, shares, strict=True):
        axes.text(share, at, f" {share:.2f}", va="center", fontsize=8, color=INK)
    axes.set_yticks(place, [short(str(name), 18) for name in shares.index])
    axes.set_xlim(0, float(shares.max()) * 1.16)
    axes.set_ylim(_room(len(shares)))
    dress(axes, grid="x")
    axes.tick_params(axis="y", labelcolor=INK)
    _title(axes, f"Variables: {layer}")


def _draw_importance(axes: "Axes", table: pd.DataFrame) -> None:
    shown = table.head(MOST_BARS)
    place = np.arange(len(shown))[::-1]
    axes.barh(place, 100 * shown["importance"], color="#8fb4ee", height=0.66)
    axes.hlines(place, 100 * shown["low"], 100 * shown["high"], color=INK, lw=1.4)
    axes.axvline(0, color=MUTED, lw=0.8)
    axes.set_yticks(place, [short(str(name), 18) for name in shown["variable"]])
    axes.set_ylim(_room(len(shown)))
    dress(axes, grid="x")
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_xlabel("% of the error, with 90% intervals", fontsize=8.5, color=PALE)
    _title(axes, "Rise of the error without it")


def _room(bars: int) -> tuple[float, float]:
    """Limits that leave a few bars as slim as many, at the top."""
    return bars - max(bars, FEWEST_BARS) - 0.6, bars - 0.4


def _title(axes: "Axes", text: str) -> None:
    axes.set_title(short(text, 52), fontsize=9.5, loc="left", color=INK, parse_math=False)
