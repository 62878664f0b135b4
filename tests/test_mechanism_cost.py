"""The mechanisms that are measured beside plain ones give what these give."""

from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parent / "benchmarks"
NAMES = ("gated feed", "variable selection", "seq2seq", "seq2seq-bahdanau", "seq2seq-luong", "deepar")


@pytest.mark.parametrize("name", NAMES)
def test_a_mechanism_is_what_a_plain_implementation_computes(name, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from mechanism_cost import MECHANISMS, difference

    assert tuple(MECHANISMS) == NAMES
    torch.manual_seed(0)
    pair = MECHANISMS[name](3)
    assert difference(pair) < 1e-5
    assert all(call().requires_grad for call in pair)


def test_the_costs_of_both_sides_are_told(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from mechanism_cost import compare

    compare("gated feed", 3, 1)
    name, tokens, *costs = capsys.readouterr().out.rsplit(maxsplit=5)
    assert (name, tokens) == ("gated feed", "3")
    assert all(float(cost) >= 0 for cost in costs)
