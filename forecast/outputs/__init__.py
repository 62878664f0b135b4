"""Output heads: what the last axis of a network means, with its loss."""

from forecast.outputs.base import Output
from forecast.outputs.distribution import DISTRIBUTIONS, DistributionKind
from forecast.outputs.point import PointLoss, PointOutput
from forecast.outputs.quantile import QuantileOutput

__all__ = ["DistributionKind", "Output", "PointLoss", "PointOutput", "QuantileOutput", "make_output"]


def make_output(
    levels: tuple[float, ...] | None, point_loss: PointLoss, distribution: DistributionKind | None = None
) -> Output:
    """The head for these settings: a distribution, else quantile levels, or points where there are none."""
    if distribution is not None:
        return DISTRIBUTIONS[distribution]()
    return QuantileOutput(levels) if levels else PointOutput(point_loss)
