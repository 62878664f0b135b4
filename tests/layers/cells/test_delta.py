"""The delta rule against its recurrence, written out in float64 (Schlag et al. 2021; Yang et al. 2025)."""

import pytest
import torch
from torch import Tensor

from forecast.layers.cells.delta import CHUNK, Delta, delta_rule

EXACT = {"atol": 1e-10, "rtol": 1e-10}


def tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def recurrence(query: Tensor, key: Tensor, value: Tensor, rate: Tensor, keep: Tensor) -> Tensor:
    """S ← a·(1 − β·k·kᵀ)·S + β·k·vᵀ for one head after another."""
    read = torch.zeros_like(value)
    batch, heads, steps, size = value.shape
    for b in range(batch):
        for a in range(heads):
            memory = torch.zeros(size, size, dtype=value.dtype)
            for t in range(steps):
                k, beta = key[b, a, t], rate[b, a, t]
                erased = torch.eye(size, dtype=value.dtype) - beta * torch.outer(k, k)
                memory = keep[b, a, t].exp() * erased @ memory + beta * torch.outer(k, value[b, a, t])
                read[b, a, t] = memory.T @ query[b, a, t]
    return read


def inputs(steps: int, *, heads: int = 2, size: int = 4) -> list[Tensor]:
    query, key, value = (tokens(2, heads, steps, size, seed=seed) for seed in range(3))
    key = torch.nn.functional.normalize(key, dim=-1)
    rate, keep = tokens(2, heads, steps, seed=3).sigmoid(), (2 + tokens(2, heads, steps, seed=4)).sigmoid().log()
    return [query, key, value, rate, keep]


@pytest.mark.parametrize("steps", [1, 5, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_chunks_read_what_the_recurrence_reads(steps):
    given = inputs(steps)
    found, _ = delta_rule(*given, None)
    torch.testing.assert_close(found, recurrence(*given), **EXACT)


def test_without_overlap_and_fading_it_is_linear_attention():
    """Orthogonal keys at rate 1 replace nothing: what is read is the sum of values by the product with their keys."""
    size = 4
    query, value = tokens(1, 1, size, size, seed=1), tokens(1, 1, size, size, seed=2)
    key = torch.eye(size, dtype=torch.float64)[None, None]
    ones = torch.ones(1, 1, size, dtype=torch.float64)
    found, _ = delta_rule(query, key, value, ones, 0 * ones, None)
    torch.testing.assert_close(found, (query @ key.transpose(-1, -2)).tril() @ value, **EXACT)


def test_a_key_that_comes_again_holds_its_last_value():
    key = torch.nn.functional.normalize(tokens(1, 1, 1, 4), dim=-1).expand(1, 1, 3, 4)
    value, ones = tokens(1, 1, 3, 4, seed=1), torch.ones(1, 1, 3, dtype=torch.float64)
    found, _ = delta_rule(key, key, value, ones, 0 * ones, None)
    torch.testing.assert_close(found, value, **EXACT)


def test_a_step_at_a_time_equals_all_at_once():
    torch.manual_seed(0)
    cell, x = Delta(5, 8).double(), tokens(3, CHUNK + 40, 5)
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
    monkeypatch.setattr("forecast.layers.cells.delta.CHUNK", 3)
    parts = [part.requires_grad_() for part in inputs(7, heads=1, size=2)]
    assert torch.autograd.gradcheck(lambda *given: delta_rule(*given, None)[0], parts)
