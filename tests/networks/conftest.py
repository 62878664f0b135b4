"""Random windows with covariates of every kind."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from forecast.datasets.windows import Window
from forecast.networks.base import Sizes

MakeWindow = Callable[..., Window]


@pytest.fixture(scope="session")
def random_window() -> MakeWindow:
    """Of a size, with answers, on the scale of the network."""
    return _random_window


def _random_window(sizes: Sizes, *, batch: int = 4, origins: int = 1, seed: int = 0) -> Window:
    generator = torch.Generator().manual_seed(seed)
    steps = sizes.lookback + (origins - 1) * sizes.patch

    def numbers(*shape: int) -> Tensor:
        return torch.randn(batch, *shape, generator=generator)

    def codes(vocabulary: tuple[int, ...], *shape: int) -> Tensor:
        columns = [torch.randint(size, (batch, *shape), generator=generator) for size in vocabulary]
        return torch.stack(columns, dim=-1) if columns else torch.zeros(batch, *shape, 0, dtype=torch.int64)

    observed = numbers(steps, sizes.channels) < 1
    future = numbers(steps + sizes.horizon, sizes.future)
    return Window(
        target=torch.where(observed, numbers(steps, sizes.channels), 0.0),
        observed=observed,
        past=numbers(steps, sizes.past),
        past_codes=codes(sizes.past_vocabulary, steps),
        future=future,
        future_codes=codes(sizes.future_vocabulary, steps + sizes.horizon),
        usual=future[:, : sizes.lookback, : sizes.known].mean(1, keepdim=True),
        static=numbers(sizes.static),
        static_codes=codes(sizes.static_vocabulary),
        series=torch.arange(batch) % (sizes.series + 1),
        location=numbers(1, sizes.channels),
        scale=numbers(1, sizes.channels).exp(),
        answer=numbers(origins, sizes.horizon, sizes.channels),
        counted=numbers(origins, sizes.horizon, sizes.channels) < 1,
    )
