"""Attention of a recurrent decoder, and one step of a cell for many queries, against loops in float64."""

import math

import pytest
import torch

from forecast.layers.attention.alignment import ALIGNMENTS
from forecast.layers.cells.queries import QueryCell

EXACT = {"atol": 1e-10, "rtol": 1e-10}
ROWS, TOKENS, WIDTH = 3, 5, 4


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def score(kind: str, weights: dict[str, torch.Tensor], state: torch.Tensor, token: torch.Tensor) -> float:
    """Of one state (D,) and one token (D,), as the papers write it."""
    if kind == "additive":
        hidden = weights["query.weight"] @ state + weights["key.weight"] @ token + weights["key.bias"]
        return float(weights["energy.weight"][0] @ torch.tanh(hidden))
    matrix = weights["query.weight"].T if kind == "general" else torch.eye(WIDTH, dtype=torch.float64)
    return float(state @ matrix @ token)


@pytest.mark.parametrize("kind", ALIGNMENTS)
def test_the_context_is_the_mean_of_the_tokens_weighted_by_their_scores(kind):
    layer = ALIGNMENTS[kind](WIDTH).double()
    state, memory = numbers(ROWS, WIDTH), numbers(ROWS, TOKENS, WIDTH, seed=1)
    found = layer(state, memory, layer.keys(memory))
    weights = layer.weights(state, memory, layer.keys(memory))
    assert weights.shape == (ROWS, 1, 1, TOKENS)
    for row in range(ROWS):
        powers = [math.exp(score(kind, layer.state_dict(), state[row], token)) for token in memory[row]]
        context = sum(power / sum(powers) * token for power, token in zip(powers, memory[row], strict=True))
        torch.testing.assert_close(found[row], context, **EXACT)
        torch.testing.assert_close(weights[row, 0, 0], torch.tensor(powers, dtype=torch.float64) / sum(powers), **EXACT)


def test_general_scores_with_the_identity_are_dot_scores():
    general, dot = ALIGNMENTS["general"](WIDTH).double(), ALIGNMENTS["dot"](WIDTH)
    torch.nn.init.eye_(general.query.weight)
    state, memory = numbers(ROWS, WIDTH), numbers(ROWS, TOKENS, WIDTH, seed=1)
    torch.testing.assert_close(general(state, memory, memory), dot(state, memory, memory), **EXACT)


def test_a_step_for_many_queries_is_a_step_of_the_cell_for_each():
    layer, cell = QueryCell(6, WIDTH).double(), torch.nn.GRUCell(6, WIDTH).double()
    ours = layer.state_dict()
    cell.load_state_dict(
        {
            f"{kind}_{short}": ours[f"{name}.{kind}"]
            for kind in ("weight", "bias")
            for name, short in (("query", "ih"), ("state", "hh"))
        }
    )
    queries, state = numbers(ROWS, 2, TOKENS, 6), numbers(ROWS, 2, WIDTH, seed=1)
    found = layer(queries, state)
    for row in range(ROWS):
        for origin in range(2):
            for m in range(TOKENS):
                expected = cell(queries[row, origin, m][None], state[row, origin][None])[0]
                torch.testing.assert_close(found[row, origin, m], expected, **EXACT)
