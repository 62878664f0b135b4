"""How much each member of a combination counts, learned from backtests on the same windows.

Dimension key: M members, W windows, H horizon, C channels, Q levels, N values that count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from forecast.datasets.arrays import Floats
from forecast.ensembles.greedy import pick
from forecast.ensembles.scaled import Scaled, scaled
from forecast.ensembles.stacking import stack
from forecast.errors import ConfigError, unknown_name
from forecast.evaluation.results import Backtest

Weighting = Literal["equal", "inverse-error", "greedy", "stacked"]
Measure = Literal["mase", "wql"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """Weights of M members, none negative, that sum to 1.

    members: their names.  points: (M,), of the point forecasts.  levels, by_level: (Q,) and (Q, M), the weights of each
    level where these were learned one by one; without levels ``points`` holds for all of them.
    how: the weighting that they come from.
    """

    members: tuple[str, ...]
    points: Floats
    levels: tuple[float, ...] = ()
    by_level: Floats | None = None
    how: Weighting = "equal"

    def at(self, levels: Sequence[float]) -> Floats:
        """(Q, M) weights of the given levels: those of ``levels``, in between on a straight line."""
        if self.by_level is None:
            return np.broadcast_to(self.points, (len(levels), len(self.points)))
        columns = [np.interp(levels, self.levels, column) for column in self.by_level.T]
        return np.stack(columns, axis=1)

    def as_mapping(self) -> dict[str, float]:
        """The weights of the points by member."""
        return dict(zip(self.members, self.points.tolist(), strict=True))

    def used(self) -> "Weights":
        """The same without the members that count for nothing."""
        table = self.points[None] if self.by_level is None else np.concatenate([self.points[None], self.by_level])
        chosen = np.flatnonzero((table > 0).any(axis=0))
        by_level = None if self.by_level is None else self.by_level[:, chosen]
        members = tuple(self.members[place] for place in chosen)
        return replace(self, members=members, points=self.points[chosen], by_level=by_level)

    def state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """What ``restored`` needs: values that JSON can hold, and arrays."""
        state = {"members": list(self.members), "levels": list(self.levels), "how": self.how}
        arrays = {"points": self.points}
        return state, arrays if self.by_level is None else arrays | {"by_level": self.by_level}

    @staticmethod
    def restored(state: Mapping[str, Any], arrays: Mapping[str, Floats]) -> "Weights":
        """The weights that ``state`` described; ``ValueError`` for arrays that do not fit."""
        members, levels = tuple(map(str, state["members"])), tuple(map(float, state["levels"]))
        points, by_level = arrays["points"], arrays.get("by_level")
        if points.shape != (len(members),) or (by_level is not None and by_level.shape != (len(levels), len(members))):
            raise ValueError(f"weights of {len(members)} members do not have the shape {points.shape}")
        if not all(np.isfinite(values).all() for values in (points, by_level) if values is not None):
            raise ValueError("the weights are not finite")
        if state["how"] not in get_args(Weighting):
            raise ValueError(f"{state['how']!r} is no weighting")
        return Weights(members=members, points=points, levels=levels, by_level=by_level, how=state["how"])


def equal_weights(members: Sequence[str]) -> Weights:
    """The same weight for all."""
    return Weights(members=tuple(members), points=np.full(len(members), 1 / len(members)))


def weigh(backtests: Mapping[str, Backtest], how: Weighting = "greedy", *, measure: Measure = "wql") -> Weights:
    """Weights of the forecasters behind backtests on the same windows, by name.

    equal: one as much as another.  inverse-error: by one over the error (Bates and Granger 1969: its square).
    greedy: the member that makes the mean best is added, again and again and as often as it helps (Caruana et al. 2004,
    Ensemble selection from libraries of models); on the windows it is chosen on it is never worse than the best member.
    stacked: for every level the weights of least pinball loss, drawn towards those of inverse-error (which are nearly
    equal for members that are nearly as good) where windows are few.
    measure: the error that inverse-error and greedy take: ``mase``, or ``wql``, the quantile loss in the scale of MASE,
    which says more of few windows; it needs levels that all have, and is MASE without them.

    Raises ``ConfigError`` for no backtests, for other windows, or an unknown name.
    """
    if how not in get_args(Weighting):
        raise unknown_name("weighting", str(how), get_args(Weighting))
    if measure not in get_args(Measure):
        raise unknown_name("measure of weights", str(measure), get_args(Measure))
    if not backtests:
        raise ConfigError("weights need at least one backtest", "Give {name: backtest(...)}.")
    members = tuple(backtests)
    if how == "equal" or len(members) == 1:
        return equal_weights(members)
    found = scaled(backtests, levels=how == "stacked" or measure == "wql")
    if not found.errors.size:
        return equal_weights(members)
    if how == "inverse-error":
        return Weights(members=members, points=_inverse(found), how=how)
    if how == "greedy":
        return Weights(members=members, points=pick(found), how=how)
    by_level = stack(found, _inverse(found))
    if not found.levels:
        return Weights(members=members, points=by_level[0], how=how)
    middle = np.array([np.interp(0.5, found.levels, column) for column in by_level.T])
    return Weights(members=members, points=middle, levels=found.levels, by_level=by_level, how=how)


def combine(values: Sequence[Floats], weights: Weights, levels: tuple[float, ...] = ()) -> Floats:
    """The weighted mean of the members' forecasts, each (W, H, C, 1 + Q): points, then ``levels``, in order.

    A mean of quantiles (Vincent 1912; Lichtendahl et al. 2013) has the members' shape and the mean of their widths.
    Levels whose weights differ may come out of order; they are then sorted (Chernozhukov et al. 2010), and only then.
    Raises ``ConfigError`` where the number of forecasts or levels is another.
    """
    if len(values) != len(weights.members):
        raise ConfigError(f"{len(values)} forecasts for {len(weights.members)} weights", "Give one of each member.")
    columns = 1 + len(levels)
    if any(value.shape[-1] != columns for value in values):
        raise ConfigError(
            f"forecasts do not have the {len(levels)} levels that were named", "Name the levels: levels=…."
        )
    table = np.concatenate([weights.points[None], weights.at(levels)])  # (1 + Q, M)
    result = np.zeros(values[0].shape)
    for member, value in enumerate(values):
        if table[:, member].any():  # a member without weight may well be undefined
            result += table[:, member] * value
    if weights.by_level is not None:
        result[..., 1:].sort(axis=-1)
    return result


def _inverse(found: Scaled) -> Floats:
    losses = found.losses()
    if (losses == 0).any():
        return np.asarray((losses == 0) / (losses == 0).sum())
    return np.asarray((1 / losses) / (1 / losses).sum())
