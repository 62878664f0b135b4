"""What a fitted network says of windows, batch after batch: points with their levels, or samples.

Dimension key: W windows, S series, B batch, n paths, H horizon, C channels, Q columns, V levels.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.joining import require_future
from forecast.datasets.output import samples_to_frame
from forecast.datasets.panel import Panel
from forecast.datasets.windows import Window
from forecast.errors import ConfigError
from forecast.estimators.base import MOST_VALUES
from forecast.outputs.paths import EDGE, levels_of_paths, spread_noise
from forecast.training.device import borrowed, in_passes

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster

Values = Callable[[Window, slice], Tensor]


def over_windows(
    forecaster: "NeuralForecaster",
    panel: Panel,
    series: Ints,
    ends: Ints,
    values: Values,
    *,
    columns: int,
    paths: int = 0,
) -> Floats:
    """``values`` (B, H, C, Q) of each batch of windows (series, end), in the panel's units: (W, H, C, Q).

    paths: how many of each window are held at a time.
    """
    device = next(forecaster.network_.parameters()).device
    with borrowed(forecaster._threads_for(len(series))), torch.inference_mode():
        known = panel.ends.copy()
        np.minimum.at(known, series, ends)  # no statistic may come from rows after the first origin
        windows = forecaster._windows(panel, device, known)

        def forecast(batch: slice) -> Floats:
            chosen, last = torch.from_numpy(series[batch]), torch.from_numpy(ends[batch])
            window = windows.gather(chosen.to(device), last.to(device))
            return windows.restore(values(window, batch), window, series[batch])

        size = max(1, forecaster._windows_per_pass() // max(1, paths))
        done = list(in_passes(len(series), size, forecast))
    return np.concatenate(done) if done else np.zeros((0, forecaster.horizon, panel.channels, columns))


def points_and_levels(forecaster: "NeuralForecaster", window: Window, levels: tuple[float, ...]) -> Tensor:
    """(B, H, C, 1 + V): what the head says or, of a network that forecasts by sampling, the levels of its paths.

    The noise is the same for every window and every call, so that no forecast depends on what else is forecast.
    """
    network = forecaster.network_
    if not network.sampled:
        return forecaster.output_.values(network(window)[:, 0], levels, window.scale)
    sizes = network.sizes
    noise = spread_noise(forecaster._paths(), sizes.horizon, sizes.channels, seed=forecaster.seed)
    return levels_of_paths(network.sample(window, noise[None].to(window.target.device)), levels)


def sampled_frame(forecaster: "NeuralForecaster", panel: Panel, *, paths: int, seed: int | None) -> pd.DataFrame:
    """Samples from the end of each series of a panel in the user's units; see ``NeuralForecaster.sample``."""
    require_future(panel, forecaster.horizon)
    forecaster.output_.require(panel.target)
    frame = samples_to_frame(panel, _sampled(forecaster, panel, paths=paths, seed=seed))
    frame.attrs["samples"] = "paths" if forecaster.network_.sampled else "marginals"
    return frame


def _sampled(forecaster: "NeuralForecaster", panel: Panel, *, paths: int, seed: int | None) -> Floats:
    """(S, n, H, C).  Each series has noise of its own, which does not depend on how many others there are."""
    sizes = forecaster.network_.sizes
    if isinstance(paths, bool) or not isinstance(paths, int | np.integer) or paths < 1:
        raise ConfigError(f"paths={paths!r} is not a whole number of at least 1")
    if len(panel) * paths * sizes.horizon * sizes.channels > MOST_VALUES:
        remedy = "Ask for fewer paths, or for some of the series at a time."
        raise ConfigError(f"{paths} paths of {sizes.horizon} steps for {len(panel):,} series are too large", remedy)
    network, everything = forecaster.network_, np.arange(len(panel))
    start = forecaster.seed if seed is None else seed
    if isinstance(start, bool) or not isinstance(start, int | np.integer) or start < 0:
        raise ConfigError(f"seed={seed!r} is not a whole number of at least 0")

    def draw(window: Window, batch: slice) -> Tensor:
        shape = paths, sizes.horizon, sizes.channels, 2
        each = [np.random.default_rng([start, s]).random(shape, np.float32) for s in everything[batch].tolist()]
        noise = torch.from_numpy(np.stack(each).clip(EDGE, 1 - EDGE)).to(window.target.device)  # (B, n, H, C, 2)
        if network.sampled:
            return network.sample(window, noise).movedim(1, -1)
        drawn = forecaster.output_.draw(network(window), noise, window.scale[:, None])  # (B, n, H, C)
        return drawn.movedim(1, -1)

    applied = forecaster.transform_.apply(panel)
    values = over_windows(forecaster, applied, everything, panel.ends, draw, columns=paths, paths=paths)
    samples: Floats = np.moveaxis(forecaster.transform_.invert(values, panel, everything), -1, 1)
    return samples
