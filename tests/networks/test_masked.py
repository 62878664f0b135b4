"""Filling in hidden tokens: what is hidden is not read, and counts only where it was observed."""

from dataclasses import replace

import pytest
import torch

from forecast import TransformerForecaster
from forecast.errors import ConfigError
from forecast.estimators.defaults import Resolved
from forecast.networks.base import Network, Sizes
from forecast.networks.masked import MaskedReconstruction, Reconstruction, masked
from forecast.outputs import PointOutput

SIZES = Sizes(lookback=24, horizon=5, patch=3, outputs=1, channels=2, past=1, future=2, known=1, static=1)
RESOLVED = Resolved(lookback=24, patch=3, origins=1, min_context=1, batch_size=4, max_steps=1, dropout=0.0)


def build(sizes: Sizes = SIZES, **settings: object) -> Network:
    forecaster = TransformerForecaster(horizon=5, **{"architecture": "encoder", "hidden_size": 16, **settings})
    forecaster.resolved_ = RESOLVED
    torch.manual_seed(0)
    return forecaster._network(sizes, PointOutput("mae"))


@pytest.fixture
def task() -> MaskedReconstruction:
    found = masked(build())
    assert isinstance(found, MaskedReconstruction)
    return found


def test_two_in_five_tokens_of_every_window_are_hidden_and_others_each_time(task):
    device = torch.device("cpu")
    drawn = torch.stack([task.draw(50, 8, device=device) for _ in range(20)])  # (20, 50, 8)
    assert (drawn.sum(-1) == 3).all()
    assert (drawn.float().mean((0, 1)) - 3 / 8).abs().max() < 0.06
    assert not torch.equal(drawn[0], drawn[1])


def test_hidden_tokens_are_not_read(task, random_window):
    window = random_window(SIZES)
    hidden = torch.zeros(4, 8, 1, dtype=torch.bool)
    hidden[:, 2] = True
    other = {name: getattr(window, name).clone() for name in ("target", "observed", "past", "future")}
    for values in other.values():
        values[:, 6:9] = ~values[:, 6:9] if values.dtype == torch.bool else values[:, 6:9] + 5
    base = task.reconstruct(window, hidden)
    torch.testing.assert_close(task.reconstruct(replace(window, **other), hidden), base, atol=0, rtol=0)
    assert not torch.allclose(task.reconstruct(replace(window, **other), ~hidden), task.reconstruct(window, ~hidden))


def test_the_loss_is_the_squared_error_of_hidden_observed_steps(task, random_window):
    window = random_window(SIZES)
    torch.manual_seed(3)
    raw = task(window)
    torch.manual_seed(3)
    hidden = task.draw(4, 8, device=torch.device("cpu"))
    found = task.reconstruct(window, hidden[..., None]).detach().view(4, 8, 3, 2)
    total, count = 0.0, 0
    for row in range(4):
        for token in hidden[row].nonzero().flatten().tolist():
            for step in range(3):
                for channel in range(2):
                    if window.observed[row, 3 * token + step, channel]:
                        true = window.target[row, 3 * token + step, channel]
                        total += float((found[row, token, step, channel] - true) ** 2)
                        count += 1
    loss, counted = Reconstruction().loss(raw, window.answer, window.counted)
    assert int(counted) == count > 0
    assert float(loss.detach()) == pytest.approx(total, rel=1e-5)


def test_answers_are_not_read(task, random_window):
    """What is to be forecast stays unseen, so that nothing held out can leak."""
    window = random_window(SIZES)
    losses = []
    for answer in (window.answer, window.answer + 100):
        torch.manual_seed(0)
        changed = replace(window, answer=answer)
        losses.append(Reconstruction().loss(task(changed), changed.answer, changed.counted)[0])
    assert torch.equal(*losses)


def test_every_parameter_of_the_task_receives_a_gradient(task, random_window):
    window = random_window(SIZES)
    Reconstruction().loss(task(window), window.answer, window.counted)[0].backward()
    assert [name for name, p in task.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_tokens_and_trunk_are_those_of_the_network_itself():
    network = build()
    task = masked(network)
    shared = {id(p) for p in network.parameters()} & {id(p) for p in task.parameters()}
    apart = {name for name, p in network.named_parameters() if id(p) not in shared}
    assert {name.partition(".")[0] for name in apart} == {"decoder"}


def test_channels_read_apart_are_hidden_apart(random_window):
    network = build(channels="independent")
    torch.manual_seed(0)
    hidden = masked(network)(random_window(SIZES))[..., 2].bool()  # (B, 1, T, C)
    assert (hidden[..., 0] != hidden[..., 1]).any()


def test_what_cannot_be_pretrained_is_refused():
    with pytest.raises(ConfigError, match=r"EncoderDecoderTransformer has no tokens to hide"):
        masked(build(architecture="encoder-decoder"))
    with pytest.raises(ConfigError, match="is one patch"):
        masked(build(replace(SIZES, lookback=3)))
    for settings in ({}, {"architecture": "encoder", "tokens": "variates"}):
        with pytest.raises(ConfigError, match=r"pretrain=0\.5"):
            TransformerForecaster(horizon=4, pretrain=0.5, **settings).fit([1.0] * 50)
