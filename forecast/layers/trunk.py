"""The contract of every trunk: tokens in, a state for each out.

Dimension key: B batch, N tokens, I inputs, D width.
"""

from torch import Tensor, nn

from forecast.errors import ConfigError

Carried = list[Tensor]  # what a causal trunk keeps of the tokens that it has read; each (B, …)


class Trunk(nn.Module):
    """Tokens (B, N, I) → states (B, N, D).

    causal: whether a token's state depends on nothing after the token.
    width: D.  carries: whether ``begin`` and ``step`` go token after token; kept: how many tensors they carry.
    """

    causal: bool = True
    carries: bool = False
    width: int
    kept: int = 0

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, Carried]:
        """``forward``, and the state after the last token to go on from, with room for ``room`` tokens in all.

        ``ConfigError`` where there is no state to carry.
        """
        raise ConfigError(
            f"{type(self).__name__} reads every window anew and has no state to carry from step to step",
            "Choose a causal forecaster that carries one: lstm, transformer or hybrid with their own settings.",
        )

    def step(self, x: Tensor, carried: Carried, place: int) -> tuple[Tensor, Carried]:
        """The state (B, 1, D) of one more token (B, 1, I), the one at ``place``, and the state to go on from."""
        raise NotImplementedError
