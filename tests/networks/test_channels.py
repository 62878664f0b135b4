"""Independent channels: the C channels of a window are forecast as C windows of one channel each."""

from dataclasses import replace

import pytest
import torch

from forecast import HybridForecaster, LSTMForecaster, TransformerForecaster
from forecast.datasets.windows import Window
from forecast.estimators.defaults import Resolved
from forecast.networks.base import Network, Sizes
from forecast.networks.channels import IndependentChannels
from forecast.outputs import PointOutput

CLOSE = {"atol": 1e-6, "rtol": 1e-5}
SIZES = Sizes(
    lookback=12,
    horizon=7,
    patch=3,
    outputs=3,
    channels=3,
    past=2,
    future=3,
    known=2,
    static=2,
    past_vocabulary=(3,),
    future_vocabulary=(4, 2),
    static_vocabulary=(3,),
    series=5,
)
RESOLVED = Resolved(lookback=12, patch=3, origins=1, min_context=1, batch_size=4, max_steps=1, dropout=0.0)
FAMILIES = {
    "lstm": LSTMForecaster(horizon=7, channels="independent"),
    "transformer": TransformerForecaster(horizon=7, channels="independent"),
    "encoder": TransformerForecaster(horizon=7, channels="independent", architecture="encoder"),
    "encoder-decoder": TransformerForecaster(horizon=7, channels="independent", architecture="encoder-decoder"),
    "hybrid": HybridForecaster(horizon=7, channels="independent"),
}


@pytest.fixture(params=FAMILIES)
def network(request: pytest.FixtureRequest) -> Network:
    forecaster = FAMILIES[request.param]
    forecaster.resolved_ = RESOLVED
    torch.manual_seed(0)
    built = forecaster._network(SIZES, PointOutput("mae"))
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return built


def channel(window: Window, number: int) -> Window:
    """The window of one channel alone."""
    names = ("target", "observed", "location", "scale", "answer", "counted")
    return replace(window, **{name: getattr(window, name)[..., number : number + 1] for name in names})


@pytest.mark.parametrize("training", [False, True])
def test_channels_are_forecast_as_windows_of_their_own(network, random_window, training):
    assert isinstance(network, IndependentChannels)
    network.train(training)
    origins = 3 if network.causal else 1
    window = random_window(SIZES, origins=origins)
    whole = network(window, origins)
    for number in range(SIZES.channels):
        alone = network.network(channel(window, number), origins)
        torch.testing.assert_close(whole[..., number : number + 1, :], alone, **CLOSE)


def test_permuted_channels_give_permuted_forecasts(network, random_window):
    window, order = random_window(SIZES), [2, 0, 1]
    names = ("target", "observed", "location", "scale")
    permuted = replace(window, **{name: getattr(window, name)[..., order] for name in names})
    network.eval()
    torch.testing.assert_close(network(permuted), network(window)[..., order, :], **CLOSE)


def test_the_carried_state_has_the_series_on_its_first_axis(network, random_window):
    if not network.carries:
        return
    _, carried = network.eval().begin(random_window(SIZES, batch=5))
    assert {len(part) for part in carried} == {5}


def test_one_target_needs_no_folding():
    forecaster = FAMILIES["lstm"]
    forecaster.resolved_ = RESOLVED
    assert not isinstance(forecaster._network(replace(SIZES, channels=1), PointOutput("mae")), IndependentChannels)
