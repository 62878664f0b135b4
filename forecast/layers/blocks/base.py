"""The contract of every Transformer block.

Dimension key: B batch, N tokens, D width.
"""

from torch import Tensor, nn


class Block(nn.Module):
    """(B, N, D) → (B, N, D), all at once or, where it ``carries``, token after token.

    streams: vectors of a token that go through the blocks side by side; the inputs and outputs of more than one are
    (B, N, streams·D).
    """

    streams: int = 1
    carries: bool = False

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        """``forward``, and what the attention keeps of the tokens; see ``Attention.begin``."""
        raise NotImplementedError

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        """One more token (B, 1, D)."""
        raise NotImplementedError
