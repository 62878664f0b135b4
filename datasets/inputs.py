"""Covariates as networks take them: standardised once with training statistics, gaps as 0 plus an indicator.

Dimension key: B batch, T time, H horizon, N rows, S series, G grid steps, K columns.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.calendar import calendar_features, familiar
from forecast.datasets.panel import Panel
from forecast.datasets.timeline import Timeline


@dataclass(frozen=True, kw_only=True)
class Standard:
    """Mean and deviation of each numeric column in training, and whether it had gaps there."""

    location: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    gaps: tuple[bool, ...] = ()

    @classmethod
    def learn(cls, columns: Floats) -> Self:
        """From (N, K); an all-missing column gets mean 0, a constant one deviation 1."""
        seen = ~np.isnan(columns)
        count = np.maximum(seen.sum(0), 1)
        columns = columns.astype(np.float64, copy=False)  # a float32 sum over millions of rows is no mean
        location = np.where(seen, columns, 0.0).sum(0) / count
        scale = np.sqrt(np.square(np.where(seen, columns - location, 0.0)).sum(0) / count)
        scale = np.where(scale > 1e-12 * np.abs(location), scale, 1.0)
        return cls(
            location=tuple(location.tolist()),
            scale=tuple(scale.tolist()),
            gaps=tuple(np.logical_not(seen.all(0)).tolist()),
        )

    @property
    def width(self) -> int:
        """Numeric inputs that the columns become, indicators included."""
        return len(self.location) + sum(self.gaps)

    def apply(self, columns: Floats) -> np.ndarray:
        """(N, K) as float32 (N, width): standardised values with 0 in gaps, then indicators of columns with gaps."""
        seen = ~np.isnan(columns)
        values = np.where(seen, (columns - np.array(self.location)) / np.array(self.scale), 0.0)
        indicators = ~seen[:, np.array(self.gaps, bool)]
        return np.concatenate([values, indicators], axis=1, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Covariates:
    """All that training learns about covariates.  ``vocabulary`` sizes count the unknown code 0."""

    past: Standard
    future: Standard
    static: Standard
    past_vocabulary: tuple[int, ...] = ()
    future_vocabulary: tuple[int, ...] = ()
    static_vocabulary: tuple[int, ...] = ()
    calendar: tuple[str, ...] = ()
    holidays: str | None = None

    @classmethod
    def learn(cls, panel: Panel, *, calendar: bool, holidays: str | None) -> Self:
        """Statistics of the covariates of a training panel, and the calendar features that it is long enough for."""
        schema = panel.schema

        def sizes(names: tuple[str, ...]) -> tuple[int, ...]:
            return tuple(len(schema.categories[name]) + 1 for name in names)

        first = int(panel.starts.min())
        names = calendar_features(panel.timeline, first, first, holidays)[0] if calendar else ()
        names = familiar(names, panel.timeline, float(np.median(panel.ends)))
        return cls(
            past=Standard.learn(panel.past[_up_to_ends(panel)]),
            future=Standard.learn(panel.future),
            static=Standard.learn(panel.static),
            past_vocabulary=sizes(schema.past_codes),
            future_vocabulary=sizes(schema.future_codes),
            static_vocabulary=sizes(schema.static_codes),
            calendar=names,
            holidays=holidays,
        )

    @property
    def future_width(self) -> int:
        return self.future.width + len(self.calendar)

    def tensors(self, panel: Panel, *, ahead: int, device: torch.device) -> "InputTensors":
        """The covariates of a panel on a device, with the calendar up to ``ahead`` steps after the last row."""
        timeline, starts = _compact(panel, ahead)
        first = int(starts.min()) if len(panel) else 0
        last = int((starts + panel.lengths).max()) + ahead if len(panel) else 0
        calendar = np.zeros((1, 0), np.float32)
        if self.calendar:
            names, columns = calendar_features(timeline, first, last, self.holidays)
            calendar = columns[:, [names.index(name) for name in self.calendar]]

        def put(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        return InputTensors(
            past=put(self.past.apply(panel.past)),
            future=put(self.future.apply(panel.future)),
            static=put(self.static.apply(panel.static)),
            past_codes=put(panel.past_codes),
            future_codes=put(panel.future_codes),
            static_codes=put(panel.static_codes),
            calendar=put(calendar),
            steps=put(starts - first),
            lengths=put(panel.lengths),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        kinds = {name: Standard(**_tuples(state[name])) for name in ("past", "future", "static")}
        return cls(**_tuples(state) | kinds)


def _compact(panel: Panel, ahead: int) -> tuple[Timeline, Ints]:
    """The timeline and the starts (S,) of a panel, without the room that row times leave behind each series."""
    if panel.timeline.rows is None:
        return panel.timeline, panel.starts
    starts = np.cumsum(panel.lengths + ahead) - panel.lengths - ahead
    numbers = panel.timeline.rows.numbers + np.repeat(starts - panel.starts, panel.lengths)
    return replace(panel.timeline, rows=replace(panel.timeline.rows, numbers=numbers)), starts


def _up_to_ends(panel: Panel) -> NDArray[np.bool_]:
    """(N,) true for the rows that training may see of a past covariate."""
    position = np.arange(len(panel.target)) - np.repeat(panel.offsets[:-1], panel.lengths)
    seen: NDArray[np.bool_] = position < np.repeat(panel.ends, panel.lengths)
    return seen


def _tuples(state: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in state.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class InputTensors:
    """Covariates of a panel on a device: rows (N, K), statics (S, K), the calendar (G, K) by grid step."""

    past: Tensor
    future: Tensor
    static: Tensor
    past_codes: Tensor
    future_codes: Tensor
    static_codes: Tensor
    calendar: Tensor
    steps: Tensor  # (S,) calendar row of each series' first row
    lengths: Tensor

    def gather(self, series: Tensor, rows: Tensor, relative: Tensor, span: int) -> dict[str, Tensor]:
        """Inputs of windows: rows and relative (B, T + H), the first ``span`` = T before the last origin."""
        inside = ((relative >= 0) & (relative < self.lengths[series][:, None]))[..., None]
        return {
            "past": _rows(self.past, rows[:, :span], inside[:, :span]),
            "past_codes": _rows(self.past_codes, rows[:, :span], inside[:, :span]),
            "future": torch.cat([_rows(self.future, rows, inside), self._calendar(series, relative)], dim=-1),
            "future_codes": _rows(self.future_codes, rows, inside),
            "static": self.static[series],
            "static_codes": self.static_codes[series],
        }

    def _calendar(self, series: Tensor, relative: Tensor) -> Tensor:
        if not self.calendar.shape[1]:
            return self.calendar.new_zeros(*relative.shape, 0)
        place = (self.steps[series][:, None] + relative).clamp(0, len(self.calendar) - 1)
        return torch.where(relative[..., None] >= 0, self.calendar[place], 0)  # else padding shows where others start


def _rows(columns: Tensor, rows: Tensor, inside: Tensor) -> Tensor:
    if not columns.shape[1]:
        return columns.new_zeros(*rows.shape, 0)
    return torch.where(inside, columns[rows], 0)
