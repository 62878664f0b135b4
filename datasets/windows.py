"""Windows of a panel by index arithmetic: a batch is one indexed gather on the device that holds the panel.

Dimension key: B batch, T time, L lookback, H horizon, O origins, C channels, P / F / K past / future / static
covariates, S series, N rows.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.inputs import Covariates
from forecast.datasets.panel import Panel
from forecast.datasets.targets import targets_of

Location = Literal["mean", "last"]
Shift = Location | Literal["zero"]
Unit = Literal["window", "series"]
SCALE_FLOOR = 0.02  # of a series' own deviation: a flat window is not blown up to noise


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """What a network receives.  Targets are standardised by ``location`` and ``scale``, and 0 where unobserved.

    target, observed: (B, T, C).  past: (B, T, P).  future: (B, T + H, F).  static: (B, K).  The codes of each: int64.
    usual: (B, 1, K), the mean of the user's own covariates known ahead, the first K of ``future``, over the lookback of
    the first origin.
    series: (B,) number of the series plus 1 in the training panel, 0 for unseen ones.  location, scale: (B, 1, C).
    answer, counted: (B, O, H, C), in training and validation only; ``counted`` marks the targets that enter the loss.
    """

    target: Tensor
    observed: Tensor
    past: Tensor
    past_codes: Tensor
    future: Tensor
    future_codes: Tensor
    usual: Tensor
    static: Tensor
    static_codes: Tensor
    series: Tensor
    location: Tensor
    scale: Tensor
    answer: Tensor | None = None
    counted: Tensor | None = None

    def prefix(self, steps: int, horizon: int) -> "Window":
        """The window that ends ``steps`` into this one, on the same normalisation."""
        ahead = steps + horizon
        return replace(
            self,
            target=self.target[:, :steps],
            observed=self.observed[:, :steps],
            past=self.past[:, :steps],
            past_codes=self.past_codes[:, :steps],
            future=self.future[:, :ahead],
            future_codes=self.future_codes[:, :ahead],
            answer=None,
            counted=None,
        )

    def last(self, steps: int, horizon: int) -> "Window":
        """The last ``steps`` of this window and what is known ahead of its end."""
        return replace(
            self,
            target=self.target[:, -steps:],
            observed=self.observed[:, -steps:],
            past=self.past[:, -steps:],
            past_codes=self.past_codes[:, -steps:],
            future=self.future[:, -(steps + horizon) :],
            future_codes=self.future_codes[:, -(steps + horizon) :],
            answer=None,
            counted=None,
        )


class Windows:
    """Every window of a panel, none of them materialised.

    A window is (series, end): it sees the ``lookback`` rows before row ``end`` of the series and forecasts the
    ``horizon`` rows from there.  A segment of O origins is named by its last one; the others lie ``stride`` rows apart
    before it, and it sees ``lookback + (O − 1)·stride`` rows.  Rows before a series' start are padding.
    ``location``: what targets are shifted by, the mean of a segment's lookback or the last value observed there; or
    zero, for counts, which are then divided by their mean level only, in the units that they have.
    ``rounded``: to a small fraction of a series' deviation, for training.
    Of a panel on disk windows are gathered there, on the CPU (``home``), and moved to ``device``.
    ``known``: (S,) rows of each series that its standardisation may be taken from; all up to its end when None.
    ``scale``: (S, C) deviations of series of which the panel holds too little to tell; NaN for the others.
    """

    def __init__(
        self,
        panel: Panel,
        *,
        covariates: Covariates,
        lookback: int,
        horizon: int,
        stride: int = 1,
        min_context: int = 1,
        numbers: Ints | None = None,
        known: Ints | None = None,
        scale: Floats | None = None,
        location: Shift = "mean",
        unit: Unit = "window",
        rounded: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        self.lookback, self.horizon, self.stride, self.min_context = lookback, horizon, stride, min_context
        self.location: Shift = location
        self.unit: Unit = unit
        self.device = torch.device(device)
        known = panel.ends if known is None else known
        centred = location != "zero"
        self.targets = targets_of(panel, known=known, scale=scale, rounded=rounded, centred=centred, device=self.device)
        self.home = self.targets.home
        self.channels, self.on_disk = panel.channels, panel.on_disk is not None
        self.offsets = torch.from_numpy(panel.offsets[:-1].copy()).to(self.home)
        self.ends = torch.from_numpy(np.ascontiguousarray(panel.ends)).to(self.home)
        self.lengths = torch.from_numpy(panel.lengths).to(self.home)
        series = np.arange(1, len(panel) + 1) if numbers is None else numbers
        self.numbers = torch.from_numpy(series).to(self.home)
        self.inputs = covariates.tensors(panel, ahead=horizon, device=self.home)
        self.known_ahead = covariates.future.width
        self._starts_of_segments: dict[int, Tensor] = {}
        self._counts: dict[int, int] = {}

    def count(self, origins: int = 1) -> int:
        """How many segments of ``origins`` origins there are to draw from; read from the device once."""
        if origins not in self._counts:
            self._counts[origins] = int(self._segments(origins)[-1]) if len(self.ends) else 0
        return self._counts[origins]

    def _segments(self, origins: int) -> Tensor:
        """(S,) cumulative number of segments.

        Origins with enough context and a whole horizon are ``min_context … ends − H`` (at least one per series whose
        context suffices).  The last origin of a segment runs on by (O − 1)·stride behind that range, so that each
        origin lies in exactly O segments and all windows count the same; what lies outside weighs nothing.
        """
        if origins not in self._starts_of_segments:
            first, last = self._origin_range()
            counts = torch.where(last >= first, last - first + 1 + (origins - 1) * self.stride, 0)
            self._starts_of_segments[origins] = counts.cumsum(0)
        return self._starts_of_segments[origins]

    def _origin_range(self) -> tuple[Tensor, Tensor]:
        first = torch.full_like(self.ends, self.min_context)
        return first, torch.maximum(self.ends - self.horizon, torch.minimum(first, self.ends - 1))

    def segments(self, numbers: Tensor, origins: int = 1) -> tuple[Tensor, Tensor]:
        """Segment numbers (B,) in [0, count) as (series, last origin), both (B,)."""
        cumulative = self._segments(origins)
        series = torch.searchsorted(cumulative, numbers, right=True)
        before = torch.where(series > 0, cumulative[(series - 1).clamp(min=0)], 0)
        return series, numbers - before + self.min_context

    def sample(self, batch: int, *, origins: int = 1, generator: torch.Generator) -> Window:
        """A batch of segments drawn uniformly, with answers."""
        return self.of_numbers(self.draw(batch, origins, generator), origins=origins)

    def draw(self, batch: int, origins: int, generator: torch.Generator) -> Tensor:
        """Numbers (batch,) of segments drawn uniformly, on the CPU."""
        return torch.randint(self.count(origins), (batch,), generator=generator)

    def of_numbers(self, numbers: Tensor, *, origins: int = 1) -> Window:
        """The segments of these numbers (B,), with answers."""
        series, last = self.segments(put(numbers, self.home), origins)
        return self.gather(series, last, origins=origins, answers=True)

    def gather(
        self,
        series: Tensor,
        last: Tensor,
        *,
        origins: int = 1,
        answers: bool = False,
        frozen: tuple[Tensor, Tensor] | None = None,
    ) -> Window:
        """The segments (series, last origin), each (B,), on one normalisation per segment.

        frozen: the location and scale (B, 1, C) to take, in place of those up to each segment's first origin.
        """
        series, last = series.to(self.home), last.to(self.home)
        if frozen is not None:
            frozen = frozen[0].to(self.home), frozen[1].to(self.home)
        window = self._gather(series, last, origins=origins, answers=answers, frozen=frozen)
        return window if self.home == self.device else moved(window, self.device)

    def _gather(
        self, series: Tensor, last: Tensor, *, origins: int, answers: bool, frozen: tuple[Tensor, Tensor] | None
    ) -> Window:
        span = self.lookback + (origins - 1) * self.stride
        relative = (last - span)[:, None] + torch.arange(span + self.horizon, device=self.home)  # (B, T + H)
        limit = self.ends[series] if answers else torch.minimum(last, self.ends[series])
        known = (relative >= 0) & (relative < limit[:, None])
        rows = self.offsets[series][:, None] + relative.clamp(min=0).minimum(self.lengths[series][:, None] - 1)
        values, observed = self.targets.gather(series, rows)
        observed = observed & known[..., None]  # (B, T + H, C)
        usable, reference = self._usable_origins(observed, origins)
        location, scale = frozen or location_and_scale(
            values, observed & reference[..., None], self.location, self.unit
        )
        values = torch.where(observed, (values - location) / scale, 0.0)
        inputs = self.inputs.gather(series, rows, relative, span)
        window = Window(
            target=values[:, :span],
            observed=observed[:, :span],
            usual=inputs["future"][:, : self.lookback, : self.known_ahead].mean(1, keepdim=True),
            series=self.numbers[series],
            location=location,
            scale=scale,
            **inputs,
        )
        if not answers:
            return window
        answer = values[:, self.lookback :].unfold(1, self.horizon, self.stride)  # (B, O, C, H)
        counted = observed[:, self.lookback :].unfold(1, self.horizon, self.stride) & usable[:, :, None, None]
        return replace(window, answer=answer.transpose(2, 3), counted=counted.transpose(2, 3))

    def _usable_origins(self, observed: Tensor, origins: int) -> tuple[Tensor, Tensor]:
        """(B, O) origins with enough observed steps before them, and (B, T + H) the steps up to the first of these."""
        seen = observed.any(-1)
        places = self.lookback + self.stride * torch.arange(origins, device=self.home)
        before = seen.cumsum(1)[:, places - 1]  # (B, O)
        usable = before >= self.min_context
        first = torch.where(usable.any(1), usable.int().argmax(1), origins - 1)
        limit = self.lookback + self.stride * first
        return usable, torch.arange(observed.shape[1], device=self.home) < limit[:, None]

    def restore(self, values: Tensor, window: Window, series: Ints) -> np.ndarray:
        """Forecasts (B, H, C, Q) on the window's scale in the panel's units, float64."""
        z = values * window.scale[..., None] + window.location[..., None]  # (B, H, C, Q)
        scale, location = self.targets.scale[series], self.targets.location[series]  # (B, C)
        units: np.ndarray = z.double().cpu().numpy() * scale[:, None, :, None] + location[:, None, :, None]
        return units


def put(numbers: Tensor, device: torch.device) -> Tensor:
    """Numbers from the CPU on a device; to a GPU from pinned memory, which nobody has to wait for."""
    return numbers.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else numbers.to(device)


def moved(window: Window, device: torch.device) -> Window:
    """The window on another device."""
    parts: dict[str, Any] = {f.name: getattr(window, f.name) for f in fields(window)}
    there: dict[str, Any] = {name: part if part is None else put(part, device) for name, part in parts.items()}
    return Window(**there)


def location_and_scale(
    values: Tensor, known: Tensor, kind: Shift = "mean", unit: Unit = "window"
) -> tuple[Tensor, Tensor]:
    """Location and deviation (B, 1, C) of the known values (B, T, C).

    The deviation is the one around their mean, and floored: series have deviation 1.  Shifted by the last value (as in
    NLinear, Zeng et al. 2023, section 3), forecasts start where the series stands, wherever its mean has been.
    Divided by the deviation of the whole series instead (``unit``), large swings count for more in the loss than small.
    Not shifted at all, values are divided by 1 + their mean size (Salinas et al. 2020, section 3.3).
    """
    count = known.sum(1, keepdim=True).clamp(min=1)
    if kind == "zero":
        level = torch.where(known, values.abs(), 0.0).sum(1, keepdim=True) / count
        return torch.zeros_like(level), 1 + level
    mean = torch.where(known, values, 0.0).sum(1, keepdim=True) / count
    variance = torch.where(known, values - mean, 0.0).square().sum(1, keepdim=True) / count
    location = mean if kind == "mean" else last_of(values, known)
    if unit == "series":
        return location, torch.ones_like(location)
    return location, (variance + SCALE_FLOOR**2).sqrt()


def last_of(values: Tensor, known: Tensor) -> Tensor:
    """The last known value (B, 1, C) of (B, T, C), 0 where none is known."""
    steps = torch.arange(1, values.shape[1] + 1, device=values.device)[:, None]
    place = (known * steps).amax(1, keepdim=True)  # (B, 1, C) steps up to the last known one, 0 for none
    return torch.where(place > 0, values.gather(1, (place - 1).clamp(min=0)), 0.0)
