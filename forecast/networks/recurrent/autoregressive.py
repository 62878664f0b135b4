"""One step after the other, each a distribution given the steps before it: DeepAR (Salinas et al. 2020, section 3).

Dimension key: B batch, n paths, T time, L lookback, H horizon, O origins, K lags, C channels, Q outputs per step,
I inputs, F known ahead, D width.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.errors import ConfigError
from forecast.layers.embeddings import CodeEmbedding
from forecast.layers.precision import ExactLinear
from forecast.layers.trunk import Carried, Trunk
from forecast.networks.base import Network, Sizes
from forecast.networks.tokens import KnownAhead, StaticEmbedding
from forecast.outputs.base import CLIP, Output

SMOOTHEST = 1e-3  # of a window's scale: differences that small are no unit to measure in
SMALL = 0.01  # weights of the output as training begins, when the line alone should speak
Feed = Callable[[Tensor, int], Tensor]  # what is fed back of the raw outputs (R, C, Q) of a step


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Where a window has been read to: (R, …) for R rows.

    values, observed: (R, M + H, C), the last M = longest lag of the steps read, then room for those to come.
    unit: (R, 1, 1, C).  past: (R, 1, P), past covariates of the last step.  ahead: (R, H, F).
    constant: (R, I) or None.
    """

    carried: Carried
    values: Tensor
    observed: Tensor
    unit: Tensor
    past: Tensor
    ahead: Tensor
    constant: Tensor | None
    place: int

    def repeated(self, times: int) -> "Reading":
        """Each row ``times`` times over."""

        def many(part: Tensor) -> Tensor:
            return part.repeat_interleave(times, 0)

        return Reading(
            carried=[many(part) for part in self.carried],
            values=many(self.values),
            observed=many(self.observed),
            unit=many(self.unit),
            past=many(self.past),
            ahead=many(self.ahead),
            constant=None if self.constant is None else many(self.constant),
            place=self.place,
        )


