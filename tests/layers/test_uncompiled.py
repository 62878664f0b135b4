"""What a compiler leaves alone: the sLSTM's loop over tokens and the passes of reversible blocks."""

import subprocess
import sys

import pytest
import torch

from forecast.layers.cells.slstm import MemoryMixing
from forecast.layers.uncompiled import uncompiled


def test_a_compiler_sees_nothing_of_it_and_makes_its_surroundings_once():
    graphs, calls = [], []

    @uncompiled
    def double(x):
        calls.append(torch.compiler.is_compiling())
        return x * 2

    def whole(x):
        return double(x + 1) - 1

    def backend(graph, _):
        graphs.append([node.target for node in graph.graph.nodes if node.op == "call_function"])
        return graph

    torch.compiler.reset()
    compiled = torch.compile(whole, backend=backend, dynamic=False)
    for seed in range(12):
        x = torch.full((3,), float(seed))
        assert torch.equal(compiled(x), 2 * x + 1)
    assert [len(graph) for graph in graphs] == [1, 1]  # before it and after it
    assert calls == [False] * 12


@pytest.mark.filterwarnings("default:The .grad attribute:UserWarning")  # torch's tracer, silent but under "error"
def test_a_compiled_cell_is_the_cell():
    torch.manual_seed(0)
    cell, gates = MemoryMixing(4, 2), torch.randn(2, 50, 16)
    torch.compiler.reset()
    compiled = torch.compile(cell, backend="eager", dynamic=False)
    gradients = []
    for network in (cell, compiled):
        found, _ = network(gates, None)
        cell.zero_grad()
        found.square().sum().backward()
        gradients.append([found, *(p.grad.clone() for p in cell.parameters())])
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("preset", ["p-slstm", "reformer"])
def test_nobody_else_waits_for_the_compiler(preset):
    code = f"""
import sys
import numpy as np
from forecast import create
create({preset!r}, horizon=4, lookback=12, hidden_size=8, max_steps=2, season=6).fit(np.arange(60.0)).predict()
print("torch._dynamo" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert run.stdout.split() == ["False"], run.stderr
