"""What a neural forecaster's open settings become for given data."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from forecast.datasets.checks import observed_steps
from forecast.datasets.panel import Panel
from forecast.datasets.seasons import detect_cycles
from forecast.errors import ConfigError

LONGEST_PATCH = 24
MOST_PATCHES = 128
FEWEST_PATCHES = 12  # tokens of a window without a season, whose patches have no natural length
SLACK = 0.75  # gaps come in clusters: a window may have fewer observed steps than its series
ENOUGH_HORIZONS = 12  # in the median series, for a run of full length
FEW_SERIES = 20
SHORTEST = 48  # steps of lookback that even a short season gets: 12 months see four years
MOST_ORIGINS = {"patches": 4, "steps": 24, "variates": 1}
TOKENS_PER_ORIGIN = 3

TokenKind = Literal["patches", "steps", "variates"]


class Settings(Protocol):
    """The settings that resolving reads."""

    horizon: int
    season_: int
    season: int | None
    tokens: TokenKind
    lookback: int | None
    patch: int | None
    origins: int | None
    min_context: int | None
    batch_size: int | None
    max_steps: int | None
    dropout: float | None


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Steps of lookback and patch, origins per pass, and what else follows from the data."""

    lookback: int
    patch: int
    origins: int
    min_context: int
    batch_size: int
    max_steps: int
    dropout: float


def resolve(settings: Settings, panel: Panel, *, causal: bool) -> Resolved:
    """Fill in every setting left open.  ``ConfigError`` for several origins of a network that is not causal."""
    median = float(np.median(panel.ends))
    cycles = tuple(sorted({*detect_cycles(panel), settings.season_} - {1}))
    patch = 1 if settings.tokens == "steps" else settings.patch or patch_of(settings.season_)
    lookback = settings.lookback or lookback_of(cycles, patch=patch, horizon=settings.horizon, median=median)
    if settings.tokens == "patches" and settings.patch is None and settings.season_ == 1:
        patch = min(LONGEST_PATCH, max(1, lookback // FEWEST_PATCHES))
    if settings.tokens == "variates":
        patch = 1  # the lookback is that of patches, but a token is all of it
    lookback = -(-lookback // patch) * patch
    if settings.origins is not None and settings.origins > 1 and not causal:
        raise ConfigError(
            f"origins={settings.origins}, but a network that is not causal forecasts from one origin per pass",
            "Set origins=1, or choose a causal network.",
        )
    if settings.min_context is not None and settings.min_context > lookback:
        raise ConfigError(
            f"min_context={settings.min_context}, but a window sees the {lookback} steps before its origin",
            f"Set min_context to at most {lookback}, or a longer lookback.",
        )
    origins = (
        1 if not causal else settings.origins or origins_of(settings.tokens, patch, lookback, median, settings.horizon)
    )
    return Resolved(
        lookback=lookback,
        patch=patch,
        origins=origins,
        min_context=settings.min_context
        or max(1, int(context_of(lookback, patch, settings.horizon, median) * observed_share(panel))),
        batch_size=settings.batch_size or 64,
        max_steps=settings.max_steps or steps_of(panel, settings.horizon),
        dropout=dropout_of(panel) if settings.dropout is None else settings.dropout,
    )


def patch_of(season: int) -> int:
    """The season where it is at most 24 steps, else its largest divisor of at most 24; 1 without a season."""
    if season <= LONGEST_PATCH:
        return season
    return max(d for d in range(1, LONGEST_PATCH + 1) if season % d == 0)


def lookback_of(cycles: tuple[int, ...], *, patch: int, horizon: int, median: float) -> int:
    """Two of the shortest cycle and one of the longest that fit; at least two horizons and 48 steps if there is room.

    Room is half of the median series, and 128 patches.  A cycle that repeats inside a longer one need not be seen twice
    in both: one week holds seven days, and leaves more windows than two do (M4 Hourly after 30 s: MASE .78 with one
    week, .81 with two).  One day alone is not enough (ETTm1, 48 ahead: .85 with one, .77 with two).
    """
    room = max(1, int(min(median / 2, MOST_PATCHES * patch)))
    reach = max((cycle for cycle in cycles if cycle <= room), default=0)
    if cycles and 2 * min(cycles) <= room:
        reach = max(reach, 2 * min(cycles))
    return max(reach, min(max(2 * horizon, SHORTEST), room))


def origins_of(tokens: TokenKind, patch: int, lookback: int, median: float, horizon: int) -> int:
    """Origins per pass, by time to accuracy: two at least, more where a pass is dear, as many as there is room for.

    Beyond a few they only add correlated windows, and where a pass is cheap each costs as much as it teaches.  M4
    Hourly, seven patches, 8 s on one thread, MASE with 1, 2, 3, 4 origins, medians of 3 seeds: hybrid .86 .82 .84 .89,
    Transformer .85 .84 .85 .89, LSTM .80 .82 .83 .83.  US births, 53 patches, LSTM: .34 .35 with 1 and 2, .33 with 4.
    """
    wanted = min(max(2, lookback // patch // TOKENS_PER_ORIGIN), MOST_ORIGINS[tokens])
    room = int(median - lookback - horizon) // patch  # beside one window of the median series
    return max(1, min(wanted, room))


def context_of(lookback: int, patch: int, horizon: int, median: float) -> int:
    """Observed steps that an origin needs to count: the lookback where series are long, less where windows are few."""
    if median >= 4 * (lookback + horizon):
        return lookback
    return max(1, min(lookback, max(patch, int(median - horizon) // 3)))


def observed_share(panel: Panel) -> float:
    """1 without gaps; with gaps, less than the share of observed steps that nine in ten series reach.

    Without it no window of a series with gaps would hold enough observed steps to count.
    """
    share = float(np.quantile(observed_steps(panel) / np.maximum(panel.ends, 1), 0.1))
    return share if share == 1 else SLACK * share


def steps_of(panel: Panel, horizon: int) -> int:
    """Training steps, 300 to 3,000: more for more data and more series, fewer where series are few horizons long.

    A single series is soon known by heart, however long (Nord Pool's 52,000 hours: MASE 1.02 after 2,200 steps, .96
    after 1,000), and so is a short time, however many series show it (Walmart, 104 weeks for 39 ahead: 1.07 to 1.10
    after 500 steps, 1.31 to 1.71 after 3,000); M4's 414 hourly series still gain at 3,000.
    """
    size = 1000 * np.log10(max(float(panel.ends.sum()), 10.0)) - 2500
    variety = 1000 + 800 * np.log10(max(len(panel), 1))
    horizons = float(np.median(panel.ends)) / horizon
    return int(np.clip(np.clip(min(size, variety), 500, 3000) * min(horizons / ENOUGH_HORIZONS, 1.0), 300, 3000))


def dropout_of(panel: Panel) -> float:
    """A tenth where there are few series, none where many of them hold the network in check.

    Nord Pool with covariates, 200 days: MASE .86 without, .79 with; M4 Hourly: .81 without, .85 with.
    """
    return 0.1 if len(panel) < FEW_SERIES else 0.0
