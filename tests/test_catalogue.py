"""What `forecast models` says of the networks is so."""

import importlib.util
from pathlib import Path

import pytest

from forecast.presets import PRESETS
from forecast.presets.catalogue import catalogue, networks
from forecast.presets.measured import MEASURED

SCRIPT = Path(__file__).parent / "benchmarks" / "preset_costs.py"


@pytest.fixture(scope="module")
def costs():
    spec = importlib.util.spec_from_file_location("preset_costs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", networks())
def test_size_and_causality_are_those_of_the_network(name, costs):
    assert name in MEASURED, f"run: python -P {SCRIPT.relative_to(SCRIPT.parents[2])} --write"
    network = costs.build(name)[0]
    assert MEASURED[name].parameters == sum(p.numel() for p in network.parameters())
    assert MEASURED[name].causal == network.causal
    assert MEASURED[name].cost > 0


def test_nothing_is_measured_that_is_not_there():
    assert set(MEASURED) == set(networks())


@pytest.mark.parametrize("name", networks())
def test_every_network_says_what_it_does_when_to_choose_it_and_where_it_comes_from(name):
    row = PRESETS[name]
    for text in (row.description, row.mechanism, row.strengths, row.paper):
        assert text.strip()
    assert any(letter.isdigit() for letter in row.paper)  # the year


def test_the_catalogue_has_all_forecasters():
    assert [row["name"] for row in catalogue()][: len(PRESETS)] == list(PRESETS)
