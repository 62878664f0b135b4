"""Every channel read as a series of its own, with shared weights (PatchTST, Nie et al. 2023, section 3.1).

Dimension key: B batch, T time, H horizon, O origins, C channels, Q outputs per step.
"""

from dataclasses import replace

from torch import Tensor

from forecast.datasets.windows import Window
from forecast.networks.base import Carried, Network, Sizes


class IndependentChannels(Network):
    """A network of one channel over the C channels of a window, folded into the batch: C univariate forecasts.

    Covariates, statics and the number of the series are those of every channel.  ``network`` is causal and carries a
    state where the wrapped one does.
    """

    def __init__(self, sizes: Sizes, network: Network) -> None:
        super().__init__(sizes)
        self.network = network
        self.causal, self.carries, self.sampled = network.causal, network.carries, network.sampled

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        return self._unfold(self.network(self._fold(window), origins, every))

    def forced(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        return self._unfold(self.network.forced(self._fold(window), origins, every))

    def sample(self, window: Window, noise: Tensor) -> Tensor:
        apart = noise.expand(len(window.target), *noise.shape[1:]).movedim(3, 1).flatten(0, 1)  # (B·C, n, H, 2)
        return self._apart(self.network.sample(self._fold(window), apart[:, :, :, None]))[..., 0].movedim(1, -1)

    def begin(self, window: Window) -> tuple[Tensor, Carried]:
        raw, carried = self.network.begin(self._fold(window))
        return self._unfold(raw), [self._apart(part) for part in carried]

    def step(self, window: Window, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        raw, after = self.network.step(self._fold(window), [part.flatten(0, 1) for part in carried], place)
        return self._unfold(raw), [self._apart(part) for part in after]

    def _unfold(self, raw: Tensor) -> Tensor:
        """(B·C, O, H, 1, Q) as (B, O, H, C, Q)."""
        return self._apart(raw).squeeze(4).permute(0, 2, 3, 1, 4)

    def _apart(self, values: Tensor) -> Tensor:
        """(B·C, …) as (B, C, …), without a copy."""
        return values.reshape(-1, self.sizes.channels, *values.shape[1:])

    def _fold(self, window: Window) -> Window:
        """The window of B·C series of one channel, the channels of a series side by side."""
        channels = self.sizes.channels

        def repeated(values: Tensor) -> Tensor:
            return values.repeat_interleave(channels, 0)

        return replace(
            window,
            target=folded(window.target),
            observed=folded(window.observed),
            past=repeated(window.past),
            past_codes=repeated(window.past_codes),
            future=repeated(window.future),
            future_codes=repeated(window.future_codes),
            usual=repeated(window.usual),
            static=repeated(window.static),
            static_codes=repeated(window.static_codes),
            series=repeated(window.series),
            location=folded(window.location),
            scale=folded(window.scale),
            answer=None if window.answer is None else folded(window.answer),
            counted=None if window.counted is None else folded(window.counted),
        )


def folded(values: Tensor) -> Tensor:
    """(B, …, C) as (B·C, …, 1)."""
    return values.movedim(-1, 1).flatten(0, 1)[..., None]
