"""What a saved neural forecaster holds, and how it is taken back."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from forecast.datasets.arrays import Floats
from forecast.datasets.inputs import Covariates
from forecast.estimators.defaults import Resolved
from forecast.estimators.room import require_shapes, require_sizes, statistics
from forecast.networks.base import Network
from forecast.outputs import make_output
from forecast.training.device import find_device

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster

SCALES, SPANS = "series.scales", "series.spans"  # beside the weights


def state_of(forecaster: "NeuralForecaster") -> tuple[dict[str, Any], dict[str, Floats]]:
    """Values that JSON can hold, and arrays."""
    state = {
        "resolved": asdict(forecaster.resolved_),
        "covariates": forecaster.covariates_.to_json(),
        "sizes": asdict(forecaster.network_.sizes),
        "series": list(forecaster.series_),
    }
    weights = {name: value.detach().cpu().numpy() for name, value in forecaster.network_.state_dict().items()}
    return state, {**weights, SCALES: forecaster.scales_, SPANS: forecaster.spans_}


def restore(forecaster: "NeuralForecaster", state: dict[str, Any], arrays: dict[str, Floats]) -> Network:
    """The network as it was saved, once the forecaster has taken back the rest; ``ValueError`` where they disagree."""
    forecaster.resolved_ = Resolved(**state["resolved"])
    forecaster.covariates_ = Covariates.from_json(state["covariates"])
    forecaster.series_ = {name: number for number, name in enumerate(state["series"], 1)}
    forecaster.output_ = make_output(forecaster.levels, forecaster.point_loss, forecaster.distribution)
    stated = state["sizes"]
    sizes = replace(forecaster._sizes(len(forecaster.schema_.target)), known=stated.get("known", 0))
    require_sizes(forecaster.resolved_, sizes, stated)
    weights = {forecaster._renamed(name): torch.from_numpy(np.array(value)) for name, value in arrays.items()}
    forecaster.scales_ = statistics(weights.pop(SCALES, None), len(forecaster.series_), sizes.channels)
    forecaster.spans_ = statistics(weights.pop(SPANS, None), len(forecaster.series_), 2)
    with torch.device("meta"):  # takes no memory: sizes that do not fit the weights are refused first
        network = forecaster._network(sizes, forecaster.output_)
    require_shapes(network, weights)
    network.load_state_dict(weights, assign=True)
    return network.to(find_device(forecaster.device)).eval()
