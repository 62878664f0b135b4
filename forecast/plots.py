"""The picture of a forecast: recent history, what was forecast of it before it was known, and what comes next.

Drawn through matplotlib's objects on an Agg canvas: no pyplot, no window, no global state.
"""

import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.curves import Curve, Stretch, short
from forecast.datasets.arrays import Floats
from forecast.folders import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

INK, PALE, GRID, MUTED = "#1f2937", "#6b7280", "#e5e7eb", "#9ca3af"
FORECAST, BACKTEST = "#1d5fd0", "#d97706"
BANDS = ((0.9, "#d3e2fa"), (0.8, "#aecaf5"), (0.5, "#7fabec"))  # coverage and colour, widest first
MOST_PANELS = 9
HEAD = 0.85  # inches for title and subtitle


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row of the ranking.  error: MASE of the backtest.  ours: a neural forecaster, not a baseline."""

    name: str
    error: float
    ours: bool
    winner: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """All that the picture shows.

    bars: the ranking, best first.  steps: error by horizon step (H,) of the winner and of what it is measured against.
    spread: the error of every series (S,), where there are too many to draw.
    """

    title: str
    subtitle: str = ""
    curves: tuple[Curve, ...]
    bars: tuple[Bar, ...] = ()
    steps: dict[str, Floats] = field(default_factory=dict)
    spread: Floats | None = None
    series: int = 1


def write_png(picture: Picture, path: Path, *, dpi: int = 130) -> None:
    """Draw ``picture`` into the file ``path``."""
    save(draw(picture), path, dpi=dpi)


def save(figure: "Figure", path: str | Path, *, dpi: int = 130) -> None:
    """Write a figure as PNG."""
    drawn = io.BytesIO()
    with warnings.catch_warnings():  # a name in a script that the font lacks is drawn as boxes, which is no fault
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support", category=UserWarning)
        figure.savefig(drawn, dpi=dpi, format="png", facecolor="white")
    write_file(Path(path), drawn.getvalue())


def draw(picture: Picture) -> "Figure":
    """The figure: a grid of series above, the ranking and the errors below."""
    from matplotlib.figure import Figure

    curves = picture.curves[:MOST_PANELS]
    rows, columns = grid(len(curves))
    below = _summaries(picture)
    top = 4.6 if rows == 1 and columns == 1 else 2.55 * rows
    bottom = 2.7 if below else 0.0
    height = HEAD + top + 0.45 + bottom
    figure = Figure(figsize=(12, height), layout="constrained")
    figure.get_layout_engine().set(rect=(0.012, 0.012, 0.976, 1 - HEAD / height - 0.012))  # type: ignore[union-attr,call-arg]
    headline(figure, picture.title, picture.subtitle, height)
    parts = figure.subfigures(2 if below else 1, 1, height_ratios=[top + 0.45, bottom] if below else [1], squeeze=False)
    panels = parts[0, 0].subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(panels.flat):
        if place < len(curves):
            _draw_curve(axes, curves[place], large=len(curves) == 1, titled=picture.series > 1 or len(curves) > 1)
        else:
            axes.set_visible(False)
    _legend(parts[0, 0], panels[0, 0], curves)
    if below:
        axes_below = parts[1, 0].subplots(1, len(below), squeeze=False)
        for axes, paint in zip(axes_below.flat, below, strict=True):
            paint(axes)
    return figure


def grid(count: int) -> tuple[int, int]:
    """Rows and columns for that many panels, wide rather than high."""
    columns = 1 if count <= 1 else 2 if count <= 4 else 3
    return math.ceil(max(count, 1) / columns), columns


def headline(figure: "Figure", title: str, subtitle: str, height: float) -> None:
    """Title and subtitle at the top left, in inches from the edge so that they sit alike in every size."""
    text: dict[str, Any] = {"ha": "left", "va": "top", "parse_math": False, "in_layout": False}
    figure.text(0.018, 1 - 0.16 / height, short(title, 80), fontsize=15, fontweight="bold", color=INK, **text)
    figure.text(0.018, 1 - 0.47 / height, short(subtitle, 150), fontsize=10, color=PALE, **text)


_LEGEND_ORDER = ("observed", "forecast", "50% inte", "80% inte", "90% inte", "backtest")


def _legend(part: "SubFigure", axes: "Axes", curves: Sequence[Curve]) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        order = sorted(range(len(labels)), key=lambda place: _LEGEND_ORDER.index(labels[place][:8]))
        handles, labels = [handles[place] for place in order], [labels[place] for place in order]
        part.legend(
            handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9, labelcolor=PALE
        )


# ---------------------------------------------------------------------- one series


def _draw_curve(axes: "Axes", curve: Curve, *, large: bool, titled: bool) -> None:
    width = 1.5 if large else 1.1
    x, ahead = axis_values(curve.times), axis_values(curve.ahead.times)
    _draw_bands(axes, curve.ahead, curve.levels)
    if curve.folds:
        _draw_fold(axes, curve.folds[-1], curve.levels, width=width)
    marker = "o" if large and len(x) <= 120 else None
    axes.plot(x, curve.values, color=INK, lw=width, marker=marker, ms=2.4, label="observed", zorder=4)
    joined = _join(x, curve.values, ahead, curve.ahead.values[:, 0])
    axes.plot(*joined, color=FORECAST, lw=width + 0.5, label="forecast", zorder=6, solid_capstyle="round")
    if len(x):
        axes.axvline(x[-1], color=MUTED, lw=0.8, ls=(0, (3, 3)), zorder=1)
    _limit(axes, curve)
    dress(axes, dates=not _is_number(curve.times))
    if titled:
        axes.set_title(_panel_title(curve), fontsize=9.5, loc="left", color=INK, parse_math=False)


def _draw_bands(axes: "Axes", stretch: Stretch, levels: Sequence[float]) -> None:
    x = axis_values(stretch.times)
    for coverage, colour in BANDS:
        edges = stretch.band(coverage, levels)
        if edges is not None:
            thin = len(x) == 1
            axes.fill_between(
                x, *edges, color=colour, lw=6 if thin else 0, label=f"{coverage:.0%} interval", zorder=2, alpha=1.0
            )


def _draw_fold(axes: "Axes", fold: Stretch, levels: Sequence[float], *, width: float) -> None:
    x = axis_values(fold.times)
    edges = fold.band(0.9, levels)
    if edges is not None:
        axes.fill_between(x, *edges, color=BACKTEST, alpha=0.13, lw=0, zorder=2)
    label = "backtest: forecast made before these steps were known"
    axes.plot(x, fold.values[:, 0], color=BACKTEST, lw=width, ls=(0, (4, 1.6)), label=label, zorder=5)


def _join(x: Any, values: Floats, ahead: Any, forecast: Floats) -> tuple[Any, Floats]:
    """The forecast with the last observed point in front, so that the line does not start in the air."""
    if not len(values) or not np.isfinite(values[-1]):
        return ahead, forecast
    return np.concatenate([x[-1:], ahead]), np.concatenate([values[-1:], forecast])


def _limit(axes: "Axes", curve: Curve) -> None:
    """Keep one wild interval from flattening the rest: edges may reach three times the seen range."""
    points = np.concatenate([curve.values, curve.ahead.values[:, 0], *(fold.values[:, 0] for fold in curve.folds[-1:])])
    points = points[np.isfinite(points)]
    edges = curve.ahead.values[np.isfinite(curve.ahead.values)]
    if not len(points) or not len(edges):
        return
    low, high = float(points.min()), float(points.max())
    span = (high - low) or abs(high) or 1.0
    bottom = max(min(low, float(edges.min())), low - 1.5 * span)
    top = min(max(high, float(edges.max())), high + 1.5 * span)
    margin = 0.06 * ((top - bottom) or span)
    axes.set_ylim(bottom - margin, top + margin)


def _panel_title(curve: Curve) -> str:
    extra = [curve.why, f"MASE {curve.error:.2f}" if curve.error is not None and np.isfinite(curve.error) else ""]
    shown = " · ".join(part for part in extra if part)
    return f"{short(curve.name, 34)}   {shown}".rstrip()


# ---------------------------------------------------------------------- the row below


def _summaries(picture: Picture) -> list[Any]:
    paints: list[Any] = []
    if picture.bars:
        paints.append(lambda axes: _draw_ranking(axes, picture.bars))
    if picture.steps and max(map(len, picture.steps.values())) > 1:
        paints.append(lambda axes: _draw_steps(axes, picture.steps))
    if picture.spread is not None and np.isfinite(picture.spread).sum() >= 5:
        spread = picture.spread
        paints.append(lambda axes: _draw_spread(axes, spread))
    return paints


def _draw_ranking(axes: "Axes", bars: Sequence[Bar]) -> None:
    shown = [bar for bar in bars if np.isfinite(bar.error)][:10]
    place = np.arange(len(shown))[::-1]
    errors = np.array([bar.error for bar in shown])
    colours = [FORECAST if bar.winner else "#8fb4ee" if bar.ours else "#c9ced6" for bar in shown]
    limit = max(
        float(np.median(errors)) * 2.2, float(errors.min()) * 3, 1e-9
    )  # a hopeless one must not squeeze the rest
    axes.barh(place, np.minimum(errors, limit), color=colours, height=0.68)
    for at, error in zip(place, errors, strict=True):
        cut = " »" if error > limit else ""
        axes.text(min(error, limit), at, f" {error:.2f}{cut}", va="center", fontsize=8, color=INK)
    axes.set_yticks(place, [short(bar.name, 18) for bar in shown], fontsize=8.5)
    axes.set_xlim(0, min(float(errors.max()), limit) * 1.14)
    for tick, bar in zip(axes.get_yticklabels(), shown, strict=True):
        tick.set_fontweight("bold" if bar.winner else "normal")
    dress(axes, grid="x")
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_title("Backtest error (MASE, less is better)", fontsize=9.5, loc="left", color=INK)


def _draw_steps(axes: "Axes", steps: dict[str, Floats]) -> None:
    for (name, errors), colour, width in zip(
        steps.items(), (FORECAST, MUTED, "#c9ced6"), (2.0, 1.5, 1.2), strict=False
    ):
        axes.plot(np.arange(1, len(errors) + 1), errors, color=colour, lw=width, label=short(name, 24))
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    dress(axes)
    axes.set_title("Error by step ahead (MASE)", fontsize=9.5, loc="left", color=INK)
    axes.legend(frameon=False, fontsize=8.5, labelcolor=PALE)


def _draw_spread(axes: "Axes", spread: Floats) -> None:
    errors = spread[np.isfinite(spread)]
    edge = max(float(np.quantile(errors, 0.98)), 1e-9)
    axes.hist(np.minimum(errors, edge), bins=min(40, max(8, len(errors) // 8)), range=(0, edge), color="#8fb4ee")
    middle = float(np.median(errors))
    axes.axvline(middle, color=FORECAST, lw=1.6)
    axes.text(middle, 0.97, f" median {middle:.2f}", transform=axes.get_xaxis_transform(), va="top", fontsize=8.5)
    axes.margins(x=0.01)
    dress(axes)
    axes.set_title(f"Error of each of the {len(errors):,} series (MASE)", fontsize=9.5, loc="left", color=INK)


# ---------------------------------------------------------------------- manners


def dress(axes: "Axes", *, dates: bool = False, grid: str = "y") -> None:
    """Pale lines and small print, as all pictures have them."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.grid(axis=grid, color=GRID, lw=0.7)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.tick_params(colors=PALE, labelsize=8.5, length=0)
    axes.yaxis.get_offset_text().set(color=PALE, size=8)
    low, high = axes.get_ylim()
    if abs(high) >= 1e4 and high - low > abs(high) / 50:
        axes.yaxis.set_major_formatter(lambda value, _: compact(value))
    if dates:
        locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.xaxis.get_offset_text().set(color=PALE, size=8)


def _is_number(times: Any) -> bool:
    return not str(times.dtype).startswith("datetime")


def axis_values(times: Any) -> Any:
    """Times as matplotlib takes them: datetime64 as it is, everything else as float."""
    return times.to_numpy() if not _is_number(times) else times.to_numpy(dtype=np.float64)


def compact(value: float) -> str:
    """A number for an axis: 1500000 as 1.5M."""
    for power, letter in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 10**power:
            return f"{value / 10**power:g}{letter}"
    return f"{value:g}"
