"""The learning rate over a run, and what counts as its end."""

import time

import numpy as np
import pytest

from forecast.training.schedule import LAST, WARM_UP, Budget, one_cycle


def test_the_rate_rises_to_its_highest_and_falls_to_a_hundredth():
    progress = np.linspace(0, 1, 1001)
    rates = np.array([one_cycle(p, 2.0) for p in progress])
    top = progress <= WARM_UP
    assert (np.diff(rates[top]) > 0).all()
    assert (np.diff(rates[~top]) < 0).all()
    assert rates.max() == pytest.approx(2.0)
    assert one_cycle(WARM_UP, 2.0) == pytest.approx(2.0)
    assert rates[0] == pytest.approx(2.0 * LAST) and rates[-1] == pytest.approx(2.0 * LAST)
    assert np.abs(np.diff(rates)).max() < 0.05  # no jump, at the top neither


def test_progress_is_the_larger_share_of_steps_and_seconds():
    assert Budget(max_steps=200, max_time=None, began=0.0).progress(50) == 0.25
    began = time.perf_counter() - 5
    assert Budget(max_steps=200, max_time=10.0, began=began).progress(20) == pytest.approx(0.5, abs=0.01)
    assert Budget(max_steps=200, max_time=10.0, began=began).progress(180) == pytest.approx(0.9)
    assert Budget(max_steps=200, max_time=1.0, began=began).progress(0) == 1.0
    assert Budget(max_steps=200, max_time=None, began=0.0).progress(900) == 1.0
