"""DeepAR's network: teacher forcing against rolling, causality, and paths that their noise alone decides."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from forecast.errors import ConfigError
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.layers.trunk import Trunk
from forecast.networks.base import Sizes
from forecast.networks.channels import IndependentChannels
from forecast.networks.recurrent.autoregressive import AutoregressiveNetwork
from forecast.outputs import make_output
from forecast.outputs.paths import levels_of_paths, spread_noise

PLAIN = Sizes(lookback=10, horizon=6, patch=1, outputs=3)
MANY = replace(PLAIN, channels=2, past=2, future=3, known=2, static=1, past_vocabulary=(3,), series=5)
CLOSE = {"atol": 1e-10, "rtol": 1e-10}


def trunk(inputs: int, *, bidirectional: bool = False) -> Trunk:
    return RecurrentStack(RecurrentConfig(cell="lstm", inputs=inputs, width=8, layers=2, bidirectional=bidirectional))


def make(sizes: Sizes = PLAIN, **settings: object) -> AutoregressiveNetwork:
    torch.manual_seed(0)
    head = make_output(None, "mae", "student-t")
    given = {"output": head, "trunk": trunk, "lags": (3, 6), "season": 3} | settings
    network = AutoregressiveNetwork(sizes, **given).double().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


@pytest.fixture(params=[PLAIN, MANY], ids=["plain", "many"])
def sizes(request):
    return request.param


def in_double(window):
    return replace(
        window, **{n: v.double() for n, v in vars(window).items() if v is not None and v.is_floating_point()}
    )


@pytest.fixture
def window(sizes, random_window):
    return in_double(random_window(sizes))


def test_teacher_forcing_with_its_own_forecasts_equals_rolling(sizes, window):
    """Step after step from a carried state, or all steps in one pass over what those made."""
    network = make(sizes)
    rolled = network(window)
    points = network.head.values(rolled, ())[..., 0]
    forced = network.forced(replace(window, answer=points, counted=torch.ones_like(points, dtype=torch.bool)))
    torch.testing.assert_close(forced, rolled, **CLOSE)


def test_a_path_has_the_likelihood_that_drew_it(sizes, window):
    """Each step of a path is drawn from what teacher forcing with that path gives for the step."""
    network = make(sizes)
    noise = torch.rand(1, 3, sizes.horizon, sizes.channels, 2).double()
    paths = network.sample(window, noise)
    for k in range(3):
        answer = paths[:, k : k + 1]
        raw = network.forced(replace(window, answer=answer, counted=torch.ones_like(answer, dtype=torch.bool)))
        torch.testing.assert_close(network.head.draw(raw[:, 0], noise[:, k]), paths[:, k], atol=1e-7, rtol=1e-7)


def test_a_step_of_the_answer_changes_nothing_up_to_itself(sizes, window):
    network = make(sizes)
    base = network.forced(window)
    for step in range(sizes.horizon - 1):
        answer = window.answer.clone()
        answer[:, :, step] += 1
        found = network.forced(replace(window, answer=answer))
        assert torch.equal(found[:, :, : step + 1], base[:, :, : step + 1])
        assert not torch.allclose(found[:, :, step + 1], base[:, :, step + 1])


def test_many_origins_of_one_pass_are_those_of_their_prefixes(random_window):
    """With the answers of each origin's own horizon, as they overlap in the segment."""
    network = make()
    segment = in_double(random_window(PLAIN, origins=3))
    steps = torch.cat([segment.target, segment.answer[:, -1]], dim=1)
    seen = torch.cat([segment.observed, segment.counted[:, -1]], dim=1)
    together = network.forced(segment, 3)
    for o in range(3):
        place = PLAIN.lookback + o
        ahead = slice(place, place + PLAIN.horizon)
        prefix = segment.prefix(place, PLAIN.horizon)
        prefix = replace(prefix, answer=steps[:, None, ahead], counted=seen[:, None, ahead])
        torch.testing.assert_close(network.forced(prefix), together[:, o : o + 1], **CLOSE)


def test_rows_do_not_share_more_than_their_noise(sizes, window):
    network = make(sizes)
    noise = spread_noise(5, sizes.horizon, sizes.channels, seed=0)[None].double()
    whole = network.sample(window, noise)
    one = replace(window, **{name: value[1:2] for name, value in vars(window).items() if value is not None})
    torch.testing.assert_close(network.sample(one, noise), whole[1:2], **CLOSE)
    assert torch.equal(network.sample(window, noise), whole)


def test_channels_read_by_themselves_are_sampled_as_series_of_their_own(random_window):
    sizes = replace(PLAIN, channels=2)
    window = in_double(random_window(sizes))
    network = make()
    noise = torch.rand(4, 3, sizes.horizon, 2, 2).double()
    found = IndependentChannels(sizes, network).sample(window, noise)
    for channel in range(2):
        one = slice(channel, channel + 1)
        parts = ("target", "observed", "location", "scale", "answer", "counted")
        alone = replace(window, **{name: getattr(window, name)[..., one] for name in parts})
        torch.testing.assert_close(network.sample(alone, noise[:, :, :, one]), found[..., one], **CLOSE)


def test_an_untrained_seasonal_forecast_is_close_to_a_copy_of_the_season(random_window):
    torch.manual_seed(0)
    head = make_output(None, "mae", "normal")
    sizes = replace(PLAIN, outputs=2)
    network = AutoregressiveNetwork(sizes, output=head, trunk=trunk, lags=(3,), season=3).eval()
    window = random_window(sizes)
    torch.testing.assert_close(network(window)[:, 0, :3, :, 0], window.target[:, -3:], atol=0.2, rtol=0)


def test_a_trunk_that_reads_both_ways_is_refused():
    with pytest.raises(ConfigError, match="no state to carry"):
        make(trunk=lambda inputs: trunk(inputs, bidirectional=True))


def test_levels_of_paths_are_numpys():
    paths = torch.randn(2, 33, 4, 1, dtype=torch.float64)
    levels = (0.01, 0.2, 0.5, 0.99)
    expected = np.moveaxis(np.quantile(paths.numpy(), (0.5, *levels), axis=1), 0, -1)
    np.testing.assert_allclose(levels_of_paths(paths, levels).numpy(), expected, rtol=1e-12)
    assert levels_of_paths(paths[:, :1], levels).shape == (2, 4, 1, 5)


def test_spread_noise_has_one_number_in_each_share_of_the_range():
    noise = spread_noise(50, 4, 2, seed=3)
    shares = (noise * 50).long().sort(0).values
    assert torch.equal(shares, torch.arange(50)[:, None, None, None].expand_as(shares))
    assert torch.equal(noise, spread_noise(50, 4, 2, seed=3))
    assert not torch.equal(noise, spread_noise(50, 4, 2, seed=4))
