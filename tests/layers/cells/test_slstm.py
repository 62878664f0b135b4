"""sLSTM against the paper's equations, step by step in float64 (Beck et al. 2024, section 2.2 and appendix A.2)."""

import pytest
import torch
from torch import Tensor

from forecast.layers.cells.slstm import GATES, SLSTM, MemoryMixing, _Loop

EXACT = {"atol": 1e-10, "rtol": 1e-10}


def tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def equations(cell: SLSTM, x: Tensor) -> Tensor:
    """c, n and m of every feature as the paper has them; heads mix their own states only."""
    heads, each = cell.mixing.heads, cell.mixing.weight.shape[1]
    hidden = c = n = torch.zeros(len(x), heads, each, dtype=x.dtype)
    m = torch.full_like(c, -1e9)
    states = []
    for token in x.unbind(1):
        given = cell.inputs(token).view(len(x), heads, GATES, each) + cell.mixing.bias
        mixed = torch.stack([hidden[:, a] @ cell.mixing.weight[a] for a in range(heads)], dim=1)
        i, f, z, o = (given + mixed.view_as(given)).unbind(2)
        log_f = f.sigmoid().log()
        m_next = torch.maximum(log_f + m, i)
        c = (log_f + m - m_next).exp() * c + (i - m_next).exp() * z.tanh()
        n = (log_f + m - m_next).exp() * n + (i - m_next).exp()
        m = m_next
        hidden = o.sigmoid() * c / n
        states.append(hidden.flatten(1))
    return torch.stack(states, dim=1)


@pytest.mark.parametrize("width", [3, 6, 8])
def test_states_are_those_of_the_equations(width):
    torch.manual_seed(0)
    cell, x = SLSTM(5, width).double(), 3 * tokens(4, 11, 5)
    torch.testing.assert_close(cell.read(x), equations(cell, x), **EXACT)
    torch.testing.assert_close(cell.float().read(x.float()).double(), equations(cell.double(), x), atol=1e-5, rtol=1e-5)


def test_gradients_are_those_of_the_equations():
    torch.manual_seed(0)
    cell, x = SLSTM(5, 8).double(), tokens(3, 7, 5).requires_grad_()
    weights = tokens(3, 7, 8, seed=1)
    inputs = [x, *cell.parameters()]
    found = torch.autograd.grad((cell.read(x) * weights).sum(), inputs)
    expected = torch.autograd.grad((equations(cell, x) * weights).sum(), inputs)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, **EXACT)


def test_gradients_through_a_carried_state_are_those_of_finite_differences():
    inputs = [(4, 2, 3, 12), (2, 3, 12), (2, 3, 3), (2, 3, 3), (2, 3, 3)]
    parts = [tokens(*shape, seed=n).requires_grad_() for n, shape in enumerate(inputs)]
    assert torch.autograd.gradcheck(_Loop.apply, parts)


def test_a_step_at_a_time_equals_all_at_once():
    torch.manual_seed(0)
    cell, x = SLSTM(5, 8).double(), tokens(3, 12, 5)
    whole = cell.read(x)
    states, carried = cell.begin(x[:, :4])
    torch.testing.assert_close(states, whole[:, :4], **EXACT)
    for n in range(4, 12):
        carried = cell.step(x[:, n], carried)
        assert len(carried) == cell.kept
        torch.testing.assert_close(carried[0], whole[:, n], **EXACT)


@pytest.mark.parametrize("size", [1e2, 1e4])
def test_gates_of_any_size_overflow_nowhere(size):
    mixing = MemoryMixing(8, 2)
    gates = (size * torch.randn(3, 20, 4 * 8)).requires_grad_()
    states, _ = mixing(gates, None)
    states.sum().backward()
    assert torch.isfinite(states).all() and states.abs().max() <= 1
    assert torch.isfinite(gates.grad).all()


def test_a_large_input_gate_revises_what_is_stored():
    """What the sigmoid gates of an LSTM cannot do: a later token outweighs all before it."""
    mixing = MemoryMixing(1, 1).double()
    torch.nn.init.zeros_(mixing.weight)
    torch.nn.init.zeros_(mixing.bias)
    gates = torch.zeros(1, 3, 4, dtype=torch.float64)
    gates[0, :, 1], gates[0, :, 3] = 9, 50  # remember all, show all
    gates[0, :, 2] = torch.tensor([0.5, 0.5, -0.5])
    gates[0, 2, 0] = 12  # enters with e¹²
    states = mixing(gates, None)[0][0, :, 0]
    torch.testing.assert_close(states, torch.tensor([0.5, 0.5, -0.5]).double().tanh(), atol=1e-4, rtol=0)
