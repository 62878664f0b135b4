"""Gated residual networks and the selection of variables against loops written out, in float64."""

import math

import pytest
import torch
from torch import Tensor, nn

from forecast.layers.attention.interpretable import InterpretableAttention
from forecast.layers.gated_residual import GatedLinear, GatedResidual, GatedSkip
from forecast.layers.variable_selection import GroupedLinear, GroupedResidual, VariableSelection

EXACT = {"atol": 1e-10, "rtol": 1e-10}


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def scattered(module: nn.Module) -> nn.Module:
    """The module in float64 with random weights, so that no scale of 1 and no bias of 0 hides anything."""
    generator = torch.Generator().manual_seed(5)
    for parameter in module.double().parameters():
        parameter.data.normal_(std=0.5, generator=generator)
    return module


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    mapped = layer.weight @ x
    return mapped if layer.bias is None else mapped + layer.bias


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def elu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.exp(x) - 1)


def gated(layer: GatedLinear, x: Tensor) -> Tensor:
    """Equation 5: the first half of the map is gated by the second."""
    value, gate = linear(layer.both, x).chunk(2)
    return sigmoid(gate) * value


def normed(x: Tensor, scale: Tensor | float = 1.0, shift: Tensor | float = 0.0) -> Tensor:
    mean = sum(x) / len(x)
    variance = sum((x - mean) ** 2) / len(x)
    return (x - mean) / (variance + 1e-5) ** 0.5 * scale + shift


def residual(layer: GatedResidual, x: Tensor, context: Tensor | None = None) -> Tensor:
    """Equations 2 to 4 for one token."""
    before = layer.norm_before
    inner = linear(layer.first, normed(x, before.weight, before.bias) if isinstance(before, nn.LayerNorm) else x)
    if layer.context is not None:
        inner = inner + linear(layer.context, context)
    inner = linear(layer.second, elu(inner))
    skip = linear(layer.skip, x) if isinstance(layer.skip, nn.Linear) else x
    summed = skip + gated(layer.gate, inner)
    return normed(summed, layer.norm.weight, layer.norm.bias) if isinstance(layer.norm, nn.LayerNorm) else summed


def grouped_residual(layer: GroupedResidual, v: int, x: Tensor) -> Tensor:
    """The same with the weights of variable v."""

    def mapped(part: GroupedLinear, x: Tensor) -> Tensor:
        return x @ part.weight[v] + part.bias.view(len(part.weight), -1)[v]

    def own_norm(x: Tensor) -> Tensor:
        return normed(x, *(part.view(-1, len(x))[v] for part in (layer.scale, layer.shift)))

    inner = mapped(layer.first, own_norm(x) if layer.place == "before" else x)
    value, gate = mapped(layer.gate, mapped(layer.second, elu(inner))).chunk(2)
    summed = x + sigmoid(gate) * value
    return own_norm(summed) if layer.place == "after" else summed


def softmax(x: Tensor) -> Tensor:
    return torch.exp(x) / torch.exp(x).sum()


@pytest.mark.parametrize("outputs", [None, 3])
@pytest.mark.parametrize("context", [0, 4])
@pytest.mark.parametrize("norm", ["after", "before", "none"])
def test_a_gated_residual_network_is_the_formula_token_by_token(outputs, context, norm):
    layer = scattered(GatedResidual(6, 6, outputs=outputs, context=context, norm=norm))
    x, told = numbers(2, 5, 6), numbers(2, 1, 4) if context else None
    found = layer(x, told)
    for b in range(2):
        for n in range(5):
            expected = residual(layer, x[b, n], None if told is None else told[b, 0])
            torch.testing.assert_close(found[b, n], expected, **EXACT)


@pytest.mark.parametrize("norm", ["after", "before"])
def test_a_gated_skip_is_the_formula(norm):
    layer = scattered(GatedSkip(6, norm=norm))
    x, added = numbers(3, 6), numbers(3, 6) + 1
    for row in range(3):
        expected = x[row] + gated(layer.gate, added[row])
        if norm == "after":
            expected = normed(expected, layer.norm.weight, layer.norm.bias)
        torch.testing.assert_close(layer(x, added)[row], expected, **EXACT)


def test_a_shut_gate_leaves_the_input_as_it_is():
    layer = GatedResidual(6, 6, norm="none").double()
    nn.init.constant_(layer.gate.both.bias[6:].data, -60.0)
    torch.testing.assert_close(layer(numbers(4, 6)), numbers(4, 6), **EXACT)


@pytest.mark.parametrize("norm", ["after", "before"])
@pytest.mark.parametrize("context", [True, False])
def test_the_selection_of_variables_is_a_loop_over_them(context, norm):
    layer = scattered(VariableSelection(("a", "b", "c"), 4, context=context, norm=norm))
    variables, told = numbers(3, 2, 5, 4), numbers(2, 1, 4) if context else None
    found, shares = layer(variables, told), layer.weights(variables, told)
    assert shares.shape == (2, 5, 3)
    for b in range(2):
        for n in range(5):
            side_by_side = torch.cat([variables[v, b, n] for v in range(3)])
            scores = residual(layer.select, side_by_side, told[b, 0] if context else None)
            share = softmax(scores / len(side_by_side) ** 0.5)
            torch.testing.assert_close(shares[b, n], share, **EXACT)
            expected = sum(share[v] * grouped_residual(layer.each, v, variables[v, b, n]) for v in range(3))
            torch.testing.assert_close(found[b, n], expected, **EXACT)


def test_a_single_variable_is_not_selected_but_processed():
    layer = scattered(VariableSelection(("a",), 4))
    x = numbers(1, 2, 4)
    torch.testing.assert_close(layer(x)[1], grouped_residual(layer.each, 0, x[0, 1]), **EXACT)
    assert layer.weights(x).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize("queries", [1, 3, 7])
@pytest.mark.parametrize("heads", [1, 3])
def test_interpretable_attention_is_a_loop_over_heads_that_share_their_values(queries, heads):
    layer = scattered(InterpretableAttention(6, heads))
    x, size = numbers(2, 7, 6), 6 // heads
    found, maps = layer(x, queries), layer.weights(x, queries)
    assert maps.shape == (2, 1, queries, 7)
    for b in range(2):
        values = torch.stack([linear(layer.value, token) for token in x[b]])
        for m in range(queries):
            place, mean = 7 - queries + m, torch.zeros(7, dtype=torch.float64)
            for head in range(heads):
                part = slice(head * size, (head + 1) * size)
                query = linear(layer.query, x[b, place])[part]
                scores = [query @ linear(layer.key, x[b, n])[part] / math.sqrt(size) for n in range(place + 1)]
                mean[: place + 1] += softmax(torch.stack(scores)) / heads
            torch.testing.assert_close(maps[b, 0, m], mean, **EXACT)
            torch.testing.assert_close(found[b, m], linear(layer.output, mean @ values), **EXACT)
