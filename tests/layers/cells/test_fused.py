"""Recurrent layers against loops written by hand, in float64."""

import pytest
import torch
from torch import Tensor, nn

from forecast.layers.recurrent import RecurrentConfig, RecurrentStack


def lstm_loop(layer: nn.LSTM, x: Tensor) -> Tensor:
    hidden, cell, outputs = torch.zeros(len(x), layer.hidden_size).double(), 0.0, []
    for step in x.unbind(1):
        gates = step @ layer.weight_ih_l0.T + layer.bias_ih_l0 + hidden @ layer.weight_hh_l0.T + layer.bias_hh_l0
        i, f, g, o = gates.chunk(4, dim=-1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        outputs.append(hidden)
    return torch.stack(outputs, dim=1)


def gru_loop(layer: nn.GRU, x: Tensor) -> Tensor:
    hidden, outputs = torch.zeros(len(x), layer.hidden_size).double(), []
    for step in x.unbind(1):
        given = (step @ layer.weight_ih_l0.T + layer.bias_ih_l0).chunk(3, dim=-1)
        kept = (hidden @ layer.weight_hh_l0.T + layer.bias_hh_l0).chunk(3, dim=-1)
        reset, update = (given[0] + kept[0]).sigmoid(), (given[1] + kept[1]).sigmoid()
        hidden = (1 - update) * (given[2] + reset * kept[2]).tanh() + update * hidden
        outputs.append(hidden)
    return torch.stack(outputs, dim=1)


def rnn_loop(layer: nn.RNN, x: Tensor) -> Tensor:
    hidden, outputs = torch.zeros(len(x), layer.hidden_size).double(), []
    for step in x.unbind(1):
        hidden = (
            step @ layer.weight_ih_l0.T + layer.bias_ih_l0 + hidden @ layer.weight_hh_l0.T + layer.bias_hh_l0
        ).tanh()
        outputs.append(hidden)
    return torch.stack(outputs, dim=1)


def make_stack(cell: str, width: int, *, layers: int = 1) -> RecurrentStack:
    return RecurrentStack(RecurrentConfig(cell=cell, inputs=width, width=width, layers=layers))


LOOPS = {"lstm": lstm_loop, "gru": gru_loop, "rnn": rnn_loop}


@pytest.mark.parametrize("cell", LOOPS)
@pytest.mark.parametrize("layers", [1, 3])
def test_a_stack_is_a_loop_over_steps_added_to_its_input(cell, layers):
    stack = make_stack(cell, 5, layers=layers).double()
    x = torch.randn(4, 9, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = x
    for layer in stack.layers:
        expected = expected + LOOPS[cell](layer, expected)
    torch.testing.assert_close(stack(x), expected, atol=1e-12, rtol=1e-12)


def test_an_lstm_starts_with_open_forget_gates():
    layer = make_stack("lstm", 6).layers[0]
    i, f, g, o = layer.bias_ih_l0.detach().chunk(4)
    assert torch.equal(f, torch.ones(6))
    for other in (i, g, o):
        assert other.abs().max() < 0.5


@pytest.mark.parametrize("cell", LOOPS)
def test_later_tokens_do_not_reach_earlier_states(cell):
    stack = make_stack(cell, 5, layers=2)
    x = torch.randn(2, 8, 5)
    changed = x.clone()
    changed[:, 5:] += 1
    assert torch.equal(stack(x)[:, :5], stack(changed)[:, :5])
