"""What settings, covariates and output fix about a network."""

from typing import TYPE_CHECKING

from forecast.networks.base import Sizes

if TYPE_CHECKING:
    from forecast.estimators.neural import NeuralForecaster


def sizes_of(forecaster: "NeuralForecaster", channels: int) -> Sizes:
    """Of the network for ``channels`` targets, once settings, covariates and output are known."""
    covariates, resolved = forecaster.covariates_, forecaster.resolved_
    return Sizes(
        lookback=resolved.lookback,
        horizon=forecaster.horizon,
        patch=resolved.patch,
        outputs=forecaster.output_.size,
        channels=channels,
        past=covariates.past.width,
        future=covariates.future_width,
        known=covariates.future.width,
        static=covariates.static.width,
        past_vocabulary=covariates.past_vocabulary,
        future_vocabulary=covariates.future_vocabulary,
        static_vocabulary=covariates.static_vocabulary,
        series=len(forecaster.series_) if forecaster.series_embedding else 0,
        persistent=forecaster.season_ == 1,
    )