class AutoregressiveNetwork(Network):
    """A recurrent trunk over single steps, whose state at each gives the distribution of that step.

    A step's input is the target one step and ``lags`` steps before it, with their masks, what is known of the step, and
    the past covariates of the step before (unobserved after the origin).  Training is teacher-forced over window and
    horizon in one pass, whatever the number of origins; a forecast is the ``sample`` of many paths, each fed back to
    itself.  ``forward`` without an answer feeds back the median.

    The lags are also told as differences to the one at ``season`` (else to the last step), in units of their size over
    the lookback.  So is the network's own output, which corrects a straight line through the lags whose weights have
    the sum 1 and begin at a copy of the season: series whose level wanders far over a window are not drawn to its mean.
    Without ``highway`` there is no line, and the output stands alone.  width: of a projection before the trunk, for one
    whose first layer is none itself.
    """

    causal = True
    sampled = True

    def __init__(
        self,
        sizes: Sizes,
        *,
        output: Output,
        trunk: Callable[[int], Trunk],
        lags: tuple[int, ...] = (),
        season: int = 1,
        width: int | None = None,
        highway: bool = True,
    ) -> None:
        super().__init__(sizes)
        self.head = output
        self.lags = tuple(sorted({1, *lags}))
        self.reference = self.lags.index(season) if season in self.lags else 0
        self.ahead = KnownAhead(sizes)
        self.past_codes = CodeEmbedding(sizes.past_vocabulary)
        self.past = sizes.past + self.past_codes.width
        inputs = (3 * len(self.lags) + 1) * sizes.channels + self.ahead.width + self.past + bool(self.past)
        self.static = StaticEmbedding(sizes, inputs)
        self.project = nn.Identity() if width is None else nn.Linear(inputs, width)
        self.trunk = trunk(width or inputs)
        if not self.trunk.carries:
            raise ConfigError(
                f"{type(self.trunk).__name__} has no state to carry, which forecasting step after step needs",
                "Choose a causal recurrent cell: lstm or gru.",
            )
        self.norm = nn.LayerNorm(self.trunk.width)
        self.output = ExactLinear(self.trunk.width, sizes.channels * sizes.outputs)
        nn.init.normal_(self.output.weight, std=SMALL)
        self.line = nn.Linear(len(self.lags), 1, bias=False) if highway else None
        if self.line is not None:
            nn.init.zeros_(self.line.weight)

    # ------------------------------------------------------------------ forecasts

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        if self.training and window.answer is not None:
            return self.forced(window, origins, every)
        stride = every * self.sizes.patch
        found = [self._roll(reading, self._points(window)) for reading in self._read(window, origins, stride)]
        return torch.stack(found, dim=1)  # (B, O, H, C, Q)

    def forced(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        assert window.answer is not None and window.counted is not None
        stride, horizon = every * self.sizes.patch, self.sizes.horizon
        first = window.target.shape[1] - (origins - 1) * stride
        values = torch.cat([window.target, window.answer[:, -1]], dim=1)  # (B, T + H, C)
        observed = torch.cat([window.observed, window.counted[:, -1]], dim=1)
        before, seen = self._before(values), self._before(observed)  # (B, T + H, K, C)
        unit, past = self._unit(window), self._past(window, first)
        inputs = self._inputs(before, seen, unit, past, self.ahead(window), self.static(window))
        raw = self._raw(self.trunk(inputs)[:, first:], before[:, first:], seen[:, first:], unit)
        return raw.unfold(1, horizon, stride).permute(0, 1, 4, 2, 3)  # (B, O, H, C, Q)

    def sample(self, window: Window, noise: Tensor) -> Tensor:
        (reading,) = self._read(window, 1, 1)
        rows, paths = len(window.target), noise.shape[1]

        def draw(raw: Tensor, step: int) -> Tensor:
            each = raw.reshape(rows, paths, *raw.shape[1:])  # (B, n, C, Q)
            return self.head.draw(each, noise[:, :, step], window.scale).flatten(0, 1)

        many = reading.repeated(paths)
        self._roll(many, draw)
        made = many.values[:, -self.sizes.horizon :]  # (B·n, H, C)
        return made.reshape(rows, paths, *made.shape[1:])

    # ------------------------------------------------------------------ inside

    def _read(self, window: Window, origins: int, stride: int) -> list[Reading]:
        """The readings up to each of the last O origins, oldest first."""
        steps, longest = window.target.shape[1], self.lags[-1]
        first = steps - (origins - 1) * stride
        ahead, constant = self.ahead(window), self.static(window)
        before, seen = self._before(window.target), self._before(window.observed)
        unit, past = self._unit(window), self._past(window, steps)
        inputs = self._inputs(before, seen, unit, past[:, :steps], ahead[:, :steps], constant)
        carried = self.trunk.begin(inputs[:, :first], 2 * steps + self.sizes.horizon)[1]
        room = (0, 0, longest, self.sizes.horizon)
        values, observed = nn.functional.pad(window.target, room), nn.functional.pad(window.observed, room)
        found = []
        for place in range(first, steps + 1):
            if (place - first) % stride == 0:
                held = slice(place, place + longest + self.sizes.horizon)
                after = torch.arange(longest + self.sizes.horizon, device=values.device) >= longest
                found.append(
                    Reading(
                        carried=carried,
                        values=values[:, held].masked_fill(after[:, None], 0.0),
                        observed=observed[:, held] | after[:, None],
                        unit=unit,
                        past=past[:, place : place + 1],
                        ahead=ahead[:, place : place + self.sizes.horizon],
                        constant=constant,
                        place=place,
                    )
                )
            if place < steps:
                carried = self.trunk.step(inputs[:, place : place + 1], carried, place)[1]
        return found

    def _roll(self, reading: Reading, feed: Feed) -> Tensor:
        """Raw outputs (R, H, C, Q) step after step; what is fed back goes into the reading's values."""
        carried, longest = reading.carried, self.lags[-1]
        lags = torch.tensor(self.lags, device=reading.values.device)
        past = reading.past
        found = []
        for step in range(self.sizes.horizon):
            places = longest + step - lags
            before, seen = reading.values[:, None, places], reading.observed[:, None, places]  # (R, 1, K, C)
            known = reading.ahead[:, step : step + 1]
            inputs = self._inputs(before, seen, reading.unit, past, known, reading.constant)
            state, carried = self.trunk.step(inputs, carried, reading.place + step)
            raw = self._raw(state, before, seen, reading.unit)[:, 0]  # (R, C, Q)
            found.append(raw)
            past = torch.zeros_like(past)  # unknown from here on
            reading.values[:, longest + step] = feed(raw, step).clamp(-CLIP, CLIP)
        return torch.stack(found, dim=1)

    def _points(self, window: Window) -> Feed:
        """Feeds the median back; no gradient goes that way."""
        return lambda raw, step: self.head.values(raw.detach(), (), window.scale[:, 0])[..., 0]

    def _before(self, steps: Tensor) -> Tensor:
        """The steps at each lag before each of (B, N, C): (B, N, K, C), zero where there is none."""
        longest, count = self.lags[-1], steps.shape[1]
        padded = nn.functional.pad(steps, (0, 0, longest, 0))
        return torch.stack([padded[:, longest - lag : longest - lag + count] for lag in self.lags], dim=2)

    def _past(self, window: Window, known: int) -> Tensor:
        """Past covariates of the step before each of T + H, and whether they are known, as the first ``known`` are."""
        steps = window.target.shape[1]
        past = torch.cat([window.past, self.past_codes(window.past_codes)], dim=-1)
        if self.past:
            past = torch.cat([past, torch.ones_like(past[..., :1])], dim=-1)
        return nn.functional.pad(past[:, :known], (0, 0, 1, steps + self.sizes.horizon - known - 1))

    def _unit(self, window: Window) -> Tensor:
        """(B, 1, 1, C): the size of the differences to the reference lag over the first lookback; 1 where none are."""
        steps, lag = self.sizes.lookback, self.lags[self.reference]
        values, seen = window.target[:, :steps], window.observed[:, :steps]
        both = seen[:, lag:] & seen[:, :-lag]
        squares = torch.where(both, values[:, lag:] - values[:, :-lag], 0.0).square().sum(1)
        count = both.sum(1)
        size = (squares / count.clamp(min=1) + SMOOTHEST**2).sqrt()
        return torch.where(count > 0, size, 1.0)[:, None, None]

    def _apart(self, before: Tensor, seen: Tensor) -> Tensor:
        """Differences (B, N, K, C) of the lags to the reference, 0 where one of them is not seen."""
        one = slice(self.reference, self.reference + 1)
        return torch.where(seen & seen[:, :, one], before - before[:, :, one], 0.0)

    def _inputs(
        self, before: Tensor, seen: Tensor, unit: Tensor, past: Tensor, ahead: Tensor, constant: Tensor | None
    ) -> Tensor:
        """(B, N, I) from steps before (B, N, K, C) with their mask, covariates and constants (B, I)."""
        apart = (self._apart(before, seen) / unit).clamp(-CLIP, CLIP)
        size = unit[:, 0].log().expand(-1, before.shape[1], -1)
        parts = [before.flatten(2), apart.flatten(2), seen.flatten(2).to(before.dtype), size, past, ahead]
        inputs = torch.cat(parts, dim=-1)
        projected: Tensor = self.project(inputs if constant is None else inputs + constant[:, None])
        return projected

    def _raw(self, states: Tensor, before: Tensor, seen: Tensor, unit: Tensor) -> Tensor:
        """Raw outputs (B, N, C, Q) of states (B, N, D), the first on the line through steps before (B, N, K, C)."""
        raw: Tensor = self.output(self.norm(states)).reshape(*before.shape[:2], self.sizes.channels, -1)
        if self.line is None:
            return raw
        line = before[:, :, self.reference] + self.line(self._apart(before, seen).transpose(2, 3))[..., 0]
        return torch.cat([(line + unit[:, 0] * raw[..., 0])[..., None], raw[..., 1:]], dim=-1)
