"""Gates, the highway, embeddings and patches."""

import pytest
import torch

from forecast.layers.embeddings import CodeEmbedding, patches
from forecast.layers.gates import MixingGate
from forecast.layers.highway import CovariateHighway, Highway


def test_a_gate_wide_open_gives_the_first_view_and_shut_the_second():
    gate = MixingGate(4)
    a, b = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    for bias, expected in ((50.0, a), (-50.0, b)):
        torch.nn.init.constant_(gate.gate.bias, bias)
        torch.testing.assert_close(gate(a, b), expected)


def test_a_gate_mixes_feature_by_feature():
    gate = MixingGate(4)
    a, b = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    share = torch.sigmoid(torch.cat([a, b], dim=-1) @ gate.gate.weight.T + gate.gate.bias)
    torch.testing.assert_close(gate(a, b), share * a + (1 - share) * b)


@pytest.mark.parametrize(("stride", "origins", "extra"), [(1, 1, 0), (1, 4, 0), (3, 2, 0), (2, 3, 5)])
def test_the_highway_is_a_loop_over_origins_and_channels(stride, origins, extra):
    highway = Highway(6, 3, stride=stride)
    torch.nn.init.normal_(highway.weight)
    torch.nn.init.normal_(highway.bias)
    span = 6 + (origins - 1) * stride
    steps = torch.randn(2, span + extra, 2)  # steps before the first window are not read
    found = highway(steps, origins)
    assert found.shape == (2, origins, 3, 2)
    for o in range(origins):
        end = steps.shape[1] - (origins - 1 - o) * stride
        for c in range(2):
            expected = steps[:, end - 6 : end, c] @ highway.weight.T + highway.bias
            torch.testing.assert_close(found[:, o, :, c], expected)


def test_the_highway_starts_at_zero():
    assert not Highway(6, 3, stride=1)(torch.randn(2, 6, 1), 1).any()


def test_patches_are_consecutive_steps_padded_on_the_left():
    steps = torch.arange(1, 8, dtype=torch.float32)[None, :, None].repeat(1, 1, 2)  # (1, 7, 2)
    found = patches(steps, 3)
    assert found[0, :, ::2].tolist() == [[0, 0, 1], [2, 3, 4], [5, 6, 7]]
    assert torch.equal(found[..., ::2], found[..., 1::2])


def test_codes_become_vectors_of_their_own_column():
    embedding = CodeEmbedding((3, 5))
    codes = torch.tensor([[[0, 4], [2, 1]]])
    found = embedding(codes)
    assert found.shape == (1, 2, embedding.width)
    first = embedding.tables[0].embedding_dim
    assert torch.equal(found[0, 1, :first], embedding.tables[0].weight[2])
    assert torch.equal(found[0, 0, first:], embedding.tables[1].weight[4])


def test_no_codes_become_no_columns():
    assert CodeEmbedding(())(torch.zeros(2, 3, 0, dtype=torch.int64)).shape == (2, 3, 0)


def test_a_covariate_highway_is_a_loop_over_steps_and_their_neighbours():
    highway = CovariateHighway(2, 3).double()
    assert not highway(torch.randn(2, 4, 2, 5, dtype=torch.float64)).any()  # it starts at zero
    for parameter in highway.parameters():
        torch.nn.init.normal_(parameter)
    ahead = torch.randn(2, 4, 2, 5, dtype=torch.float64)  # (B, O, F, H)
    found = highway(ahead)  # (B, O, H, C)
    weight, bias = highway.mix.weight, highway.mix.bias
    for h in range(5):
        expected = bias.expand(2, 4, 3)
        for shift in (-1, 0, 1):
            if 0 <= h + shift < 5:
                expected = expected + torch.einsum("bof,cf->boc", ahead[..., h + shift], weight[..., shift + 1])
        torch.testing.assert_close(found[:, :, h], expected)
