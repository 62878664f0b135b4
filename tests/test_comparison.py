"""The comparison with others still runs: its own two contenders, its records and its tables."""

from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.fixture(autouse=True)
def found(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def series(tmp_path):
    """Four series of 400 steps, the last 48 of them for validation and test."""
    from comparison.series import Series, load

    steps = np.arange(400)[:, None] + 3 * np.arange(4)
    values = list(np.sin(steps.T * np.pi / 12) + 5)
    made = Series(name="waves", values=values, train=np.full(4, 352), validation=24, test=np.tile([352, 376], (4, 1)))
    made.save(tmp_path / "series.npz")
    return load(str(tmp_path / "series.npz"))


def spec(**settings):
    from comparison.series import Spec

    return Spec(lookback=48, horizon=24, width=8, batch=16, **settings)


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")  # the floor only reads
@pytest.mark.parametrize("name", ["ours", "floor"])
def test_a_contender_trains_predicts_and_is_judged_on_the_same_windows(name, series):
    from importlib import import_module

    contender = import_module(f"contenders.{name}")
    assert contender.training(series, spec(), 1)(2)[1] == 2 * 16
    for call in contender.predictions(series, spec()).values():
        call()
    model = contender.MODELS[-1]
    _, forecast = contender.accuracy(series, spec(model=model, seconds=0.3))
    assert forecast.shape == (4, 2, 24)
    assert np.abs(forecast - 5).max() < 3  # in the units of the data
    contender.first_step(series.frame().astype({"y": "float32"}), spec())


def test_a_pass_with_several_origins_counts_each_of_its_windows(series):
    from contenders import ours

    assert ours.training(series, spec(), 6)(2)[1] == 2 * 16 * 6


def test_a_contender_runs_in_a_process_of_its_own_and_says_what_went_wrong(series, tmp_path):
    from comparison.process import Contender, ContenderError, Process

    with Process(Contender("floor"), setting="raised", threads=1) as process:
        assert "torch" in process.ask("versions")
        small = {"data": str(tmp_path / "series.npz"), "spec": vars(spec()) | {"options": {}}, "origins": 1}
        first, second = (process.ask("open_training", **small) for _ in range(2))
        assert first != second and process.ask("train", name=first, steps=1)[1] == 16
        with pytest.raises(ContenderError, match="FileNotFoundError"):
            process.ask("open_training", data=str(tmp_path / "none.npz"), spec={}, origins=1)
    with pytest.raises(ContenderError, match="ModuleNotFoundError"):
        Process(Contender("nobody"), setting="own", threads=1)


def test_all_sides_get_the_allocator_that_the_setting_names(monkeypatch):
    from comparison.process import environment

    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    assert environment("default", 2)["FORECAST_NO_TUNING"] == "1"
    assert not any(name.startswith("MALLOC_") for name in environment("own", 2))
    assert environment("raised", 2)["MALLOC_TRIM_THRESHOLD_"] == str(1 << 30)
    assert environment("own", 2)["OMP_NUM_THREADS"] == "2"


def test_figures_of_several_runs_come_together_in_one_table(tmp_path):
    from comparison import table
    from comparison.context import Results

    results = Results(tmp_path / "results.json")
    task = {"section": "accuracy", "measure": "M4", "measured": "MASE"}
    results.add(**task, contender="seqcast hybrid in 5 s", error=0.9, seconds=5.0)
    results.add(**task, contender="seqcast hybrid in 15 s", error=0.8, seconds=15.0)
    results.add(**task, contender="Darts lstm", error=0.85, seconds=40.0)
    measure = "7 series, as installed"
    results.add("training", measure, "seqcast × 1", rate=900.0, ratio=1.5)
    results.add("training", measure, "seqcast × 24", rate=9000.0, ratio=15.0)
    again = Results(tmp_path / "results.json")
    again.add("training", measure, "Darts", rate=500.0, ratio=0.9)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.OPEN}\nold\n{table.CLOSE}\nafter\n")
    table.write(readme, again)
    lines = readme.read_text().splitlines()
    assert "old" not in lines and lines[0] == "before" and lines[-1] == "after"
    assert "| M4: test MASE | 0.800 in 15 s (hybrid) |  | 0.850 in 40 s (lstm) |" in lines
    assert "| … which seqcast reaches after |  |  | 15 s |" in lines
    assert "| windows/s trained, × bare torch; 7 series | 1.50 | 1 | 0.90 |" in lines
    assert "| … with 24 origins per pass | 15 |  |  |" in lines
