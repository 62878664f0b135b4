"""Output heads: what the last axis of a network means, with its loss."""

from forecast.outputs.base import Output
from forecast.outputs.point import PointLoss, PointOutput
from forecast.outputs.quantile import QuantileOutput

__all__ = ["Output", "PointLoss", "PointOutput", "QuantileOutput", "make_output"]


def make_output(levels: tuple[float, ...] | None, point_loss: PointLoss) -> Output:
    """The head for these settings: quantile levels, or points where there are none."""
    return QuantileOutput(levels) if levels else PointOutput(point_loss)
