"""Covariates as networks take them: standardised once with training statistics, gaps as 0 plus an indicator.

Dimension key: B batch, T time, H horizon, N rows, S series, G grid steps, K columns.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.calendar import calendar_features, familiar
from forecast.datasets.panel import Panel
from forecast.datasets.scaling import blocks
from forecast.datasets.stored import Moments, Stored
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
        return cls.of(Moments.of(columns))

    @classmethod
    def of(cls, moments: Moments) -> Self:
        """The same from what was summed up before."""
        location = np.array(moments.mean)
        scale = np.sqrt(np.array(moments.squares) / np.maximum(moments.count, 1))
        scale = np.where(scale > 1e-12 * np.abs(location), scale, 1.0)
        return cls(location=moments.mean, scale=tuple(scale.tolist()), gaps=moments.gaps)

    @property
    def width(self) -> int:
        """Numeric inputs that the columns become, indicators included."""
        return len(self.location) + sum(self.gaps)

    def apply(self, columns: Floats) -> np.ndarray:
        """(…, K) as float32 (…, width): standardised values with 0 in gaps, then indicators of columns with gaps."""
        seen = ~np.isnan(columns)
        values = np.where(seen, (columns - np.array(self.location)) / np.array(self.scale), 0.0)
        indicators = ~seen[..., np.array(self.gaps, bool)]
        return np.concatenate([values, indicators], axis=-1, dtype=np.float32)


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
            past=Standard.of(past_moments(panel)),
            future=Standard.of(future_moments(panel)),
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

        def rows(name: str, standard: Standard | None = None) -> "Tensor | ColumnsOnDisk":
            array: np.ndarray = getattr(panel, name)
            if panel.on_disk is not None and array.shape[1]:
                return ColumnsOnDisk(panel.on_disk, name, standard)
            return put(array if standard is None else standard.apply(array))

        return InputTensors(
            past=rows("past", self.past),
            future=rows("future", self.future),
            static=put(self.static.apply(panel.static)),
            past_codes=rows("past_codes"),
            future_codes=rows("future_codes"),
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


def past_moments(panel: Panel) -> Moments:
    """Of the past covariates in the rows that training may see, those up to the ends."""
    stored = panel.on_disk
    if stored is not None and np.array_equal(panel.ends, stored.ends):
        return stored.past
    if not panel.past.shape[1]:
        return Moments()
    found = Moments()
    for first, last in blocks(panel.offsets, columns=panel.past.shape[1]):
        begin, lengths = panel.offsets[first], panel.lengths[first:last]
        position = np.arange(lengths.sum()) - np.repeat(panel.offsets[first:last] - begin, lengths)
        seen = position < np.repeat(panel.ends[first:last], lengths)
        found = found.joined(Moments.of(panel.past[begin : panel.offsets[last]][seen]))
    return found


def future_moments(panel: Panel) -> Moments:
    """Of the covariates known ahead, in all rows."""
    if panel.on_disk is not None:
        return panel.on_disk.future
    found = Moments()
    for first, last in blocks(panel.offsets, columns=panel.future.shape[1]) if panel.future.shape[1] else ():
        found = found.joined(Moments.of(panel.future[panel.offsets[first] : panel.offsets[last]]))
    return found


def _tuples(state: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in state.items()}


class ColumnsOnDisk:
    """Columns (N, K) of a panel on disk, standardised as they are taken."""

    def __init__(self, stored: Stored, name: str, standard: Standard | None) -> None:
        self.stored, self.name, self.standard = stored, name, standard
        width = stored.arrays[name].shape[1] if standard is None else standard.width
        self.shape = (len(stored.arrays[name]), width)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Rows (B, T) as (B, T, K)."""
        taken = self.stored.take(self.name, rows.numpy())
        return torch.from_numpy(taken if self.standard is None else self.standard.apply(taken))

    def new_zeros(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.int64 if self.standard is None else torch.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class InputTensors:
    """Covariates of a panel on a device: rows (N, K), statics (S, K), the calendar (G, K) by grid step."""

    past: Tensor | ColumnsOnDisk
    future: Tensor | ColumnsOnDisk
    static: Tensor
    past_codes: Tensor | ColumnsOnDisk
    future_codes: Tensor | ColumnsOnDisk
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


def _rows(columns: Tensor | ColumnsOnDisk, rows: Tensor, inside: Tensor) -> Tensor:
    if not columns.shape[1]:
        return columns.new_zeros(*rows.shape, 0)
    return torch.where(inside, columns[rows], 0)
