"""The main job: what it writes, what it says, and that it keeps to its time."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.automatic import candidates
from forecast.automatic.folds import choose_folds
from forecast.automatic.watcher import Watcher
from forecast.datasets.build import load_panel
from forecast.datasets.schema import Roles
from forecast.errors import ConfigError, DataError
from forecast.results_files import FILES
from forecast.run import run
from forecast.run_result import RunResult

SMALL = {"max_steps": 3, "hidden_size": 8}


def weekly(steps: int = 120, *, series: int = 1, noise: float = 0.3) -> pd.DataFrame:
    """A long frame of daily series with a weekly cycle."""
    days = np.arange(steps)
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame(
            {
                "shop": f"shop {s}",
                "day": pd.date_range("2024-01-01", periods=steps),
                "sales": (20 + s + 5 * np.sin(days * 2 * np.pi / 7) + rng.normal(0, noise, steps)).round(3),
            }
        )
        for s in range(series)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One network and the baselines that take no time."""
    monkeypatch.setattr(candidates, "NETWORKS", ("lstm",))
    monkeypatch.setattr(candidates, "BASELINES", ("naive", "seasonal-naive", "mean"))


def quick_run(frame: pd.DataFrame, **options: Any) -> RunResult:
    settings = {"time": "day", "id": "shop", "target": "sales", **SMALL}
    return run(frame, **{"horizon": 7, "max_time": 30, "settings": settings, **options})


