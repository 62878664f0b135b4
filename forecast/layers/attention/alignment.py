"""What a recurrent decoder reads of the encoder's states at each of its steps.

Dimension key: R rows, K tokens of the memory, D width.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

AlignmentKind = Literal["additive", "dot", "general"]


class Alignment(nn.Module):
    """The mean of a memory (R, K, D), weighted by how well each token goes with the decoder's state (R, D).

    ``keys`` prepares a memory once for all steps.  Output: the context (R, D).
    across: queries are of another sequence than keys.
    """

    explains: ClassVar[str] = "attention"
    across: ClassVar[bool] = True

    def keys(self, memory: Tensor) -> Tensor:
        """What the scores need of a memory (…, D): (…, D)."""
        return memory

    def scores(self, state: Tensor, keys: Tensor) -> Tensor:
        """(R, K)."""
        raise NotImplementedError

    def forward(self, state: Tensor, memory: Tensor, keys: Tensor) -> Tensor:
        return (self.weights(state, memory, keys)[:, 0] @ memory)[:, 0]

    def weights(self, state: Tensor, memory: Tensor, keys: Tensor) -> Tensor:
        """(R, 1, 1, K): how much the step reads of each token; they sum to 1."""
        return torch.softmax(self.scores(state, keys), -1)[:, None, None]


class AdditiveAlignment(Alignment):
    """v · tanh(W s + U h), a network of one hidden layer (Bahdanau et al. 2015, section 3.1 and appendix A.1.2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width, bias=False), nn.Linear(width, width)
        self.energy = nn.Linear(width, 1, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        projected: Tensor = self.key(memory)
        return projected

    def scores(self, state: Tensor, keys: Tensor) -> Tensor:
        energies: Tensor = self.energy(torch.tanh(self.query(state)[:, None] + keys))
        return energies[..., 0]


class DotAlignment(Alignment):
    """s · h (Luong et al. 2015, section 3.1)."""

    def __init__(self, width: int) -> None:
        super().__init__()

    def scores(self, state: Tensor, keys: Tensor) -> Tensor:
        return (keys @ state[..., None])[..., 0]


class GeneralAlignment(Alignment):
    """s · W h (Luong et al. 2015, section 3.1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)  # of the one state rather than of all tokens

    def scores(self, state: Tensor, keys: Tensor) -> Tensor:
        asked: Tensor = self.query(state)
        return (keys @ asked[..., None])[..., 0]


ALIGNMENTS: Mapping[AlignmentKind, Callable[[int], Alignment]] = {
    "additive": AdditiveAlignment,
    "dot": DotAlignment,
    "general": GeneralAlignment,
}
