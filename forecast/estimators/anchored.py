"""Many origins of a series in one pass of a causal network, under the location and scale of an anchor before them.

Dimension key: W windows, G segments, B segments of a batch, O origins, L lookback, H horizon, C channels, V levels.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.windows import Windows
from forecast.errors import ConfigError
from forecast.training.device import borrowed, in_passes

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster


@dataclass(frozen=True, kw_only=True, eq=False)
class Segments:
    """Segments that hold all wanted origins, those with few origins first.

    An anchor lies at a series' first origin and every L steps after it.  An origin belongs to the anchor before it and
    to a phase, its distance to that anchor modulo the patch; origins of one anchor and phase share a segment.  Where
    less than half of the lookback before an anchor was observed, each origin is an anchor of its own.

    series, anchor, first: (G,) series, end of the rows before the anchor, and the first place for an origin.
    most: (G,) patches from there to the last origin that is wanted.  segment, turn: (W,) where each window is found.
    """

    series: Ints
    anchor: Ints
    first: Ints
    most: Ints
    segment: Ints
    turn: Ints

    @classmethod
    def plan(cls, panel: Panel, series: Ints, ends: Ints, *, lookback: int, patch: int) -> "Segments":
        """Of windows (series, end), both (W,)."""
        start = np.full(len(panel), np.iinfo(np.int64).max)
        np.minimum.at(start, series, ends)
        anchor = ends - (ends - start[series]) % lookback
        seen = np.concatenate([[0], np.cumsum(~np.isnan(panel.target).all(axis=1))])
        first = panel.offsets[series]
        observed = seen[first + anchor] - seen[first + np.maximum(anchor - lookback, 0)]
        anchor = np.where(2 * observed < lookback, ends, anchor)
        turn, phase = np.divmod(ends - anchor, patch)
        name = np.stack([series, anchor, phase])
        found, segment = np.unique(name, axis=1, return_inverse=True)
        most = np.zeros(found.shape[1], np.int64)
        np.maximum.at(most, segment.ravel(), turn)
        order = np.argsort(most, kind="stable")
        return cls(
            series=found[0][order],
            anchor=found[1][order],
            first=(found[1] + found[2])[order],
            most=most[order],
            segment=np.argsort(order)[segment.ravel()],
            turn=turn,
        )


def forecast_anchored(
    forecaster: "NeuralForecaster", panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]
) -> Floats:
    """Forecasts (W, horizon, C, 1 + V) on the panel's scale: what a stream gives that began at each first origin.

    A pass reads 2·L rows at most for all origins of an anchor and phase, where each alone would read L.
    """
    sizes = forecaster.network_.sizes
    plan = Segments.plan(panel, series, ends, lookback=sizes.lookback, patch=sizes.patch)
    order = np.argsort(plan.segment, kind="stable")  # windows by segment
    bounds = np.searchsorted(plan.segment[order], np.arange(len(plan.series) + 1))
    values: Floats = np.empty((len(series), sizes.horizon, panel.channels, 1 + len(levels)))
    with borrowed(forecaster.threads), torch.inference_mode():
        device = next(forecaster.network_.parameters()).device
        known = panel.ends.copy()
        np.minimum.at(known, series, ends)  # no statistic may come from rows after the first origin
        windows = forecaster._windows(panel, device, known)

        def forecast(batch: slice) -> tuple[Ints, Floats]:
            members = order[bounds[batch.start] : bounds[batch.stop]]
            return members, _one_pass(forecaster, windows, plan, batch, members, levels)

        size = max(1, forecaster._windows_per_pass() // int(plan.most.max(initial=0) + 1))
        for members, found in in_passes(len(plan.series), size, forecast):
            values[members] = found
    return values[:, :horizon]


def _one_pass(
    forecaster: "NeuralForecaster",
    windows: Windows,
    plan: Segments,
    batch: slice,
    members: Ints,
    levels: tuple[float, ...],
) -> Floats:
    """The windows ``members`` of a batch of segments, by one pass over them."""
    patch, most = forecaster.network_.sizes.patch, int(plan.most[batch].max())
    every = int(np.gcd.reduce(most - plan.turn[members])) or 1  # origins that nobody wants are not decoded
    origins = 1 + (most - int(plan.turn[members].min())) // every
    one = torch.from_numpy(plan.series[batch])
    anchor = windows.gather(one, torch.from_numpy(plan.anchor[batch]))
    last = torch.from_numpy(plan.first[batch] + most * patch)
    segment = windows.gather(one, last, origins=1 + most, frozen=(anchor.location, anchor.scale))
    raw = forecaster.network_(segment, origins, every)  # (B, O, H, C, Q)
    row = plan.segment[members] - batch.start
    chosen = torch.from_numpy(row).to(raw.device)
    origin = torch.from_numpy(origins - 1 - (most - plan.turn[members]) // every).to(raw.device)
    scaled = replace(segment, location=segment.location[chosen], scale=segment.scale[chosen])
    return windows.restore(forecaster.output_.values(raw[chosen, origin], levels), scaled, plan.series[batch][row])


def require_causal(forecaster: object, horizon: int) -> None:
    """``ConfigError`` where a forecaster cannot forecast many origins in one pass."""
    from forecast.estimators.neural import NeuralForecaster

    name = type(forecaster).__name__
    if not isinstance(forecaster, NeuralForecaster) or not forecaster._causal():
        raise ConfigError(
            f"anchored=True reads many origins in one pass, and {name} has no causal network that could",
            "Leave anchored off, or use LSTMForecaster, HybridForecaster or a causal TransformerForecaster.",
        )
    if horizon > forecaster.horizon:
        raise ConfigError(
            f"anchored=True forecasts the trained horizon of {forecaster.horizon} steps at most, not {horizon}",
            "Leave anchored off, or fit for the longer horizon.",
        )
