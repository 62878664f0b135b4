"""Pictures of a search: how the best value fell from trial to trial, and which settings mattered."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forecast.folders import write_file
from forecast.plots import FORECAST, INK, MUTED, PALE, dress, headline
from forecast.tuning.result import TuneResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BACK, FAILED = "#d97706", "#b91c1c"
MOST_BARS = 15
SPREAD = 4.0  # how many times as far from the best as the median trial a value may lie and still be drawn in full


def write_history(result: TuneResult, path: Path) -> None:
    """Every trial by its number, the best so far as a line; of two objectives, what may be had for what."""
    two = len(result.objectives) > 1
    figure, axes = _page(f"Search: {len(result.trials)} trials", _subtitle(result), height=4.6)
    (_draw_front if two else _draw_history)(axes, result)
    dress(axes, grid="both" if two else "y")
    axes.legend(frameon=False, fontsize=8.5, labelcolor=PALE)
    _write(figure, path)


def write_importances(result: TuneResult, path: Path) -> None:
    """Bars of the share that each setting has in the differences between trials."""
    shown = list(result.importances.items())[:MOST_BARS][::-1]
    subtitle = f"Share of the differences in {result.objectives[0]} between {_count(result)} (fANOVA)"
    figure, axes = _page("Which settings mattered", subtitle, height=1.6 + 0.3 * max(len(shown), 3))
    axes.barh([name for name, _ in shown], [share for _, share in shown], color=FORECAST, height=0.6)
    axes.margins(y=0.02)
    dress(axes, grid="x")
    axes.tick_params(axis="y", colors=INK)
    _write(figure, path)


def _draw_history(axes: "Axes", result: TuneResult) -> None:
    done = [trial for trial in result.trials if trial.values]
    numbers = np.array([trial.number for trial in done])
    values = np.array([trial.values[0] for trial in done])
    best = np.minimum.accumulate(values)
    axes.scatter(numbers, values, s=26, color=MUTED, label="complete", zorder=3)
    axes.step(numbers, best, where="post", color=FORECAST, lw=2.0, label="best so far", zorder=4)
    top = values.min() + SPREAD * max(float(np.median(values) - values.min()), 1e-9)
    stopped = [t for t in result.trials if t.state == "pruned" and t.reports]
    axes.scatter(
        [t.number for t in stopped],
        [min(t.reports[max(t.reports)], top) for t in stopped],
        s=22,
        marker="x",
        color=BACK,
        label="pruned, at its last report",
        zorder=2,
    )
    failed = [t.number for t in result.trials if t.state == "failed"]
    axes.scatter(failed, np.full(len(failed), values.min()), s=22, marker="|", color=FAILED, label="failed", zorder=2)
    axes.set_ylim(top=min(max(float(values.max()), float(values.min()) + 1e-9), top) * 1.02)
    axes.set_xlabel("trial", color=PALE, fontsize=9)
    axes.set_ylabel(result.objectives[0], color=PALE, fontsize=9)


def _draw_front(axes: "Axes", result: TuneResult) -> None:
    """The first two objectives; a trial on the front may be beaten in these where there are more."""
    done = np.array([trial.values[:2] for trial in result.trials if trial.values])
    front = np.array([trial.values[:2] for trial in result.front])
    axes.scatter(done[:, 1], done[:, 0], s=26, color=MUTED, label="complete")
    order = np.argsort(front[:, 1], kind="stable")
    axes.plot(front[order, 1], front[order, 0], color=FORECAST, lw=1.6, marker="o", ms=5, label="front")
    axes.set_xlabel(result.objectives[1], color=PALE, fontsize=9)
    axes.set_ylabel(result.objectives[0], color=PALE, fontsize=9)


def _subtitle(result: TuneResult) -> str:
    found = ", ".join(f"{name} {value:.4g}" for name, value in zip(result.objectives, result.best.values, strict=True))
    return f"best: {result.model} in trial {result.best.number}, {found}"


def _count(result: TuneResult) -> str:
    return f"{sum(bool(trial.values) for trial in result.trials)} complete trials"


def _page(title: str, subtitle: str, *, height: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, height), layout="constrained")
    figure.get_layout_engine().set(rect=(0.012, 0.012, 0.976, 1 - 0.85 / height - 0.012))  # type: ignore[union-attr,call-arg]
    headline(figure, title, subtitle, height)
    return figure, figure.subplots()


def _write(figure: "Figure", path: Path) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=130)
    write_file(path, picture.getvalue())
