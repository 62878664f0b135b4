"""The picture of a backtest's calibration: what the levels held, and coverage along the horizon, with bands."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forecast.errors import ConfigError
from forecast.evaluation.calibration import calibration, coverage_by_step
from forecast.evaluation.results import Backtest
from forecast.evaluation.sums import intervals
from forecast.plots import BACKTEST, FORECAST, MUTED, PALE, dress, headline, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXTRA = "pip install 'seqcast[report]'"
SHOWN = ("90", "80", "50")  # intervals by step, as in the picture of a forecast; else the widest three
COLOURS = (FORECAST, "#5b9bd5", BACKTEST)
BANDS = {
    "fold": "95 % bands over folds",
    "series": "95 % bands over series",
    "independent": "95 % bands as if values were independent",
}


def plot_calibration(result: Backtest, path: str | Path | None = None) -> "Figure":
    """Nominal against observed coverage of all levels and, along the horizon, of up to three intervals, with bands.

    Written as PNG to ``path`` where one is given.  Raises ``ConfigError`` for points only, or without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigError("the picture of the calibration needs matplotlib", f"Install it: {EXTRA}.") from error

    table = calibration(result)
    paired = bool(intervals(result.levels))
    figure = Figure(figsize=(11 if paired else 6, 4.9), layout="constrained")
    figure.get_layout_engine().set(rect=(0.012, 0.012, 0.976, 1 - 0.85 / 4.9 - 0.012))  # type: ignore[union-attr,call-arg]
    count = f"{int(table['count'].iloc[0]):,} values of {result.folds} {'fold' if result.folds == 1 else 'folds'}"
    headline(figure, f"What the levels of {result.name} held", f"{count}; {BANDS[table.attrs['band']]}", 4.9)
    axes = figure.subplots(1, 2 if paired else 1, squeeze=False)[0]
    _draw_levels(axes[0], table)
    if paired:
        _draw_steps(axes[1], coverage_by_step(result))
    if path is not None:
        save(figure, path)
    return figure


def shown_intervals(names: "list[str]") -> list[str]:
    """The intervals, in percent, to draw of those that there are: three at most, the widest first."""
    return [name for name in SHOWN if name in names] or names[:3]


def _draw_levels(axes: "Axes", table: pd.DataFrame) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (3, 3)), zorder=1)
    axes.fill_between(table.index, table["low"], table["high"], color=FORECAST, alpha=0.16, lw=0)
    axes.plot(table.index, table["observed"], color=FORECAST, lw=1.8, marker="o", ms=3.5)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    dress(axes, grid="both")
    axes.set_xlabel("level", fontsize=8.5, color=PALE)
    axes.set_title("Share of values at or below each level", fontsize=9.5, loc="left")


def _draw_steps(axes: "Axes", table: pd.DataFrame) -> None:
    names = shown_intervals(list(table.index.unique("interval")))
    for name, colour in zip(names, COLOURS, strict=False):
        rows = table.loc[name]
        marker = "o" if len(rows) <= 48 else None
        axes.axhline(rows["nominal"].iloc[0], color=colour, lw=1, ls=(0, (3, 3)))
        axes.fill_between(rows.index, rows["low"], rows["high"], color=colour, alpha=0.13, lw=0)
        axes.plot(rows.index, rows["observed"], color=colour, lw=1.6, marker=marker, ms=2.6, label=f"{name} % interval")
    axes.set_ylim(0, 1.02)
    axes.margins(x=0.01)
    dress(axes)
    axes.set_xlabel("step ahead", fontsize=8.5, color=PALE)
    axes.set_title("Share of values inside, by step ahead", fontsize=9.5, loc="left")
    axes.legend(frameon=False, fontsize=8.5, labelcolor=PALE)