def test_a_run_writes_every_file(quick: None, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    frame = weekly(series=3)
    result = quick_run(frame, output=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]

    forecast = pd.read_csv(tmp_path / "out" / "forecast.csv")
    assert list(forecast.columns)[:4] == ["shop", "day", "forecast", "q0.05"]
    assert forecast.columns[-1] == "q0.95"
    assert len(forecast) == 21
    assert list(forecast["day"][:2]) == ["2024-04-30", "2024-05-01"]
    levels = forecast.filter(like="q0.").to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()

    tested = pd.read_csv(tmp_path / "out" / "backtest.csv")
    assert set(tested["model"]) == {"lstm", "naive", "seasonal-naive", "mean"}
    actual = tested.merge(frame.assign(day=frame["day"].dt.strftime("%Y-%m-%d")), on=["shop", "day"])
    np.testing.assert_allclose(actual["actual"], actual["sales"])

    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["winner"] == result.winner in {row["name"] for row in metrics["leaderboard"]}
    assert metrics["models"]["naive"]["metrics"]["mase"] > metrics["models"]["seasonal-naive"]["metrics"]["mase"]
    assert (tmp_path / "out" / "forecast.png").read_bytes().startswith(b"\x89PNG")


def test_the_saved_model_gives_the_forecast_of_the_file(quick: None, tmp_path: Path) -> None:
    from forecast import load

    result = quick_run(weekly(series=2), output=tmp_path / "out")
    again = load(tmp_path / "out" / "model").predict(levels=result.levels)
    np.testing.assert_allclose(again["forecast"], result.forecast["forecast"])


def test_the_verdict_names_the_winner_and_its_gain(quick: None) -> None:
    noisy = weekly(steps=140, noise=5.0)
    result = quick_run(noisy, settings={"target": "sales", "time": "day", "id": "shop", **SMALL})
    head = result.verdict.sentences[0]
    base, best = result.ranking["mase"]["seasonal-naive"], result.ranking["mase"][result.winner]
    assert result.winner in head
    assert result.verdict.gain == pytest.approx(1 - best / base)
    assert f"{best:.3g}" in head and f"{base:.3g}" in head
    assert "folds" in head


def test_it_says_so_when_nothing_beats_seasonal_naive(quick: None) -> None:
    result = quick_run(weekly(noise=0.0))
    assert result.winner == "seasonal-naive"
    assert not result.verdict.beaten
    assert result.verdict.sentences[0].startswith("No forecaster that was tried beats seasonal naive")
    np.testing.assert_allclose(result.forecast["forecast"], weekly(steps=127, noise=0.0)["sales"][-7:], atol=1e-6)


def test_constant_series_are_forecast_without_nan(quick: None, tmp_path: Path) -> None:
    frame = weekly(noise=0.0).assign(sales=5.0)
    result = quick_run(frame, output=tmp_path / "out")
    assert np.allclose(result.forecast.filter(regex="forecast|q0").to_numpy(), 5.0, atol=1e-3)
    json.loads((tmp_path / "out" / "metrics.json").read_text())


def test_a_baseline_that_would_take_too_long_is_left_out_by_name(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from forecast.baselines import MeanForecaster

    monkeypatch.setattr(MeanForecaster, "estimate_seconds", lambda *_: 1e6)
    result = quick_run(weekly(series=6))
    assert "1000000 s" in result.trials.left_out["mean"]
    assert "mean" not in result.ranking.index


def test_networks_without_time_are_left_out_by_name(quick: None) -> None:
    result = quick_run(weekly(), max_time=0.5)
    assert "no time left" in result.trials.left_out["lstm"]
    assert "are kept for forecast and report" in result.trials.left_out["lstm"]
    assert any("No network was tried" in sentence for sentence in result.verdict.sentences) or not result.verdict.beaten


def test_training_is_cut_to_what_is_left_of_the_time(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    seen: list[float | None] = []

    class Listener(Watcher):
        def training(self, name: str, *, limit: float | None) -> None:
            seen.append(limit)

    began = time.perf_counter() - 10  # ten seconds went by before
    quick_run(weekly(), max_time=20, began=began, watcher=Listener())
    assert seen and all(limit is not None and 0 < limit < 10 for limit in seen)


def test_data_too_short_for_a_fold_of_the_horizon_are_judged_on_shorter_ones(quick: None) -> None:
    result = quick_run(weekly(steps=17))
    assert result.trials.folds.horizon == 5
    assert len(result.forecast) == 7
    tiny = quick_run(weekly(steps=3), horizon=1)
    assert tiny.trials.backtests == {}
    assert "too short" in tiny.verdict.sentences[0]


@pytest.mark.parametrize(("steps", "horizon", "series", "count"), [(120, 7, 1, 4), (400, 4, 1, 20), (120, 7, 30, 3)])
def test_folds_take_at_most_a_quarter_of_the_data(steps: int, horizon: int, series: int, count: int) -> None:
    frame = weekly(steps, series=series)
    panel = load_panel(frame, Roles(id="shop", target="sales"))
    folds = choose_folds(panel, horizon)
    assert folds is not None and (folds.count, folds.horizon) == (count, horizon)


def test_without_the_extra_the_run_works_and_names_it(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", "matplotlib.figure", "plotly", "plotly.offline"):
        monkeypatch.setitem(sys.modules, name, None)
    result = quick_run(weekly(), output=tmp_path / "out")
    assert result.missing == ("forecast.png", "report.html")
    assert not (tmp_path / "out" / "report.html").exists()
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert "seqcast[report]" in metrics["missing_outputs"]["report.html"]


def test_force_replaces_results_and_leaves_other_files(quick: None, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / "forecast.csv").write_text("old")
    with pytest.raises(ConfigError, match="not empty"):
        quick_run(weekly(), output=out)
    quick_run(weekly(), output=out, force=True)
    quick_run(weekly(), output=out, force=True)
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "forecast.csv").read_text() != "old"
    assert sorted(path.name for path in out.iterdir()) == sorted([*FILES, "notes.txt"])


def test_a_failure_at_the_very_end_leaves_nothing(quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("forecast.results_files.metrics", fail)
    with pytest.raises(OSError, match="disk full"):
        quick_run(weekly(), output=tmp_path / "a" / "out")
    assert list(tmp_path.iterdir()) == []


def test_covariates_known_ahead_must_reach_over_the_horizon(quick: None) -> None:
    frame = weekly(steps=60)
    frame["promo"] = np.arange(60) % 5
    frame.loc[frame.index[-3:], "sales"] = np.nan
    settings = {"time": "day", "id": "shop", "target": "sales", "future": ("promo",), **SMALL}
    with pytest.raises(DataError, match="3 rows of promo"):
        run(frame, horizon=4, settings=settings, max_time=10)
    result = run(frame, horizon=3, settings=settings, max_time=10)
    assert len(result.forecast) == 3


def test_several_targets_are_forecast_together(quick: None, tmp_path: Path) -> None:
    frame = weekly().drop(columns="shop")
    frame["returns"] = frame["sales"] / 10
    result = run(frame, horizon=7, settings={"target": ("sales", "returns"), **SMALL}, output=tmp_path / "out")
    assert set(result.forecast["target"]) == {"sales", "returns"}
    assert len(result.forecast) == 14


def test_a_lead_that_one_fold_makes_is_no_clear_win() -> None:
    from forecast import create
    from forecast.evaluation.leaderboard import leaderboard
    from forecast.verdict import judge

    values = np.random.default_rng(0).normal(0, 0.1, 356)
    values[300:] += 1  # for eight folds of seven steps: the last value knows, the mean does not
    values[348] = 100  # but the last value before the last fold means nothing
    series = pd.Series(values, index=pd.date_range("2024-01-01", periods=356))
    results = {name: create(name, horizon=7, season=1).backtest(series, folds=8) for name in ("seasonal-naive", "mean")}
    verdict = judge(results, leaderboard(results))
    assert verdict.winner == "mean" and "better on 1 of 8 folds" in verdict.sentences[0]
    assert verdict.word == "cannot tell"
    assert verdict.sentences[1].startswith("Whether it truly is better than seasonal naive cannot be told: p = .")


def test_a_lead_on_every_fold_is_shown_and_told_with_its_size() -> None:
    from forecast import create
    from forecast.evaluation.leaderboard import leaderboard
    from forecast.verdict import judge

    noise = np.random.default_rng(0).normal(0, 1, 356)  # of which the mean knows all there is to know
    series = pd.Series(noise, index=pd.date_range("2024-01-01", periods=356))
    names = ("seasonal-naive", "mean", "drift")
    results = {name: create(name, horizon=7, season=1).backtest(series, folds=20) for name in names}
    verdict = judge(results, leaderboard(results))
    assert verdict.winner == "mean" and verdict.word == "better"
    assert verdict.sentences[1].startswith("It is better: p ")
    assert ", with allowance for 3 forecasters; it saves " in verdict.sentences[1]
    assert verdict.sentences[2] == "It is better than every other forecaster that was tried."
    other = judge(results, leaderboard(results), winner="seasonal-naive")
    assert other.sentences[0].startswith("seasonal-naive is chosen: MASE ")
    assert other.sentences[1].startswith("mean had MASE 0.") and "and is better: p " in other.sentences[1]
