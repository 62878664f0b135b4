"""The search as a whole, on small data: what it tries, finds, writes, and how it goes on."""

import tomllib

import numpy as np
import optuna
import pandas as pd
import pytest

from forecast import ConfigError, DataError, ForecastError, TrainingError, create, load, tune
from forecast.baselines.linear import LinearForecaster
from forecast.estimators.settings import Range
from forecast.evaluation import backtest
from forecast.tuning.result import Trial, front_of
from forecast.tuning.samplers import PRUNERS, SAMPLERS

RIDGES = {"ridge": Range(low=1e-4, high=1e4, log=True), "lookback": [14, 28]}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    wave = 20 + 5 * np.sin(np.arange(160) * 2 * np.pi / 7) + rng.normal(0, 1, 160)
    return pd.DataFrame({"day": pd.date_range("2024-01-01", periods=160), "y": wave})


def search(frame, **options):
    return tune(**{"forecaster": "linear", "data": frame, "horizon": 7, "trials": 4, "space": RIDGES, **options})


def failing(monkeypatch, error, above=-1.0):
    """Have the linear forecaster fail where its penalty lies above a bound."""
    learn = LinearForecaster._learn

    def broken(self, panel, job):
        if self.ridge is not None and self.ridge > above:
            raise error
        return learn(self, panel, job)

    monkeypatch.setattr(LinearForecaster, "_learn", broken)


# ---------------------------------------------------------------------- what is found


def test_the_value_of_a_trial_is_that_of_its_backtest(frame):
    result = search(frame, folds=5)
    again = backtest(create("linear", **result.settings), frame, folds=5)
    assert result.value == pytest.approx(again.metrics()["mase"], rel=1e-9)
    assert result.best.metrics["mase"] == pytest.approx(result.value, rel=1e-5)


def test_the_first_trial_has_the_default_settings_and_the_best_is_never_worse(frame):
    result = search(frame, folds=5)
    usual = backtest(create("linear", horizon=7), frame, folds=5).metrics()["mase"]
    assert result.trials[0].settings == {"ridge": None, "lookback": None}
    assert result.trials[0].values[0] == pytest.approx(usual, rel=1e-9)
    assert result.value <= usual


def test_the_best_forecaster_is_fitted_on_all_rows(frame):
    result = search(frame)
    assert result.forecaster.predict()["day"].iloc[0] == frame["day"].iloc[-1] + pd.Timedelta(days=1)
    assert search(frame, fit=False).forecaster is None


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_gives_the_same_trials_again_for_the_same_seed(frame, sampler):
    pytest.importorskip("cmaes")
    space = {"ridge": RIDGES["ridge"], "max_windows": {"low": 50, "high": 100, "step": 10}, "lookback": [14, 28]}

    def trials(seed):
        result = search(frame, sampler=sampler, space=space, trials=12, seed=seed, folds=3, fit=False)
        return [(dict(trial.settings), trial.values) for trial in result.trials]

    first = trials(1)
    assert first == trials(1)
    assert first != trials(2)


def test_networks_give_the_same_trials_again_for_the_same_seed(frame):
    def trials():
        result = tune({"gru": {"max_steps": 6}}, frame, horizon=7, trials=3, folds=2, seed=5, fit=False)
        return [(dict(trial.settings), trial.values, dict(trial.reports)) for trial in result.trials]

    assert trials() == trials()


def test_a_grid_is_tried_once_and_no_further(frame):
    space = {"ridge": [0.1, 1.0, 10.0], "lookback": [14, 28]}
    result = search(frame, sampler="grid", space=space, trials=50, folds=3, fit=False)
    tried = {(trial.settings["ridge"], trial.settings["lookback"]) for trial in result.trials}
    assert len(tried) == len(result.trials) == 6


