"""Whether what the settings ask for can be held by a machine at all."""

from forecast.errors import ConfigError
from forecast.estimators.defaults import Resolved
from forecast.networks.base import Sizes

MOST_NUMBERS = 1 << 32  # that a batch may hold: 16 GiB


def require_room(found: Resolved, sizes: Sizes) -> None:
    """``ConfigError`` for settings whose batches no machine holds: a number too many zeros long, as a rule."""
    span = found.lookback + (found.origins - 1) * found.patch + sizes.horizon
    if found.batch_size * span * (sizes.channels + sizes.past + sizes.future) > MOST_NUMBERS:
        raise ConfigError(
            f"batches of {found.batch_size} segments of {span} steps (lookback={found.lookback}, "
            f"patch={found.patch}, origins={found.origins}) are too large",
            "Lower batch_size, lookback, patch or origins.",
        )
