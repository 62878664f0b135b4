"""What all kinds of self-attention share: projections, heads and positions inside the scores.

Dimension key: B batch, N queries, M keys, D width, A heads.
"""

from typing import ClassVar

from torch import Tensor, nn

from forecast.errors import ConfigError
from forecast.layers.heads import check_heads, join_heads, split_heads
from forecast.layers.positions import make_distances, rotate
from forecast.layers.stack_config import Positions, StackConfig


class Attention(nn.Module):
    """Every token reads tokens of its own sequence.  (B, N, D) → (B, N, D).

    A kind says how queries, keys and values (B, A, N, D / A) are mixed; one that has weights says them, too.
    accepts: the positions that it can be combined with; a kind that holds its scores may add "relative" and "alibi" and
    put ``distances`` to them (see ``Distances``).  carries: whether it goes token after token.
    masks: whether it can be causal.  explains: what ``weights`` of its inputs tell.
    """

    explains: ClassVar[str] = "attention"
    accepts: ClassVar[frozenset[Positions]] = frozenset({"learned", "sinusoidal", "rotary", "none"})
    carries: ClassVar[bool] = False
    masks: ClassVar[bool] = True

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        check_heads(config.width, config.heads)
        if config.positions not in self.accepts:
            raise ConfigError(
                f"positions={config.positions!r} and attention={config.attention!r} do not go together",
                f"Choose positions of {', '.join(sorted(self.accepts))}.",
            )
        if config.causal and not self.masks:
            raise ConfigError(
                f"attention={config.attention!r} looks at all tokens to choose which are read, so it cannot be causal",
                "Choose architecture='encoder' or 'encoder-decoder'.",
            )
        self.heads, self.causal, self.rotary = config.heads, config.causal, config.positions == "rotary"
        self.distances = make_distances(config.positions, config.width, config.heads)
        self.inputs = nn.Linear(config.width, 3 * config.width)
        self.output = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        return self._join(self.mix(*self._project(x)))

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(B, A, N, D / A) from queries, keys and values of that shape."""
        raise NotImplementedError

    def weights(self, x: Tensor) -> Tensor:
        """(B, A, N, M): how much each token of (B, N, D) reads of each.  ``ConfigError`` where there is no such map."""
        raise ConfigError(f"{type(self).__name__} has no attention map", "Explain a forecaster with attention='full'.")

    def begin(self, x: Tensor, room: int) -> tuple[Tensor, list[Tensor]]:
        """``forward``, and what to go on from (two tensors), with room for ``room`` tokens in all."""
        raise ConfigError(
            f"{type(self).__name__} reads every window anew and has no state to carry from step to step",
            "Use attention='full' for streams.",
        )

    def step(self, x: Tensor, kept: list[Tensor], place: int) -> Tensor:
        """One more token (B, 1, D), the one at ``place``; what is kept is brought up to date in place."""
        raise NotImplementedError

    def _project(self, x: Tensor, start: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = (split_heads(part, self.heads) for part in self.inputs(x).chunk(3, dim=-1))
        if self.rotary:
            query, key = rotate(query, start), rotate(key, start)
        return query, key, value

    def _join(self, mixed: Tensor) -> Tensor:
        output: Tensor = self.output(join_heads(mixed))
        return output
