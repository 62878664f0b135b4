"""The same seed gives the same weights, whatever happens on the way; the process is left as it was."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch


def weights(model: object) -> dict[str, torch.Tensor]:
    return model.network_.state_dict()


def assert_identical(one: object, two: object) -> None:
    assert [name for name in weights(one) if not torch.equal(weights(one)[name], weights(two)[name])] == []


def test_two_fits_of_one_seed_are_identical(family, make, data):
    settings = {"dropout": 0.2, **data.LONG}
    one, two = (make(family, **settings).fit(data.long()) for _ in range(2))
    torch.rand(17)  # what others draw in between does not matter
    three = make(family, **settings).fit(data.long())
    assert_identical(one, two)
    assert_identical(one, three)
    other = make(family, **settings, seed=1).fit(data.long())
    assert any(not torch.equal(weights(one)[name], weights(other)[name]) for name in weights(one))


def test_torch_is_left_as_it_was(make, data):
    torch.manual_seed(3)
    state, threads, kind = torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    numpy_state = np.random.get_state()[1].copy()
    model = make("lstm", threads=1).fit(data.series())
    model.predict(horizon=9, levels=(0.1, 0.9))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads and torch.get_default_dtype() == kind
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    assert torch.is_grad_enabled()


def test_fits_in_two_threads_are_those_of_two_fits_one_after_the_other(make, data):
    settings = {"dropout": 0.2, "threads": 1}
    alone = [make("lstm", **settings, seed=seed).fit(data.series()) for seed in (0, 1)]
    state = torch.get_rng_state()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda seed: make("lstm", **settings, seed=seed).fit(data.series()), (0, 1)))
    for one, two in zip(alone, together, strict=True):
        assert_identical(one, two)
    assert torch.equal(torch.get_rng_state(), state)


def test_forecasts_are_repeatable(family, make, data):
    model = make(family, dropout=0.3).fit(data.series())
    for horizon in (4, 9):
        one, two = (model.predict(levels=(0.1, 0.9), horizon=horizon) for _ in range(2))
        assert one.equals(two)


@pytest.mark.parametrize("refit", [False, True])
def test_fit_keeps_to_its_time(make, data, refit):
    began = time.monotonic()
    model = make("lstm", max_steps=10**7, max_time=0.6, patience=None).fit(data.long(), refit=refit)
    assert time.monotonic() - began < 5  # a step takes a millisecond; the rest is for a busy machine
    assert model.report_["stopped"] == "time"


def test_the_report_may_stop_a_fit(make, data):
    model = make("lstm", max_steps=400).fit(data.series(), on_report=lambda step, seconds, losses: step >= 40)
    assert model.report_["steps"] == 40 and model.report_["stopped"] == "report"
