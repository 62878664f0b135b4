"""Point forecasts: the median under the absolute error, the mean under the squared one."""

from typing import Literal

from torch import Tensor

from forecast.errors import ConfigError
from forecast.outputs.base import CLIP, masked_sum

PointLoss = Literal["mae", "mse"]


class PointOutput:
    """One value per step and no levels."""

    size = 1
    point = 0

    def __init__(self, kind: PointLoss) -> None:
        self.kind = kind

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        error = raw[..., 0] - answer.clamp(-CLIP, CLIP)
        return masked_sum(error.abs() if self.kind == "mae" else error.square(), counted)

    def values(self, raw: Tensor, levels: tuple[float, ...]) -> Tensor:
        if levels:
            raise ConfigError(
                "this forecaster was trained for points only and has no levels",
                "Fit it with levels=(0.05, …, 0.95) to get intervals.",
            )
        return raw
