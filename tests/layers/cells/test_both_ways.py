"""Cells in both directions against torch's own, and plain stacking."""

import pytest
import torch
from torch import nn

from forecast import LSTMForecaster
from forecast.errors import ConfigError
from forecast.layers.cells.both_ways import BothWays
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack

EXACT = {"atol": 1e-10, "rtol": 1e-10}


def stack(**settings: object) -> RecurrentStack:
    torch.manual_seed(0)
    return RecurrentStack(
        RecurrentConfig(**{"cell": "lstm", "inputs": 6, "width": 6, "layers": 2, **settings})
    ).double()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(3, 7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("kind", "layer"), [("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)])
def test_both_ways_are_those_of_torch(kind, layer, x):
    found = BothWays(kind, 6, 6).double()
    expected = layer(6, 6, batch_first=True, bidirectional=True).double()
    for cell, suffix in zip(found.ways, ("", "_reverse"), strict=True):
        for name, value in cell.named_parameters():
            getattr(expected, name + suffix).data.copy_(value)
    states, final = expected(x)
    final = final[0] if isinstance(final, tuple) else final  # (directions, B, D)
    torch.testing.assert_close(found.read(x)[:, :-1], found.join(states[:, :-1]), **EXACT)
    torch.testing.assert_close(found.read(x)[:, -1], found.join(torch.cat([*final], dim=-1)), **EXACT)


@pytest.mark.parametrize("cell", ["lstm", "slstm", "mlstm", "xlstm", "delta"])
def test_every_token_reads_every_token(cell, x):
    net = stack(cell=cell, bidirectional=True, layers=1)
    changed = x.clone()
    changed[:, 3] += torch.arange(6)
    assert ((net(x) - net(changed)).abs().amax((0, 2)) > 1e-9).all()
    assert not net.causal


def test_it_has_no_state_to_carry(x):
    net = stack(bidirectional=True)
    with pytest.raises(ConfigError, match="no state to carry"):
        net.begin(x)
    assert not LSTMForecaster(horizon=2, bidirectional=True)._causal()


def test_plain_stacking_feeds_each_layer_the_states_below(x):
    net = stack(residual=False, layers=3)
    expected = x
    for layer in net.layers:
        expected = layer(expected)[0]
    torch.testing.assert_close(net(x), expected, **EXACT)
    _, carried = net.begin(x[:, :6])
    torch.testing.assert_close(net.step(x[:, 6:], carried)[0][:, 0], expected[:, 6], **EXACT)
