"""Point forecasts: the median under the absolute error, the mean under the squared one."""

from typing import Literal

from torch import Tensor

from forecast.datasets.arrays import Floats
from forecast.errors import ConfigError
from forecast.outputs.base import CLIP, Number, masked_sum

PointLoss = Literal["mae", "mse"]


class PointOutput:
    """One value per step and no levels."""

    size = 1
    point = 0
    centred = True

    def __init__(self, kind: PointLoss) -> None:
        self.kind = kind

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor, scale: Number = 1.0) -> tuple[Tensor, Tensor]:
        error = raw[..., 0] - answer.clamp(-CLIP, CLIP)
        return masked_sum(error.abs() if self.kind == "mae" else error.square(), counted)

    def values(self, raw: Tensor, levels: tuple[float, ...], scale: Number = 1.0) -> Tensor:
        if levels:
            raise ConfigError(
                "this forecaster was trained for points only and has no levels",
                "Fit it with levels=(0.05, …, 0.95) to get intervals.",
            )
        return raw

    def draw(self, raw: Tensor, noise: Tensor, scale: Number = 1.0) -> Tensor:
        raise ConfigError(
            "this forecaster was trained for points only and has nothing to draw samples from",
            "Fit it with levels=(0.05, …, 0.95) or with a distribution.",
        )

    def require(self, target: Floats) -> None:
        """Any number will do."""
