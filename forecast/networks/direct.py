"""Tokens → trunk → direct decoder: one pass over a window, or token after token with a carried state.

Dimension key: B batch, N tokens, O origins, H horizon, C channels, Q outputs per step, D width.
"""

from torch import Tensor

from forecast.datasets.windows import Window
from forecast.layers.blocks import AttentionStack
from forecast.layers.recurrent import RecurrentStack
from forecast.networks.base import Carried, Network
from forecast.networks.decoders import DirectDecoder
from forecast.networks.tokens import KnownAhead, Tokens, places


class DirectNetwork(Network):
    """What networks share that read tokens and forecast the whole horizon from the state at each origin.

    A subclass builds ``ahead``, ``tokens``, ``decoder`` and its ``trunk``; one with a trunk of several parts says how a
    token goes through them (``_read``, ``_read_first``, ``_read_on``).
    """

    trunk: RecurrentStack | AttentionStack
    ahead: KnownAhead
    tokens: Tokens
    decoder: DirectDecoder

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        self.require_causal(origins)
        ahead = self.ahead(window)
        states = self._read(self.tokens(window, ahead))  # (B, N, D)
        first = states.shape[1] - 1 - (origins - 1) * every
        forecasts: Tensor = self.decoder(states[:, first::every], window, ahead, every)
        return forecasts

    def begin(self, window: Window) -> tuple[Tensor, Carried]:
        if not self.causal:
            return super().begin(window)
        ahead = self.ahead(window)
        states, carried = self._read_first(self.tokens(window, ahead), places(self.sizes))
        return self.decoder(states[:, -1:], window, ahead), carried

    def step(self, window: Window, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        newest = window.last(self.sizes.patch, self.sizes.horizon)
        ahead = self.ahead(newest)
        states, after = self._read_on(self.tokens(newest, ahead), carried, place)
        return self.decoder(states, window, ahead), after

    def _read(self, tokens: Tensor) -> Tensor:
        """States (B, N, D) of tokens (B, N, D)."""
        states: Tensor = self.trunk(tokens)
        return states

    def _read_first(self, tokens: Tensor, room: int) -> tuple[Tensor, Carried]:
        """``_read``, and the state to go on from, up to ``room`` tokens in all."""
        states, carried = self.trunk.begin(tokens, room)
        return states, carried

    def _read_on(self, token: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        """The state (B, 1, D) of the token at ``place``, and the state to go on from."""
        states, after = self.trunk.step(token, carried, place)
        return states, after
