"""Threads that would only wait for one another are not asked for."""

import numpy as np
import pytest
import torch


@pytest.fixture
def two_threads():
    """Torch with two threads, as on a machine of two cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("windows", "threads", "used"), [(1, None, 1), (1, 2, 2), (9999, None, 2), (9999, 1, 1)])
def test_few_windows_are_forecast_on_one_thread_unless_more_are_asked_for(
    make, data, two_threads, windows, threads, used
):
    model = make("lstm", threads=threads, hidden_size=32).fit(data.long())
    seen = []
    model.network_.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    model.forecast_windows(model.panel_, np.zeros(windows, np.int64), model.panel_.ends[:1].repeat(windows))
    assert seen == [used]
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("batch", "threads", "used"), [(8, None, 1), (8, 2, 2), (8192, None, 2), (8192, 1, 1)])
def test_small_steps_are_trained_on_one_thread_unless_more_are_asked_for(make, data, two_threads, batch, threads, used):
    seen = []
    make("lstm", threads=threads, batch_size=batch, hidden_size=32, max_steps=1).fit(
        data.long(), on_report=lambda *_: seen.append(torch.get_num_threads())
    )
    assert set(seen) == {used}
    assert torch.get_num_threads() == 2