@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_pruner_ends_what_is_hopeless_and_keeps_the_best(frame, pruner):
    space = {"ridge": {"low": 1e-3, "high": 1e12, "log": True}}
    result = search(frame, pruner=pruner, sampler="random", space=space, trials=12, folds=10, seed=4, fit=False)
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert all("pruned after fold" in trial.reason and not trial.values for trial in pruned)
    assert bool(pruned) == (pruner != "none")
    assert result.best.state == "complete"


def test_a_network_is_pruned_while_it_trains(frame):
    space = {"learning_rate": {"low": 1e-7, "high": 1e-2, "log": True}}
    models = {"gru": {"max_steps": 20, "hidden_size": 8}}
    result = tune(models, frame, horizon=7, trials=9, folds=2, space=space, sampler="random", fit=False)
    reasons = [trial.reason for trial in result.trials if trial.state == "pruned"]
    assert reasons and all("pruned after validation" in reason for reason in reasons)


def test_several_forecasters_are_searched_together(frame):
    result = tune({"linear": {}, "theta": {}, "seasonal-naive": {}}, frame, horizon=7, trials=6, folds=3, space=RIDGES)
    assert {trial.model for trial in result.trials[:3]} == {"linear", "theta", "seasonal-naive"}
    assert all(trial.model == "linear" for trial in result.trials[3:])
    assert result.model == result.best.model


def test_a_trial_of_the_same_settings_is_not_worked_out_again(frame):
    result = search(frame, space={"lookback": [14, 28]}, sampler="random", trials=8, folds=3, fit=False)
    assert len(result.trials) == 2  # no more than there are different ones
    space = {"lookback": [14, 28], "ridge": {"low": 1.0, "high": 1.0 + 1e-12}}
    repeated = search(frame, space={**space, "ridge": [1.0, 1.5, 2.0]}, sampler="random", trials=6, folds=3, fit=False)
    values = {}
    for trial in repeated.trials:
        key = tuple(trial.settings.items())
        assert (trial.same_as is not None) == (key in values)
        assert values.setdefault(key, trial.values) == trial.values


# ---------------------------------------------------------------------- several objectives


def test_several_objectives_give_a_front_and_are_not_pruned(frame):
    result = search(frame, objectives=("mase", "latency"), trials=6, fit=False)
    assert all(len(trial.values) == 2 and not trial.reports for trial in result.trials)
    for one in result.front:
        assert not any(all(np.less(other.values, one.values)) for other in result.trials)
    assert result.best == result.front[0]
    assert {"mase", "latency"} <= set(result.frame().columns)


def test_the_front_holds_what_nothing_beats_in_every_objective():
    def trial(number, *values):
        return Trial(number=number, state="complete", values=values, seconds=1.0, model="lstm", settings={})

    trials = [trial(0, 3.0, 1.0), trial(1, 1.0, 3.0), trial(2, 2.0, 2.0), trial(3, 2.0, 2.5), trial(4, 1.0, 3.0)]
    assert [one.number for one in front_of([*trials, trial(5)])] == [1, 2, 0]


def test_the_size_is_the_number_of_learned_parameters(frame):
    space = {"hidden_size": [8, 16]}
    models = {"gru": {"max_steps": 2}}
    result = tune(models, frame, horizon=7, trials=2, folds=2, space=space, objectives=("size",), fit=False)
    sizes = {trial.settings["hidden_size"]: trial.values[0] for trial in result.trials}
    for width, size in sizes.items():
        fitted = create("gru", horizon=7, hidden_size=width, max_steps=1).fit(frame)
        assert size == sum(weight.numel() for weight in fitted.network_.parameters())


@pytest.mark.parametrize("name, ideal", [("bias", 0.0), ("coverage_90", 0.9), ("wql", 0.0)])
def test_an_objective_is_the_distance_from_the_ideal(frame, name, ideal):
    result = search(frame, objectives=(name,), trials=2, folds=5, fit=False)
    found = backtest(create("linear", **result.settings), frame, folds=5).metrics()[name]
    assert result.value == pytest.approx(abs(found - ideal))


