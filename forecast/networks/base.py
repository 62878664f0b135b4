"""The contract of every network: a window in, forecasts from its last O origins out.

Dimension key: B batch, T time, H horizon, O origins, N tokens, C channels, Q outputs per step, D width.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.errors import ConfigError
from forecast.layers.trunk import Carried

__all__ = ["Carried", "Network", "Sizes"]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What the data and the output head fix about a network: counts of inputs and outputs, vocabularies with code 0.

    known: how many of the ``future`` inputs, the first ones, are the user's own; the others come from the calendar.
    persistent: whether the data have no season, so that a copy of the last step is where forecasts start from.
    series: how many series have an embedding of their own; 0 for none.
    """

    lookback: int
    horizon: int
    patch: int
    outputs: int
    channels: int = 1
    past: int = 0
    future: int = 0
    known: int = 0
    static: int = 0
    past_vocabulary: tuple[int, ...] = ()
    future_vocabulary: tuple[int, ...] = ()
    static_vocabulary: tuple[int, ...] = ()
    series: int = 0
    persistent: bool = False


class Network(nn.Module):
    """Base of all networks.

    causal: whether a token's state depends on nothing after the token, so that one pass forecasts from many origins.
    carries: whether it forecasts token after token from a carried state (``begin``, ``step``).
    sampled: whether its forecasts are the levels of paths (``sample``), each step drawn given the steps before it.
    Origins lie at token ends: ``every`` tokens of ``sizes.patch`` steps apart, the last one at the end of the window.
    """

    causal: bool = False
    carries: bool = False
    sampled: bool = False

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        """Forecasts (B, O, H, C, Q) on the window's scale."""
        raise NotImplementedError

    def forced(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        """What the loss of a window with an answer is taken of, by which training and validation judge.

        The forecasts, unless a network's likelihood of a step is given the answer to the steps before it.
        """
        forecasts: Tensor = self(window, origins, every)
        return forecasts

    def sample(self, window: Window, noise: Tensor) -> Tensor:
        """Paths (B, n, H, C) on the window's scale, for a network that is ``sampled``.

        noise: (B or 1, n, H, C, 2) uniform numbers in (0, 1), which alone decide, so that no row depends on the others.
        """
        raise NotImplementedError(type(self).__name__)

    def begin(self, window: Window) -> tuple[Tensor, Carried]:
        """Forecasts (B, 1, H, C, Q) from the window's end, and the state after its last token, to go on from.

        There is room for as many tokens again as the lookback holds.  ``ConfigError`` where there is no state to carry.
        """
        raise ConfigError(
            f"{type(self).__name__} reads every window anew and has no state to carry from step to step",
            "Use a causal network: LSTMForecaster, HybridForecaster or TransformerForecaster(architecture='causal').",
        )

    def step(self, window: Window, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        """The same one token later, at the cost of that token: the trunk reads the newest token of the window only.

        window: the last ``lookback`` steps, of which the decoder may read more.  place: tokens read before.
        """
        raise NotImplementedError

    def require_causal(self, origins: int) -> None:
        """``ConfigError`` where a network that is not causal is asked for more than one origin."""
        if origins > 1 and not self.causal:
            raise ConfigError(
                f"{type(self).__name__} is not causal and forecasts from one origin per pass, not {origins}",
                "Use origins=1 or a causal network.",
            )
