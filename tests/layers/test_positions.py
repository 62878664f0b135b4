"""Positions against their formulas."""

import math

import pytest
import torch

from forecast.layers.positions import LearnedPositions, SinusoidalPositions, make_positions, rotate, sinusoids


@pytest.mark.parametrize("width", [1, 2, 7, 8])
def test_sinusoids_follow_the_formula(width):
    table = sinusoids(50, width)
    assert table.shape == (50, width)
    for place in (0, 1, 7, 49):
        for column in range(width):
            angle = place / 10_000 ** (2 * (column // 2) / width)
            expected = math.sin(angle) if column % 2 == 0 else math.cos(angle)
            assert float(table[place, column]) == pytest.approx(expected, abs=1e-5)


def test_sinusoidal_positions_are_added():
    x = torch.randn(2, 5, 6)
    torch.testing.assert_close(SinusoidalPositions()(x) - x, sinusoids(5, 6).expand(2, 5, 6))


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_rotary_scores_depend_on_the_distance_alone(width):
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(width, dtype=torch.float64, generator=generator) for _ in range(2))
    turned_query, turned_key = (rotate(x.expand(1, 1, 30, width)) for x in (query, key))
    scores = (turned_query @ turned_key.transpose(-1, -2))[0, 0]  # (30, 30): query place by key place
    for distance in (-10, 0, 1, 7):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5, rtol=0)
    assert width < 2 or not torch.allclose(scores.diagonal(1)[0], scores.diagonal(7)[0])


def test_rotation_keeps_lengths_and_leaves_the_first_place_alone():
    x = torch.randn(2, 3, 9, 8)
    torch.testing.assert_close(rotate(x).norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(rotate(x)[:, :, 0], x[:, :, 0])


def test_learned_positions_repeat_the_last_place():
    layer = LearnedPositions(4, 3)
    added = layer(torch.zeros(1, 5, 4))[0]
    assert torch.equal(added[:3], layer.table)
    assert torch.equal(added[3], layer.table[2]) and torch.equal(added[4], layer.table[2])


@pytest.mark.parametrize("kind", ["rotary", "none"])
def test_rotary_and_no_positions_add_nothing(kind):
    x = torch.randn(1, 4, 6)
    assert torch.equal(make_positions(kind, 6, 10)(x), x)
