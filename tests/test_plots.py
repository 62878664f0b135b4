"""The picture: what it shows of one series, a handful and hundreds; and names that are no harm."""

from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from forecast.curves import Curve, Stretch, select_series, short
from forecast.datasets.build import load_panel

pytest.importorskip("matplotlib")
from forecast.plots import Bar, Picture, axis_values, compact, draw, grid, write_png

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)


def stretch(times: pd.Index, base: float = 10.0) -> Stretch:
    scores = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    points = base + np.sin(np.arange(len(times)))
    return Stretch(times=times, values=np.c_[points, points[:, None] + scores])


def curve(name: str = "sales", *, steps: int = 60, ahead: int = 7, times: pd.Index | None = None) -> Curve:
    grid_of = times if times is not None else pd.date_range("2024-01-01", periods=steps + ahead)
    values = 10 + np.sin(np.arange(steps))
    values[5:8] = np.nan
    return Curve(
        name=name,
        times=grid_of[:steps],
        values=values,
        ahead=stretch(grid_of[steps:]),
        levels=LEVELS,
        folds=(stretch(grid_of[steps - ahead : steps]),),
        error=0.8,
    )


def picture(count: int, *, series: int = 0) -> Picture:
    return Picture(
        title="sales: 7 steps ahead by hybrid",
        curves=tuple(curve(f"shop {i}") for i in range(count)),
        bars=(Bar(name="hybrid", error=0.7, ours=True, winner=True), Bar(name="naive", error=9.0, ours=False)),
        steps={"hybrid": np.linspace(0.5, 1, 7), "seasonal-naive": np.linspace(1, 2, 7)},
        spread=np.linspace(0.5, 2, series) if series else None,
        series=series or count,
    )


@pytest.mark.parametrize(("count", "series", "panels"), [(1, 0, 3), (5, 0, 7 + 1), (9, 400, 12)])
def test_every_series_has_a_panel_and_the_summary_its_row(count: int, series: int, panels: int) -> None:
    figure = draw(picture(count, series=series))
    assert len(figure.axes) == panels
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert any("Backtest error" in title for title in titles)
    assert any("each of the 400 series" in title for title in titles) == bool(series)


def test_history_forecast_and_the_three_intervals_are_drawn() -> None:
    axes = draw(picture(1)).axes[0]
    labels = [handle.get_label() for handle in (*axes.lines, *axes.collections)]
    assert {"observed", "forecast", "50% interval", "80% interval", "90% interval"} <= set(labels)
    forecast = next(line for line in axes.lines if line.get_label() == "forecast")
    np.testing.assert_allclose(np.asarray(forecast.get_ydata())[1:], 10 + np.sin(np.arange(7)))


@pytest.mark.parametrize("name", ["a $broken_{math$ name", "日本 店舗", "line\nbreak", "x" * 300, "", "<b>&"])
def test_any_name_can_be_drawn(name: str, tmp_path: Path) -> None:
    shown = Picture(title=name, subtitle=name, curves=(curve(name), curve("b")), bars=picture(1).bars, series=2)
    write_png(shown, tmp_path / "p.png", dpi=40)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "times",
    [
        pd.RangeIndex(67),
        pd.date_range("1700-01-01", periods=67, freq="YS", unit="s"),
        pd.date_range("2024-01-01", periods=67, freq="15min"),
    ],
)
def test_any_time_axis_can_be_drawn(times: pd.Index, tmp_path: Path) -> None:
    write_png(Picture(title="t", curves=(curve(times=times),)), tmp_path / "p.png", dpi=40)
    assert len(axis_values(times)) == 67


def test_one_step_and_an_empty_history_can_be_drawn(tmp_path: Path) -> None:
    one = curve(steps=1, ahead=1)
    write_png(Picture(title="t", curves=(one,)), tmp_path / "p.png", dpi=40)
    blank = Curve(name="x", times=one.times[:0], values=np.zeros(0), ahead=one.ahead, levels=LEVELS)
    write_png(Picture(title="t", curves=(blank,)), tmp_path / "p.png", dpi=40)


def test_drawing_leaves_no_global_state_behind() -> None:
    import sys

    draw(picture(2))
    assert "matplotlib.pyplot" not in sys.modules


def test_interval_edges_between_levels_are_interpolated_and_outside_ones_refused() -> None:
    made = stretch(pd.date_range("2024-01-01", periods=3))
    low, high = made.band(0.9, LEVELS) or (np.zeros(0), np.zeros(0))
    np.testing.assert_allclose(low, made.values[:, 1])
    np.testing.assert_allclose(high, made.values[:, 5])
    inner = made.band(0.5, LEVELS)
    assert inner is not None and (inner[0] > made.values[:, 2]).all() and (inner[1] < made.values[:, 4]).all()
    assert made.band(0.99, LEVELS) is None


def test_of_many_series_large_typical_and_worst_ones_are_chosen() -> None:
    frame = pd.DataFrame(
        {
            "id": np.repeat([f"s{i:02d}" for i in range(30)], 20),
            "time": np.tile(pd.date_range("2024-01-01", periods=20), 30),
            "y": np.repeat(np.arange(30.0), 20),
        }
    )
    errors = np.linspace(0.5, 2, 30)[::-1].copy()  # the largest series are the best forecast
    chosen = select_series(load_panel(frame), errors, most=9)
    by_reason = {why: {s for s, reason in chosen if reason == why} for _, why in chosen}
    assert by_reason["large"] == {27, 28, 29}
    assert by_reason["worst"] == {0, 1, 2}
    assert by_reason["typical"] <= {13, 14, 15, 16}
    assert len(chosen) == 9


def test_small_helpers() -> None:
    assert [grid(n) for n in (1, 2, 4, 5, 9)] == [(1, 1), (1, 2), (2, 2), (2, 3), (3, 3)]
    assert [compact(v) for v in (950, 1500, -2_000_000, 3e9, 0)] == ["950", "1.5k", "-2M", "3G", "0"]
    assert short("a\tb\n c") == "a b c"
