"""Many origins of a series in one pass of a causal network, under the location and scale of an anchor before them.

The first anchor of a series lies at its first origin, the next ones L steps after one another.  Statistics that would
not do for as long make the next anchor come earlier, so that no series is forecast on a scale of nothing:

- where less than half of the lookback before an anchor was observed (a series that starts, or after an outage), the
  next one comes as soon as as many observed steps again have come;
- after a step further than ``FAR`` deviations from the anchor's location, which no noise or line reaches within L steps
  (40 series that are zero between bursts: MASE 1.02 without this rule, .87 with it, .86 with windows of their own).

Dimension key: W windows, S series, A anchors, G segments, B segments of a batch, O origins, L lookback, H horizon,
C channels, V levels.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.panel import Panel
from forecast.datasets.windows import Windows, location_and_scale
from forecast.errors import ConfigError
from forecast.training.device import borrowed, in_passes

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster

FAR = 6.0
NEVER = 1 << 60


def steps_until_anchor(observed: Ints, lookback: int) -> Ints:
    """How many observed steps bring the next anchor early, by how many the lookback before the present one has."""
    return np.where(2 * observed < lookback, np.maximum(observed, 1), NEVER)


def anchors_of(windows: Windows, series: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """(series, end) of all anchors, both (A,), that windows (series, end), both (W,), need; sorted."""
    chosen, place = np.unique(series, return_inverse=True)
    anchor, last = np.full(len(chosen), NEVER), np.zeros(len(chosen), np.int64)
    np.minimum.at(anchor, place, ends)
    np.maximum.at(last, place, ends)
    found = [(chosen, anchor)]
    while len(chosen):
        anchor = anchor + _steps_to_next(windows, torch.from_numpy(chosen), torch.from_numpy(anchor)).cpu().numpy()
        going = anchor <= last
        chosen, anchor, last = chosen[going], anchor[going], last[going]
        found.append((chosen, anchor))
    of, at = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((at, of))
    return of[order], at[order]


def _steps_to_next(windows: Windows, series: torch.Tensor, anchor: torch.Tensor) -> torch.Tensor:
    """(S,) steps from an anchor (S,) of each series to its next one, by the rows before and after it."""
    lookback, (series, anchor) = windows.lookback, (part.to(windows.home) for part in (series, anchor))
    relative = (anchor - lookback)[:, None] + torch.arange(2 * lookback, device=windows.home)
    rows = windows.offsets[series][:, None] + relative.clamp(min=0).minimum(windows.lengths[series][:, None] - 1)
    values, observed = windows.targets.gather(series, rows)
    observed = observed & ((relative >= 0) & (relative < windows.ends[series][:, None]))[..., None]  # (S, 2·L, C)
    before, after = observed[:, :lookback], observed[:, lookback:]
    location, scale = location_and_scale(values[:, :lookback], before)
    known = before.any(1, keepdim=True)
    far = (((values[:, lookback:] - location).abs() > FAR * scale) & after & known).any(-1)  # (S, L)
    seen = before.any(-1).sum(1).cpu().numpy()
    wanted = torch.from_numpy(steps_until_anchor(seen, lookback)).to(windows.home)
    far |= after.any(-1).cumsum(1) >= wanted[:, None]
    return torch.where(far.any(1), far.int().argmax(1) + 1, lookback)


@dataclass(frozen=True, kw_only=True, eq=False)
class Segments:
    """Segments that hold all wanted origins, those with few origins first.

    An origin belongs to the last anchor up to it and to a phase, its distance to that anchor modulo the patch; origins
    of one anchor and phase share a segment.
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
    def plan(cls, windows: Windows, series: Ints, ends: Ints, *, patch: int) -> "Segments":
        """Of windows (series, end), both (W,)."""
        of, at = anchors_of(windows, series, ends)
        room = int(max(ends.max(initial=0), at.max(initial=0))) + 1
        anchor = at[np.searchsorted(of * room + at, series * room + ends, side="right") - 1]
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

    Only the deviation of a whole series, which keeps the scale of a flat window up, stays that of the first origin
    here, while a stream takes later rows into it at its anchors.  A pass reads 2·L rows at most for all origins of an
    anchor and phase, where each alone would read L.
    """
    sizes = forecaster.network_.sizes
    values: Floats = np.empty((len(series), sizes.horizon, panel.channels, 1 + len(levels)))
    with borrowed(forecaster.threads), torch.inference_mode():
        known = panel.ends.copy()
        np.minimum.at(known, series, ends)  # no statistic may come from rows after the first origin
        windows = forecaster._windows(panel, next(forecaster.network_.parameters()).device, known)
        plan = Segments.plan(windows, series, ends, patch=sizes.patch)
        order = np.argsort(plan.segment, kind="stable")  # windows by segment
        bounds = np.searchsorted(plan.segment[order], np.arange(len(plan.series) + 1))

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
    values = forecaster.output_.values(raw[chosen, origin], levels, scaled.scale)
    return windows.restore(values, scaled, plan.series[batch][row])


def require_causal(forecaster: object, horizon: int) -> None:
    """``ConfigError`` where a forecaster cannot forecast many origins in one pass."""
    from forecast.estimators.neural import NeuralForecaster

    name = type(forecaster).__name__
    if not isinstance(forecaster, NeuralForecaster) or not forecaster._causal():
        raise ConfigError(
            f"anchored=True reads many origins in one pass, and this {name} has no causal network that could",
            "Leave anchored off, or choose a causal one with a direct decoder, such as lstm, hybrid or transformer.",
        )
    if forecaster._paths():
        raise ConfigError(
            f"anchored=True reads forecasts off one pass, and those of {name} are levels of sampled paths",
            "Leave anchored off, or choose another decoder.",
        )
    if horizon > forecaster.horizon:
        raise ConfigError(
            f"anchored=True forecasts the trained horizon of {forecaster.horizon} steps at most, not {horizon}",
            "Leave anchored off, or fit for the longer horizon.",
        )
