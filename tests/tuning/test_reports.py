"""What a trial reports, and by whom it is ended."""

import optuna
import pytest

from forecast.tuning.reports import VALIDATIONS, Reports


class Trial:
    """Remembers reports; is to be pruned at a number."""

    def __init__(self, prune_at=None):
        self.reports, self.attributes, self.prune_at = {}, {}, prune_at

    def report(self, value, number):
        assert number not in self.reports
        self.reports[number] = value

    def should_prune(self):
        return self.prune_at is not None and max(self.reports) >= self.prune_at

    def set_user_attr(self, name, value):
        self.attributes[name] = value


def test_validations_are_numbered_whatever_steps_they_come_at():
    trial = Trial()
    reports = Reports(trial, folds=4)
    for step in (50, 100, 150):
        reports.validated(step, 1.0, {"loss": 9.0, "mase": step / 100})
    assert trial.reports == {1: 0.5, 2: 1.0, 3: 1.5}


def test_folds_come_after_all_validations_and_a_second_training_tells_nothing():
    trial = Trial()
    reports = Reports(trial, folds=4)
    reports.validated(50, 1.0, {"mase": 1.0})
    reports.folded(2, 0.8)
    reports.validated(50, 1.0, {"mase": 5.0})
    reports.folded(4, 0.9)
    assert trial.reports == {1: 1.0, VALIDATIONS + 2: 0.8, VALIDATIONS + 4: 0.9}


def test_paired_folds_report_their_own_error_alone():
    trial = Trial()
    reports = Reports(trial, folds=3, by_fold=True)
    reports.validated(50, 1.0, {"mase": 1.0})
    for done, error in ((1, 2.0), (2, 1.5), (3, 2.0)):
        reports.folded(done, error)
    assert trial.reports == {VALIDATIONS + 1: 2.0, VALIDATIONS + 2: 1.0, VALIDATIONS + 3: 3.0}


def test_a_pruned_trial_says_where_and_why():
    trial = Trial(prune_at=2)
    reports = Reports(trial, folds=4)
    reports.validated(10, 1.0, {"mase": 3.0})
    with pytest.raises(optuna.TrialPruned):
        reports.validated(20, 1.0, {"mase": 3.25})
    assert trial.attributes["reason"] == "pruned after validation 2 of 20: MASE 3.25"


def test_a_trial_whose_last_fold_is_done_is_not_thrown_away():
    trial = Trial(prune_at=1)
    Reports(trial, folds=4).folded(4, 9.0)
    assert trial.reports == {VALIDATIONS + 4: 9.0}


def test_undefined_errors_and_pretraining_are_not_reported():
    trial = Trial(prune_at=0)
    reports = Reports(trial, folds=4)
    reports.validated(10, 1.0, {"loss": 1.0})
    reports.validated(20, 1.0, {"mase": float("nan")})
    reports.folded(1, float("nan"))
    assert trial.reports == {}
