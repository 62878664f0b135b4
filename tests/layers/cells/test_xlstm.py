"""The blocks of xLSTM and their parts against torch's own modules and compositions written out, in float64."""

import pytest
import torch
from torch import Tensor, nn

from forecast.layers.cells.parts import CausalConvolution, HeadLinear, HeadNorm
from forecast.layers.cells.xlstm import XLSTM, MatrixBlock, ScalarBlock

EXACT = {"atol": 1e-10, "rtol": 1e-10}


def tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("steps", [1, 3, 9])
def test_the_convolution_is_a_grouped_one_over_the_past(steps):
    layer, x = CausalConvolution(6).double(), tokens(2, steps, 6)
    nn.init.normal_(layer.bias)
    padded = nn.functional.pad(x.transpose(1, 2), (3, 0))
    expected = nn.functional.conv1d(padded, layer.weight.T[:, None], layer.bias, groups=6).transpose(1, 2)
    torch.testing.assert_close(layer(x)[0], nn.functional.silu(expected), **EXACT)


def test_a_head_norm_is_a_group_norm_of_each_token():
    layer, x = HeadNorm(8, 2).double(), tokens(2, 5, 8)
    nn.init.normal_(layer.weight)
    expected = nn.functional.group_norm(x.flatten(0, 1), 2, layer.weight).view_as(x)
    torch.testing.assert_close(layer(x), expected, **EXACT)


def test_a_head_linear_is_a_block_diagonal_matrix():
    layer, x = HeadLinear(8, 2, times=3).double(), tokens(2, 5, 8)
    torch.testing.assert_close(layer(x), x @ torch.block_diag(*layer.weight), **EXACT)


def test_a_matrix_block_is_mlstm_between_projections():
    torch.manual_seed(0)
    block, x = MatrixBlock(4).double(), tokens(2, 9, 4)
    nn.init.normal_(block.gates.weight, std=0.3)
    main, gate = block.up(block.norm(x)).chunk(2, dim=-1)
    near = block.convolution(main)[0]
    vectors, values = block.queries_and_keys(near), block.values(main)
    gates = block.gates(torch.cat([vectors, values], dim=-1))
    size = 8 // block.heads
    read = torch.zeros_like(near)
    for a in range(block.heads):
        here = slice(a * size, (a + 1) * size)
        query, key = vectors[..., 2 * a * size : 2 * (a + 1) * size].chunk(2, dim=-1)
        c, n = torch.zeros(2, size, size).double(), torch.zeros(2, size).double()
        for t in range(9):
            i, f = gates[:, t, a].exp()[:, None], gates[:, t, block.heads + a].sigmoid()[:, None]
            k = i * key[:, t] / size**0.5
            c, n = f[..., None] * c + values[:, t, here, None] * k[:, None], f * n + k
            under = (n * query[:, t]).sum(-1, keepdim=True).abs().clamp_min(1)
            read[:, t, here] = (c @ query[:, t, :, None])[..., 0] / under
    mixed = nn.functional.group_norm(read.flatten(0, 1), block.heads, block.head_norm.weight).view_as(read)
    expected = block.down((mixed + block.skip * near) * nn.functional.silu(gate))
    torch.testing.assert_close(block.read(x), expected, **EXACT)


@pytest.mark.parametrize("make", [MatrixBlock, ScalarBlock, lambda width: XLSTM(width, width), lambda _: XLSTM(3, 8)])
def test_a_step_at_a_time_equals_all_at_once(make):
    torch.manual_seed(0)
    cell = make(8).double()
    x = tokens(3, 12, 3 if getattr(cell, "enter", None) else 8)
    whole = cell.read(x)
    states, carried = cell.begin(x[:, :2])  # fewer tokens than the convolution reads
    torch.testing.assert_close(states, whole[:, :2], **EXACT)
    for n in range(2, 12):
        carried = cell.step(x[:, n], carried)
        assert len(carried) == cell.kept
        torch.testing.assert_close(carried[0], whole[:, n], **EXACT)


def test_a_pair_is_one_block_after_the_other():
    torch.manual_seed(0)
    pair, x = XLSTM(8, 8).double(), tokens(2, 7, 8)
    between = x + pair.matrix.read(x)
    torch.testing.assert_close(x + pair.read(x), between + pair.scalar.read(between), **EXACT)
