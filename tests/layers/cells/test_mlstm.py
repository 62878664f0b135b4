"""mLSTM against the paper's recurrence, written out in float64 (Beck et al. 2024, section 2.3)."""

import pytest
import torch
from torch import Tensor

from forecast.layers.cells.mlstm import CHUNK, MLSTM, MatrixMemory

EXACT = {"atol": 1e-10, "rtol": 1e-10}


def tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def recurrence(query: Tensor, key: Tensor, value: Tensor, enter: Tensor, forget: Tensor) -> Tensor:
    """C, n and the normalised reading of one head after another, with plain exponentials: no stabiliser."""
    read = torch.zeros_like(value)
    batch, heads, steps, size = value.shape
    for b in range(batch):
        for a in range(heads):
            c, n = torch.zeros(size, size, dtype=value.dtype), torch.zeros(size, dtype=value.dtype)
            for t in range(steps):
                i, f, k = enter[b, a, t].exp(), forget[b, a, t].sigmoid(), key[b, a, t] / size**0.5
                c = f * c + i * torch.outer(value[b, a, t], k)
                n = f * n + i * k
                read[b, a, t] = c @ query[b, a, t] / max(abs(float(n @ query[b, a, t])), 1.0)
    return read


def inputs(steps: int, *, heads: int = 2, size: int = 4) -> list[Tensor]:
    vectors = [tokens(2, heads, steps, size, seed=seed) for seed in range(3)]
    return [*vectors, 2 * tokens(2, heads, steps, seed=3), 2 + tokens(2, heads, steps, seed=4)]


@pytest.mark.parametrize("steps", [1, 5, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_chunks_read_what_the_recurrence_reads(steps):
    given = inputs(steps)
    found, _ = MatrixMemory()(*given, None)
    torch.testing.assert_close(found, recurrence(*given), **EXACT)


def test_a_step_at_a_time_equals_all_at_once():
    torch.manual_seed(0)
    cell, x = MLSTM(5, 8).double(), tokens(3, CHUNK + 40, 5)
    torch.nn.init.normal_(cell.inputs.weight, std=0.5)
    whole = cell.read(x)
    states, carried = cell.begin(x[:, :30])
    torch.testing.assert_close(states, whole[:, :30], **EXACT)
    for n in range(30, CHUNK + 40):
        carried = cell.step(x[:, n], carried)
        assert len(carried) == cell.kept
        torch.testing.assert_close(carried[0], whole[:, n], **EXACT)
    single = cell.float().read(x.float())
    torch.testing.assert_close(single.double(), whole, atol=1e-5, rtol=1e-5)


def test_gradients_are_those_of_finite_differences(monkeypatch):
    """The stabilisers, which no gradient goes through, cancel."""
    monkeypatch.setattr("forecast.layers.cells.mlstm.CHUNK", 3)
    parts = [part.requires_grad_() for part in inputs(7, heads=1, size=2)]
    assert torch.autograd.gradcheck(lambda *given: MatrixMemory()(*given, None)[0], parts)


@pytest.mark.parametrize("size", [1e2, 1e4])
def test_gates_of_any_size_overflow_nowhere(size):
    given = [part.float() for part in inputs(CHUNK + 9)]
    given[3], given[4] = size * given[3], size * (given[4] - 2)
    given = [part.requires_grad_() for part in given]
    read, _ = MatrixMemory()(*given, None)
    read.sum().backward()
    assert torch.isfinite(read).all()
    assert all(torch.isfinite(part.grad).all() for part in given)


def test_a_key_is_read_by_the_query_that_equals_it():
    """What each orthogonal key has stored comes back, however many tokens lie between."""
    size = 4
    keys = torch.eye(size, dtype=torch.float64)[None, None]
    values = tokens(1, 1, size, size)
    shown = torch.full((1, 1, size), 3.0, dtype=torch.float64)
    kept = torch.full((1, 1, size), 40.0, dtype=torch.float64)
    _, memory = MatrixMemory()(torch.zeros_like(keys), keys, values, shown, kept, None)
    read, _ = MatrixMemory()(
        keys[:, :, :1], 0 * keys[:, :, :1], values[:, :, :1], shown[..., :1], kept[..., :1], memory
    )
    torch.testing.assert_close(read[0, 0, 0], values[0, 0, 0], **EXACT)
