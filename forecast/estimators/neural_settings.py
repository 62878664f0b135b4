"""The settings that every neural forecaster shares: how windows are read, normalised, and learned from."""

from dataclasses import dataclass
from typing import Literal

from forecast.datasets.windows import Location, Unit
from forecast.estimators.base import Forecaster
from forecast.estimators.defaults import TokenKind
from forecast.estimators.settings import Multiples, Range, setting
from forecast.outputs import DistributionKind, PointLoss


@dataclass(kw_only=True, eq=False, repr=False)
class NeuralSettings(Forecaster):
    """What the networks of all families take, each said once."""

    lookback: int | None = setting(
        None,
        help="steps that the network sees; from the cycles when None",
        low=1,
        search=Multiples(factors=(0.5, 2.0, 4.0)),
    )
    tokens: TokenKind = setting("patches", help="what a token is")
    patch: int | None = setting(None, help="steps per patch; from the season when None", low=1)
    channels: Literal["joint", "independent"] = setting(
        "joint", help="several targets: read together, or each as a series of its own with shared weights"
    )
    hidden_size: int = setting(64, help="width of the network", low=1, search=Range(low=32, high=128, step=32))
    highway: bool = setting(
        True, help="add a linear map of the window, which the network corrects", search=(True, False)
    )
    dropout: float | None = setting(
        None,
        help="share of activations dropped; from the number of series when None",
        low=0,
        below=1,
        search=(0.0, 0.1, 0.2),
    )
    location: Location = setting(
        "mean", help="what a window is shifted by: the mean of the lookback or its last value", search=("mean", "last")
    )
    scale: Unit = setting(
        "window",
        help="what a window is divided by: its own deviation, or the series', where large swings count for more",
        search=("window", "series"),
    )
    distribution: DistributionKind | None = setting(
        None,
        help="what each step is forecast as, trained on its likelihood; any level may then be asked for; None: levels",
    )
    calendar: bool = setting(
        True, help="calendar features of the time grid as covariates known ahead", search=(True, False)
    )
    series_embedding: bool = setting(False, help="a learned vector per training series", search=(False, True))
    point_loss: PointLoss = setting("mae", help="loss of points where levels is None: mae (median) or mse (mean)")
    max_steps: int | None = setting(None, help="training steps; from the size of the data when None", low=1)
    max_time: float | None = setting(None, help="seconds that fit may take as a whole", above=0)
    batch_size: int | None = setting(None, help="segments per step", low=1, search=(32, 64, 128))
    origins: int | None = setting(None, help="origins trained per segment; causal networks only beyond 1", low=1)
    min_context: int | None = setting(
        None, help="observed steps before an origin that training takes; from the series' length when None", low=1
    )
    learning_rate: float = setting(
        4e-3, help="highest learning rate", above=0, search=Range(low=3e-4, high=1e-2, log=True)
    )
    weight_decay: float = setting(
        0.05, help="decoupled weight decay", low=0, search=Range(low=1e-4, high=0.1, log=True)
    )
    patience: int | None = setting(
        6, help="validations (of 20) without improvement before the rate falls and training ends; None: never", low=1
    )
    device: str = setting("auto", help="auto, cpu, cuda, cuda:1, mps")
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto", help="of the training passes; auto: bfloat16 on GPUs that compute in it, else float32"
    )
    compile: bool = setting(False, help="compile the training passes, which takes a minute and pays in long trainings")
    threads: int | None = setting(None, help="CPU threads; all cores when None", low=1, high=1024)
