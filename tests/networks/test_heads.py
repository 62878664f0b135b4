"""Every preset under every head: finite losses and gradients, levels in order."""

import pytest
import torch

from forecast.estimators.defaults import Resolved
from forecast.networks.base import Sizes
from forecast.outputs import make_output
from forecast.outputs.distribution import DISTRIBUTIONS
from forecast.presets import create, forecaster_class
from forecast.presets.catalogue import networks

pytestmark = pytest.mark.usefixtures("averages")
LEVELS = (0.1, 0.5, 0.75)
SMALL = {"hidden_size": 16, "heads": 2, "dropout": 0.0}
HEADS = {"levels": None, **{kind: kind for kind in DISTRIBUTIONS}, "points": None}
NETWORKS = [*networks(), "averages"]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_preset_learns_and_forecasts_under_a_head(name, head, random_window):
    output = make_output(None if head == "points" else LEVELS, "mae", HEADS[head])
    sizes = Sizes(lookback=8, horizon=5, patch=4, outputs=output.size)
    small = {key: value for key, value in SMALL.items() if hasattr(forecaster_class(name), key)}
    forecaster = create(name, horizon=5, **small)
    forecaster.season_ = 4
    forecaster.resolved_ = Resolved(
        lookback=8, patch=4, origins=1, min_context=1, batch_size=4, max_steps=1, dropout=0.0
    )
    torch.manual_seed(0)
    network = forecaster._network(sizes, output)
    window = random_window(sizes)
    scale = window.scale[:, None]
    total, count = output.loss(network.train()(window), window.answer.abs(), window.counted, scale)
    (total / count).backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    with torch.inference_mode():
        raw = network.eval()(window)[:, 0]
        found = output.values(raw, () if head == "points" else LEVELS, window.scale)
    assert torch.isfinite(found).all()
    assert (found[..., 1:].diff(dim=-1) >= 0).all()
    if head != "points":
        torch.testing.assert_close(found[..., 0], found[..., 2])  # the point is the median
