"""Whether what the settings ask for can be held by a machine at all, and fits what was saved."""

from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from forecast.errors import ConfigError
from forecast.estimators.defaults import Resolved
from forecast.networks.base import Sizes
from forecast.plain import to_plain

MOST_NUMBERS = 1 << 32  # that a batch may hold: 16 GiB


def require_room(found: Resolved, sizes: Sizes) -> None:
    """``ConfigError`` for settings whose batches no machine holds: a number too many zeros long, as a rule."""
    if not isinstance(found.dropout, int | float) or not 0 <= found.dropout < 1:
        raise ConfigError(f"dropout={found.dropout!r} is not a share below 1")
    for name in (f.name for f in fields(found) if f.name != "dropout"):
        value = getattr(found, name)
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{name}={value!r} is not a whole number of at least 1")
    span = found.lookback + (found.origins - 1) * found.patch + sizes.horizon
    if found.batch_size * span * (sizes.channels + sizes.past + sizes.future) > MOST_NUMBERS:
        raise ConfigError(
            f"batches of {found.batch_size} segments of {span} steps (lookback={found.lookback}, "
            f"patch={found.patch}, origins={found.origins}) are too large",
            "Lower batch_size, lookback, patch or origins.",
        )


def require_sizes(found: Resolved, sizes: Sizes, stated: Mapping[str, Any]) -> None:
    """``ValueError`` unless the sizes that follow from a saved model's settings and data are those that it states."""
    require_room(found, sizes)
    for name, value in stated.items():
        if to_plain(getattr(sizes, name)) != value:
            raise ValueError(f"{name}={value!r} is not what the settings and data come to")


def statistics(values: Tensor | None, series: int, columns: int) -> Any:
    """Statistics of the training series as an array; None where a model was saved without them."""
    if values is not None and values.shape != (series, columns):
        raise ValueError(f"the statistics of the series are {tuple(values.shape)}, not {(series, columns)}")
    return None if values is None else values.numpy()


def require_shapes(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """``ValueError`` unless ``weights`` are finite and those of the network; names the first that is not."""
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in weights.items()}
    for name in sorted(wanted.keys() | given.keys()):
        if wanted.get(name) != given.get(name):
            raise ValueError(f"weight {name!r} has shape {given.get(name)}, not {wanted.get(name)}")
        if not bool(torch.isfinite(weights[name]).all()):
            raise ValueError(f"weight {name!r} is not finite")
