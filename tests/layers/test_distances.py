"""Positions inside the scores against loops over queries and keys, in float64."""

import math

import pytest
import torch

from forecast.errors import ConfigError
from forecast.layers.attention.base import Attention
from forecast.layers.attention.full import FullAttention
from forecast.layers.heads import split_heads
from forecast.layers.positions import AlibiDistances
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import StackConfig

EXACT = {"atol": 1e-10, "rtol": 1e-10}
WIDTH, HEADS = 12, 2


def config(positions: str, *, causal: bool = True, layers: int = 1) -> StackConfig:
    return StackConfig(width=WIDTH, heads=HEADS, causal=causal, places=16, positions=positions, layers=layers)


def attention(positions: str, *, causal: bool = True) -> FullAttention:
    layer = FullAttention(config(positions, causal=causal)).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return layer


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def place_vector(distance: int) -> torch.Tensor:
    """The sinusoid of a distance, written out (Vaswani et al. 2017, section 3.5)."""
    angles = [distance / 10_000 ** (2 * (column // 2) / WIDTH) for column in range(WIDTH)]
    values = [math.cos(a) if column % 2 else math.sin(a) for column, a in enumerate(angles)]
    return torch.tensor(values, dtype=torch.float64)


def score(layer: FullAttention, query: torch.Tensor, key: torch.Tensor, head: int, distance: int) -> torch.Tensor:
    """How much a query reads a key so many places before it, before the softmax."""
    size = WIDTH // HEADS
    part = slice(head * size, (head + 1) * size)
    if layer.distances is not None and isinstance(layer.distances, AlibiDistances):
        return query @ key / math.sqrt(size) - 2 ** (-8 * (head + 1) / HEADS) * abs(distance)
    rows = layer.distances.project.weight[part]  # W of this head
    far = rows @ place_vector(distance)
    u, v = layer.distances.content[part], layer.distances.place[part]
    return (query @ key + query @ far + u @ key + v @ far) / math.sqrt(size)


def by_loops(layer: FullAttention, x: torch.Tensor) -> torch.Tensor:
    query, key, value = (split_heads(part, HEADS) for part in layer.inputs(x).chunk(3, dim=-1))
    mixed = torch.zeros_like(query)
    for batch in range(len(x)):
        for head in range(HEADS):
            for n in range(x.shape[1]):
                reach = range(n + 1) if layer.causal else range(x.shape[1])
                scores = [score(layer, query[batch, head, n], key[batch, head, m], head, n - m) for m in reach]
                weights = torch.softmax(torch.stack(scores), 0)
                mixed[batch, head, n] = sum(w * value[batch, head, m] for w, m in zip(weights, reach, strict=True))
    return layer.output(mixed.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("positions", ["relative", "alibi"])
@pytest.mark.parametrize("length", [1, 2, 7])
def test_scores_by_distance_are_the_formula_in_loops(positions, causal, length):
    layer, x = attention(positions, causal=causal), tokens(2, length, WIDTH)
    torch.testing.assert_close(layer(x), by_loops(layer, x), **EXACT)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("positions", ["relative", "alibi", "rotary", "none"])
def test_the_attention_map_is_what_the_fused_kernel_reads_by(positions, causal):
    layer, x = attention(positions, causal=causal), tokens(2, 6, WIDTH)
    value = split_heads(layer.inputs(x).chunk(3, dim=-1)[2], HEADS)
    mixed = (layer.weights(x) @ value).transpose(1, 2).flatten(2)
    torch.testing.assert_close(layer(x), layer.output(mixed), **EXACT)


def test_the_slopes_of_eight_heads_are_the_published_ones():
    _, scores = AlibiDistances(8)(torch.zeros(1, 8, 4, 2, dtype=torch.float64), 4, causal=True)
    torch.testing.assert_close(-scores[0, :, 3, 2], torch.tensor([2.0**-n for n in range(1, 9)], dtype=torch.float64))
    assert torch.equal(scores[0, 0, 3], torch.tensor([-1.5, -1.0, -0.5, 0.0], dtype=torch.float64))
    assert torch.isneginf(scores[0, :, 0, 1:]).all()


@pytest.mark.parametrize("positions", ["relative", "alibi"])
def test_only_distances_count(positions):
    """Tokens after others that are never read give what they give alone: no absolute place is known."""
    layer = attention(positions)
    query, key, value = layer._project(tokens(1, 9, WIDTH))
    late = layer.mix(query[:, :, 4:], key[:, :, 4:], value[:, :, 4:])
    scores, places = layer.distances(query, 9, causal=True)
    there = torch.softmax((scores @ key.mT / math.sqrt(WIDTH // HEADS) + places)[:, :, 4:, 4:], -1) @ value[:, :, 4:]
    torch.testing.assert_close(late, there, **EXACT)


@pytest.mark.parametrize("positions", ["relative", "alibi", "rotary", "learned"])
def test_a_carried_state_gives_what_one_pass_gives(positions):
    stack = AttentionStack(config(positions, layers=2)).double()
    x = tokens(3, 8, WIDTH)
    whole = stack(x)
    found, carried = stack.begin(x[:, :3], 8)
    torch.testing.assert_close(found, whole[:, :3], **EXACT)
    for place in range(3, 8):
        found, carried = stack.step(x[:, place : place + 1], carried, place)
        torch.testing.assert_close(found, whole[:, place : place + 1], **EXACT)


def test_a_kind_that_holds_no_scores_refuses_positions_inside_them():
    with pytest.raises(ConfigError, match="positions='alibi' and attention='full' do not go together"):
        Attention(config("alibi"))