# ---------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    "error, reason",
    [
        (MemoryError(), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried …"), "out of memory"),
        (TrainingError("the loss turned non-finite at step 7", "Lower it."), "the loss turned non-finite at step 7"),
        (np.linalg.LinAlgError("Singular matrix"), "LinAlgError: Singular matrix"),
        (KeyError("a bug"), "KeyError: 'a bug'"),
    ],
)
def test_a_trial_that_fails_is_a_failed_trial_with_its_reason(frame, monkeypatch, error, reason):
    failing(monkeypatch, error, above=1.0)
    result = search(frame, sampler="random", trials=8, folds=3, fit=False)
    failed = [trial for trial in result.trials if trial.state == "failed"]
    assert failed and all(trial.reason == reason for trial in failed)
    assert all(trial.settings["ridge"] > 1 for trial in failed)
    assert result.best.state == "complete"


def test_when_all_trials_fail_the_reasons_are_told_and_the_trials_kept(frame, monkeypatch, tmp_path):
    monkeypatch.setattr(LinearForecaster, "_learn", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(ForecastError, match=r"none of 3 trials came to its end: out of memory \(3 times\)"):
        search(frame, trials=3, output=tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "trials.csv")
    assert list(table["state"]) == ["failed"] * 3 and set(table["reason"]) == {"out of memory"}


def test_settings_that_do_not_go_together_cost_nothing(frame):
    space = {"hidden_size": [20, 30], "heads": [4, 8]}
    result = tune({"transformer": {"max_steps": 2}}, frame, horizon=7, trials=4, space=space, folds=2, fit=False)
    assert not [trial for trial in result.trials if trial.state == "failed"]
    for trial in result.trials:
        assert trial.state == "pruned" or trial.settings["hidden_size"] % trial.settings["heads"] == 0
        assert trial.state == "complete" or "is not divisible by" in trial.reason


@pytest.mark.parametrize(
    "options, words",
    [
        ({"sampler": "tpes"}, "unknown sampler 'tpes'"),
        ({"pruner": "medians"}, "unknown pruner 'medians'"),
        ({"objectives": ("mas",)}, "unknown objective 'mas'"),
        ({"objectives": ()}, "no objective is named"),
        ({"objectives": ("mase", "latency"), "pruner": "median"}, "cannot be pruned"),
        ({"objectives": ("mase", "latency"), "sampler": "cma-es"}, "one objective"),
        ({"forecaster": "linea"}, "unknown forecaster 'linea'"),
        ({"forecaster": {"linear": {"ridges": 1}}}, "ridges"),
        ({"forecaster": {"linear": {"ridge": -1.0}}}, "ridge=-1.0"),
        ({"forecaster": ""}, "no forecaster is named"),
        ({"horizon": None}, "the horizon is missing"),
        ({"horizon": 0}, "horizon"),
        ({"trials": 0}, "trials=0"),
        ({"timeout": -1.0}, "timeout"),
        ({"jobs": 0}, "jobs=0"),
        ({"folds": 0}, "folds=0"),
        ({"sampler": "cma-es", "space": {"lookback": [14, 28]}}, "at least two"),
        ({"forecaster": {"linear": {"levels": None}}, "objectives": ("wql",)}, "wql needs quantile levels"),
        ({"forecaster": ("lstm", "theta"), "space": None, "pruner": "hyperband"}, "theta has none"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused_before_anything_is_tried(frame, tmp_path, options, words):
    with pytest.raises(ConfigError, match=words):
        search(frame, output=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()  # nor is a study begun, which would refuse what is asked for rightly


def test_folds_that_do_not_fit_say_how_many_would(frame):
    with pytest.raises(DataError, match="Ask for at most 20 folds"):
        search(frame, folds=40)
    assert search(frame, folds=20, trials=1, fit=False).value > 0


def test_an_undefined_objective_names_another(frame):
    constant = frame.assign(y=1.0)
    with pytest.raises(ForecastError, match=r"(?s)the objective mase is undefined.*Choose another error, such as mae"):
        search(constant, folds=3, trials=2)
    assert search(constant, folds=3, trials=2, objectives=("mae",)).value == pytest.approx(0, abs=1e-6)


# ---------------------------------------------------------------------- the folder and the study


def test_the_folder_holds_settings_trials_pictures_and_the_model(frame, tmp_path):
    pytest.importorskip("matplotlib")
    result = search(frame, output=tmp_path / "out", trials=6, folds=5)
    assert {"best.toml", "trials.csv", "history.png", "importance.png", "model", "study.db"} <= {
        entry.name for entry in (tmp_path / "out").iterdir()
    }
    stated = tomllib.loads((tmp_path / "out" / "best.toml").read_text())["forecaster"]
    wanted = {key: value for key, value in result.settings.items() if value is not None}
    assert stated == {"name": "linear", **wanted}
    table = pd.read_csv(tmp_path / "out" / "trials.csv")
    assert list(table["trial"]) == list(range(6)) and table["mase"].min() == pytest.approx(result.value)
    assert load(tmp_path / "out" / "model").get_params() == result.forecaster.get_params()


def test_a_later_call_goes_on_where_the_earlier_one_stopped(frame, tmp_path):
    first = search(frame, storage=tmp_path / "study.db", trials=3, folds=3, fit=False)
    later = search(frame, storage=tmp_path / "study.db", trials=5, folds=3, fit=False)
    assert [trial.values for trial in later.trials[:3]] == [trial.values for trial in first.trials]
    assert len(later.trials) == 5
    assert [trial.values for trial in search(frame, trials=5, folds=3, fit=False).trials] == [
        trial.values for trial in later.trials
    ]


@pytest.mark.parametrize(
    "changed, words",
    [({"space": {"ridge": [1.0, 2.0]}}, "space.linear"), ({"folds": 4}, "folds"), ({"horizon": 5}, "horizon")],
)
def test_another_search_in_the_same_folder_is_refused_and_loses_nothing(frame, tmp_path, changed, words):
    search(frame, output=tmp_path / "out", folds=3, trials=2, fit=False)
    before = (tmp_path / "out" / "trials.csv").read_text()
    with pytest.raises(ConfigError, match=words):
        search(frame, output=tmp_path / "out", **{"folds": 3, **changed})
    assert (tmp_path / "out" / "trials.csv").read_text() == before
    options = {"folds": 3, "trials": 1, "fit": False, **changed}
    assert len(search(frame, output=tmp_path / "out", force=True, **options).trials) == 1


def test_a_folder_with_other_things_is_left_alone(frame, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        search(frame, output=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_a_study_can_be_opened_by_optuna_alone(frame, tmp_path):
    result = search(frame, output=tmp_path / "out", folds=3, fit=False)
    study = optuna.load_study(study_name=result.study, storage=f"sqlite:///{tmp_path / 'out' / 'study.db'}")
    assert study.best_value == result.value and len(study.trials) == 4
    for trial in study.trials:
        assert trial.user_attrs["model"] == "linear"
        assert trial.user_attrs["settings"].keys() == {"ridge", "lookback"}
        assert trial.user_attrs["metrics"]["mase"] == pytest.approx(trial.value, rel=1e-5)


def test_each_trial_is_told_with_the_best_so_far(frame):
    told = []
    search(frame, folds=3, fit=False, on_trial=lambda trial, best: told.append((trial.number, trial.values[0], best)))
    assert [number for number, _, _ in told] == [0, 1, 2, 3]
    assert [best for _, _, best in told] == list(np.minimum.accumulate([value for _, value, _ in told]))


def test_workers_share_the_search(frame, tmp_path):
    result = search(frame, trials=4, jobs=2, storage=tmp_path / "study.db", folds=3, fit=False)
    assert sorted(trial.number for trial in result.trials) == [0, 1, 2, 3]
    alone = search(frame, trials=1, folds=3, fit=False)
    assert result.trials[0].values == alone.trials[0].values
